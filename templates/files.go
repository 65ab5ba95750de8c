package templates

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Bounds of what is read: an override folder is an operator's, and a slip there
// (a database dump dropped into it) must end in one sentence.
const (
	maxFile  = 256 << 10
	maxFiles = 2000
)

const (
	partialsDir  = "_partials"
	manifestFile = "template.yaml"
	siteFile     = "_site.yaml"
)

var (
	nameRE    = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$`)
	formRE    = regexp.MustCompile(`^([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.(subject|html|txt|sms)$`)
	partialRE = regexp.MustCompile(`^([a-z][a-z0-9-]*)(?:\.([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*))?\.(html|txt)$`)
)

// read fills l.files from base and lays overrides over it, path by path.
func (l *loader) read(base, overrides fs.FS) {
	l.files = map[string]string{}
	for _, from := range []fs.FS{base, overrides} {
		if from != nil {
			l.readFrom(from)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(l.files)) {
		dir, name := path.Split(file)
		switch {
		case dir == "": // readFrom took known names only
		case dir == partialsDir+"/":
			if !partialRE.MatchString(name) {
				l.mistake(file, "is not a partial: they are called name.html, name.txt or name.ko.html")
			}
		case name == manifestFile || formRE.MatchString(name):
		default:
			l.mistake(file, "is not part of a template: there are %s and <locale>.subject, .html, .txt and .sms", manifestFile)
		}
	}
}

// readFrom reads two levels and no more. Links are followed (a mounted ConfigMap is
// made of them); names that begin with a dot are not ours.
func (l *loader) readFrom(from fs.FS) {
	top, err := fs.ReadDir(from, ".")
	if err != nil {
		l.mistake(".", "cannot be listed: %v", err)
		return
	}
	for _, found := range top {
		name := found.Name()
		info, err := fs.Stat(from, name)
		switch {
		case strings.HasPrefix(name, "."):
		case err != nil:
			l.mistake(name, "cannot be read: %v", err)
		case !info.IsDir() && strings.HasPrefix(name, "_"):
			if name != "_layout.html" && name != "_layout.txt" && name != siteFile {
				l.mistake(name, "is not known: there are _layout.html, _layout.txt and %s", siteFile)
				continue
			}
			l.readFile(from, name)
		case !info.IsDir(): // a README of the operator's
		case name != partialsDir && !nameRE.MatchString(name):
			l.mistake(name, "is not a template's name")
		default:
			l.readDir(from, name)
		}
	}
}

func (l *loader) readDir(from fs.FS, dir string) {
	inside, err := fs.ReadDir(from, dir)
	if err != nil {
		l.mistake(dir, "cannot be listed: %v", err)
		return
	}
	for _, found := range inside {
		name := found.Name()
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		l.readFile(from, path.Join(dir, name))
	}
}

func (l *loader) readFile(from fs.FS, name string) {
	if len(l.files) >= maxFiles {
		l.mistake(name, "is one file too many; at most %d are read", maxFiles)
		return
	}
	body, err := readBounded(from, name)
	switch {
	case err != nil:
		l.mistake(name, "cannot be read: %v", err)
	case !utf8.ValidString(body):
		l.mistake(name, "is not UTF-8")
	case strings.ContainsFunc(body, func(r rune) bool { return r == 0 || r >= tokenOpen && r <= '\uFDEF' }):
		l.mistake(name, "holds a NUL or one of U+FDD0 to U+FDEF, which are no characters and stand for actions here")
	default:
		// An editor's byte order mark would come before <!DOCTYPE> and switch browsers to quirks mode.
		l.files[name] = strings.ReplaceAll(strings.TrimPrefix(body, "\uFEFF"), "\r\n", "\n")
	}
}

func readBounded(from fs.FS, name string) (string, error) {
	file, err := from.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(body) > maxFile {
		return "", fmt.Errorf("more than %d bytes", maxFile)
	}
	return string(body), nil
}

// mistake notes one thing wrong with a file; Load reports all of them.
func (l *loader) mistake(file, format string, args ...any) {
	l.mistakes = append(l.mistakes, &fault.Error{
		Reason: fault.Invalid, Op: "templates: load", Field: file, Message: fmt.Sprintf(format, args...),
	})
}

// reject notes err against file; faults keep their own field.
func (l *loader) reject(file string, err error) {
	for _, one := range unjoin(err) {
		if f, ok := errors.AsType[*fault.Error](one); ok && f.Field != "" {
			l.mistake(file, "%s: %s", f.Field, f.Message)
			continue
		}
		l.mistake(file, "%v", one)
	}
}

func unjoin(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}
