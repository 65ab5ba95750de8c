package templates

import "strings"

// locales is the order in which the locales of a template are tried.
type locales struct {
	def      string
	fallback []string
}

// chain returns every locale to try for the one asked for, folded, nearest first:
// zh-Hant-TW, zh-hant, zh, then the fallback. "" asks for the default.
func (l locales) chain(asked string) []string {
	if asked == "" {
		asked = l.def
	}
	tried := make([]string, 0, len(l.fallback)+3)
	add := func(locale string) {
		for _, have := range tried {
			if have == locale {
				return
			}
		}
		tried = append(tried, locale)
	}
	for locale := fold(asked); locale != ""; {
		add(locale)
		cut := strings.LastIndexByte(locale, '-')
		if cut < 0 {
			break
		}
		locale = locale[:cut]
	}
	for _, locale := range l.fallback {
		add(fold(locale))
	}
	return tried
}

// own is the chain without the fallback: the locale itself and its language.
func (l locales) own(asked string) []string { return locales{def: l.def}.chain(asked) }

// fold makes ko_KR, ko-kr and ko-KR one and the same.
func fold(locale string) string {
	return strings.ToLower(strings.ReplaceAll(locale, "_", "-"))
}

// localised is something that exists in several locales, by folded locale.
type localised[T any] struct {
	by    map[string]*T
	names []string // as the files are called, sorted
}

// pick returns the nearest to the locale asked for; nil when there is none at all.
func pick[T any](from localised[T], order locales, asked string) *T {
	if found, ok := from.by[fold(asked)]; ok {
		return found
	}
	for _, locale := range order.chain(asked) {
		if found, ok := from.by[locale]; ok {
			return found
		}
	}
	if len(from.names) > 0 {
		return from.by[fold(from.names[0])]
	}
	return nil
}

func (l *localised[T]) put(locale string, value *T) {
	if l.by == nil {
		l.by = map[string]*T{}
	}
	l.by[fold(locale)] = value
	l.names = append(l.names, locale)
}
