package config

import (
	"reflect"
	"slices"
	"strings"
)

// Key documents one setting. It is the only place where a key is described:
// loading, validation, [Explain] and the generated documents read it.
type Key struct {
	// Path is the public name: "http.addr", "providers.<name>.rate". A part in
	// angle brackets stands for a name of the reader's choice.
	Path string
	Type Type
	// Default is the value when nothing sets it, written as in a file.
	Default string
	// Doc is one or two sentences.
	Doc string
	// Allowed lists the only values, when they are few.
	Allowed []string
	// Min and Max bound a number, a size or a duration; "" means unbounded.
	Min, Max string

	// field is the path inside Config where it differs from Path.
	field string
}

// Secret reports whether the value is never shown. Such a key may be given as a
// reference (env:NAME, file:PATH, sealed:…) and its variable as NAME_FILE.
func (k Key) Secret() bool {
	return k.Type == SecretText || k.Type == SecretList || k.Type == ConnString
}

// Env returns the name of the environment variable: "GANGWAY_HTTP_ADDR",
// "GANGWAY_PROVIDERS_<NAME>_RATE".
func (k Key) Env() string { return envName(k.Path) }

// Reload reports whether a change takes effect without a restart: whether the key
// has its field in [Live].
func (k Key) Reload() bool {
	return has(reflect.TypeFor[Live](), strings.Split(k.fieldPath(), "."))
}

// has reports whether a field path leads somewhere inside a type.
func has(t reflect.Type, parts []string) bool {
	switch {
	case len(parts) == 0:
		return true
	case t.Kind() == reflect.Map:
		return has(t.Elem(), parts[1:])
	case t.Kind() != reflect.Struct:
		return false
	}
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
		if options == "squash" && has(field.Type, parts) || name == parts[0] && has(field.Type, parts[1:]) {
			return true
		}
	}
	return false
}

// Keys returns every key, grouped by topic in the order of the documents.
func Keys() []Key {
	return slices.Concat(
		connectionKeys(), listenerKeys(), processKeys(), routeKeys(), providerKeys(), webhookOutKeys(), kindKeys(), messageKeys(), lookupKeys(), retentionKeys(), alertKeys(),
	)
}

// Kinds lists the command kinds that keys with <kind> take. Their first word
// alone ("email") is accepted for the first five.
func Kinds() []string {
	return []string{
		"email.send", "sms.send", "business.verify", "address.search", "webhook.process", "delivery.cancel", "business.complete",
	}
}

// kindOf returns the full name of a kind given whole or by its short form.
func kindOf(text string) (string, bool) {
	if slices.Contains(Kinds(), text) {
		return text, true
	}
	for _, kind := range Kinds()[:5] {
		if strings.HasPrefix(kind, text+".") {
			return kind, true
		}
	}
	return "", false
}

// envName is the rule of the contract: prefix, path joined with "_", "-" as "_".
func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}

const envPrefix = "GANGWAY_"

// fieldPath is where the key's value lives in [Config].
func (k Key) fieldPath() string {
	if k.field != "" {
		return k.field
	}
	return k.Path
}

func isWildcard(part string) bool { return strings.HasPrefix(part, "<") }

// fill puts names into the wildcards of a path, in order.
func fill(pattern []string, names []string) []string {
	filled := slices.Clone(pattern)
	for i, part := range filled {
		if isWildcard(part) && len(names) > 0 {
			filled[i], names = names[0], names[1:]
		}
	}
	return filled
}
