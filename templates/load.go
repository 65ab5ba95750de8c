package templates

import (
	"maps"
	"path"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
)

// loader turns files into a Set and gathers mistakes on the way.
type loader struct {
	order    locales
	files    map[string]string // by path
	parsed   map[string]parsed // likewise
	site     site
	mistakes []error
}

// parsed is one file: its own body and what it defines.
type parsed struct {
	body    *parse.ListNode
	defined map[string]*parse.ListNode
}

// compile builds every template it can; what it cannot is a mistake.
func (l *loader) compile() *Set {
	if body, ok := l.files[siteFile]; ok {
		found, err := parseSite(body)
		if err != nil {
			l.reject(siteFile, err)
		}
		l.site = found
	}
	forms := map[string][]string{} // file names by folder
	for file := range l.files {
		dir, name := path.Split(file)
		if dir != "" && dir != partialsDir+"/" {
			forms[path.Clean(dir)] = append(forms[path.Clean(dir)], name)
		}
	}
	set := &Set{entries: map[string]*entry{}, order: l.order}
	for _, name := range sortedKeys(forms) {
		set.entries[name] = l.entry(name, forms[name])
		set.names = append(set.names, name)
	}
	if len(set.names) == 0 {
		l.mistake(".", "holds no template")
	}
	return set
}

// entry compiles one folder.
func (l *loader) entry(name string, files []string) *entry {
	e := &entry{name: name}
	before := len(l.mistakes)
	found, subjects := usages{}, usages{}
	byLocale := map[string]map[string]bool{} // locale → extensions
	for _, file := range files {
		if form := formRE.FindStringSubmatch(file); form != nil {
			if byLocale[form[1]] == nil {
				byLocale[form[1]] = map[string]bool{}
			}
			byLocale[form[1]][form[2]] = true
		}
	}
	if len(byLocale) == 0 {
		l.mistake(name, "has no <locale>.subject, .html, .txt or .sms")
	}
	for _, locale := range sortedKeys(byLocale) {
		has := byLocale[locale]
		b := l.builder(name, locale)
		switch body := has["html"] || has["txt"]; {
		case body && has["subject"]:
			if m := b.mail(has); m != nil {
				e.mails.put(locale, m)
				subjects.collect(m.subject.file, m.subject.tree)
				found.collect(m.subject.file, m.subject.tree)
				found.collect(m.body().file, m.body().tree)
				found.collect(m.text.file, m.text.tree)
			}
		case body:
			l.mistake(path.Join(name, locale+".subject"), "is missing; an e-mail needs it")
		case has["subject"]:
			l.mistake(path.Join(name, locale+".html"), "is missing; a subject needs .html or .txt beside it")
		}
		if has["sms"] {
			if n := b.note(); n != nil {
				e.notes.put(locale, n)
				found.collect(n.text.file, n.text.tree)
				if n.subject != nil {
					found.collect(n.subject.file, n.subject.tree)
					subjects.collect(n.subject.file, n.subject.tree)
				}
			}
		}
	}
	// What a file that does not compile would have used is unknown.
	if len(l.mistakes) == before {
		l.settle(e, found, subjects)
	}
	return e
}

// settle finds the contract of a template and compares it with what the files use.
func (l *loader) settle(e *entry, found, subjects usages) {
	body, declared := l.files[path.Join(e.name, manifestFile)]
	if !declared {
		e.contract = found.infer(e.name)
		return
	}
	file := path.Join(e.name, manifestFile)
	c, err := parseContract(e.name, body)
	if err != nil {
		l.reject(file, err)
		return
	}
	for _, name := range sortedKeys(found) {
		if _, ok := c.variables[name]; !ok {
			l.mistake(found[name].file, "uses .%s, which %s does not declare", name, manifestFile)
		}
	}
	for _, name := range c.names {
		if _, ok := found[name]; !ok {
			l.mistake(file, "variables.%s: is declared, but no file uses it", name)
		}
	}
	for _, name := range c.sensitive {
		if used, ok := subjects[name]; ok {
			l.mistake(used.file, "uses .%s, which is sensitive; subjects are stored and logged", name)
		}
	}
	e.contract = c
}

// parse reads one file as a template, once. nil when it has a mistake.
func (l *loader) parse(file string) *parsed {
	if done, ok := l.parsed[file]; ok {
		return &done
	}
	body := l.files[file]
	if strings.HasSuffix(file, ".subject") {
		body = strings.TrimSpace(body)
	}
	// The functions' names are all that parsing needs.
	t, err := texttemplate.New(file).Funcs(functions("", nil)).Parse(body)
	if err != nil {
		l.mistake(file, "line %s", strings.TrimPrefix(err.Error(), "template: "+file+":"))
		return nil
	}
	p := parsed{defined: map[string]*parse.ListNode{}}
	for _, one := range t.Templates() {
		if one.Tree == nil {
			continue
		}
		if one.Name() == file {
			p.body = one.Root
		} else {
			p.defined[one.Name()] = one.Root
		}
	}
	if p.body == nil {
		p.body = &parse.ListNode{NodeType: parse.NodeList}
	}
	l.parsed[file] = p
	return &p
}

// partial finds a partial for a locale: name.ko.html before name.html. nil when
// there is none.
func (l *loader) partial(name, extension string, chain []string) *parsed {
	for _, locale := range chain {
		for _, file := range sortedKeys(l.files) {
			found := partialRE.FindStringSubmatch(path.Base(file))
			if path.Dir(file) == partialsDir && found != nil && found[1] == name && fold(found[2]) == locale && found[3] == extension {
				return l.parse(file)
			}
		}
	}
	file := path.Join(partialsDir, name+"."+extension)
	if _, ok := l.files[file]; ok {
		return l.parse(file)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
