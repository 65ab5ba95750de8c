package templates

import (
	"fmt"
	htmltemplate "html/template"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// site holds what is the same in every message of one portal, by locale; "all" is
// every locale. It stands in _site.yaml, so that an operator changes an address or
// a telephone number without touching a template.
type site map[string]map[string]string

func parseSite(body string) (site, error) {
	s := site{}
	decoder := yaml.NewDecoder(strings.NewReader(body))
	if err := decoder.Decode(&s); err != nil {
		return nil, fmt.Errorf("must be a map of locales, each a map of strings: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return s, nil
}

// flatten returns the words of one locale, the nearest first.
func (s site) flatten(chain []string) map[string]string {
	words := map[string]string{}
	maps.Copy(words, s["all"])
	for _, locale := range slices.Backward(chain) {
		for name, those := range s {
			if fold(name) == locale {
				maps.Copy(words, those)
			}
		}
	}
	return words
}

// functions returns what templates may call, for one locale. None reads a file, the
// environment or the clock: the same variables always give the same words. None
// lets markup through unescaped.
func functions(locale string, words map[string]string) map[string]any {
	s := styleOf(locale)
	return map[string]any{
		"locale":   func() string { return locale },
		"site":     func(key string) (string, error) { return siteWord(words, key) },
		"args":     args,
		"lines":    lines,
		"join":     join,
		"date":     s.date,
		"datetime": s.datetime,
		"weekday":  s.weekday,
		"number":   s.number,
		"won":      s.won,
	}
}

// compiled adds what only composed documents may call. raw passes on conditional
// comments of the files themselves; only its one-element list gives a partial its
// own dot.
func compiled(functions map[string]any) map[string]any {
	all := maps.Clone(functions)
	all[rawFunc] = func(comment string) htmltemplate.HTML { return htmltemplate.HTML(comment) }
	all[onlyFunc] = func(value any) []any { return []any{value} }
	return all
}

// The names are not identifiers that an author would hit on, and the functions are
// not defined while the author's own files are parsed.
const (
	rawFunc  = "gw_raw"
	onlyFunc = "gw_only"
)

func siteWord(words map[string]string, key string) (string, error) {
	word, ok := words[key]
	if !ok {
		return "", argumentError{"site", fmt.Sprintf("(%s) is not in %s, which has %s", clip(key), siteFile, listed(slices.Sorted(maps.Keys(words))))}
	}
	return word, nil
}

// args makes the dot of a partial: {{template "button" args "label" "…" "url" .link}}.
func args(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, argumentError{"args", "have a name without a value at the end"}
	}
	made := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, argumentError{"args", "must be names and values in turn"}
		}
		made[name] = pairs[i+1]
	}
	return made, nil
}

// lines splits a multiline text at its line breaks; empty lines are left out.
func lines(value any) ([]string, error) {
	text, ok := asText(value)
	if !ok {
		return nil, argumentError{"lines", "is not a text"}
	}
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all, nil
}

// join writes a list of texts in one line.
func join(list any, separator string) (string, error) {
	elements, ok := list.([]any)
	if !ok {
		return "", argumentError{"join", "is not a list"}
	}
	texts := make([]string, 0, len(elements))
	for _, element := range elements {
		text, ok := asText(element)
		if !ok {
			return "", argumentError{"join", "is a list of something other than texts"}
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, separator), nil
}
