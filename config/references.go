package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxSecret bounds a secret and the file that holds it, in bytes.
const maxSecret = 64 << 10

// references turns what stands for a secret into the secret.
type references struct {
	environ map[string]string
	keys    Secret
	// files are those that were read: a change of one changes the configuration.
	files []string
}

// reveal follows env:, file: and sealed:. A variable or file may itself hold a
// sealed value. Relative paths start at dir.
func (r *references) reveal(text, dir string) (string, error) {
	switch {
	case strings.HasPrefix(text, "env:"):
		name := strings.TrimPrefix(text, "env:")
		value, ok := r.environ[name]
		if !ok || value == "" {
			return "", fmt.Errorf("variable %s is not set", name)
		}
		return r.unseal(value)
	case strings.HasPrefix(text, "file:"):
		return r.file(strings.TrimPrefix(text, "file:"), dir)
	default:
		return r.unseal(text)
	}
}

// revealAll follows every reference of a setting. A file or variable of a list
// of secrets holds several, one a line or with commas.
func (r *references) revealAll(s setting) (raw, error) {
	var list []string
	for _, item := range s.secretItems() {
		text, err := r.reveal(item, s.dir)
		if err != nil {
			return raw{}, err
		}
		if s.place.key.Type != SecretList {
			return raw{text: text}, nil
		}
		list = append(list, strings.Fields(strings.ReplaceAll(text, ",", " "))...)
	}
	return raw{list: list, isList: true}, nil
}

// secretItems are the texts of a secret setting, references not yet followed.
func (s setting) secretItems() []string {
	if s.place.key.Type == SecretList {
		return s.raw.items()
	}
	if s.raw.isList {
		return []string{strings.Join(s.raw.list, ",")}
	}
	return []string{s.raw.text}
}

func isReference(text string) bool {
	return strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:") || strings.HasPrefix(text, sealedPrefix)
}

// file reads a secret from a file; the line break that editors and secret
// stores leave at its end does not belong to it.
func (r *references) file(path, dir string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	// One that is not there yet is waited for too.
	r.files = append(r.files, path)
	text, err := readBounded(path, maxSecret)
	if err != nil {
		return "", err
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if value == "" {
		return "", fmt.Errorf("file %s is empty", path)
	}
	return r.unseal(value)
}

func (r *references) unseal(text string) (string, error) {
	if !strings.HasPrefix(text, sealedPrefix) {
		return text, nil
	}
	secret, err := Unseal(text, r.keys)
	if err != nil {
		return "", errors.New(strings.TrimPrefix(err.Error(), "config: "))
	}
	return secret.Reveal(), nil
}

func readBounded(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, fileError(path, err)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("file %s is larger than %d bytes", path, most)
	}
	return text, nil
}

func fileError(path string, err error) error {
	if pathError, ok := errors.AsType[*os.PathError](err); ok {
		err = pathError.Err
	}
	return fmt.Errorf("file %s: %w", path, err)
}
