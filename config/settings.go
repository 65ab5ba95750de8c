package config

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one value that is in force, as it may be shown.
type Setting struct {
	Path   string `json:"path"`
	Value  string `json:"value"` // a secret is [Redacted]
	Origin string `json:"origin"`
	Reload bool   `json:"reload"` // whether a change takes effect without a restart
}

// Settings lists every value that is in force, by path. It is safe to print.
func (c *Config) Settings(origins *Origins) []Setting {
	var settings []Setting
	table := newTable()
	walk(reflect.ValueOf(c).Elem(), nil, func(parts []string, value reflect.Value) {
		path := public(parts)
		at, _ := table.find(path)
		settings = append(settings, Setting{path, show(value), origins.Of(path).String(), at.key.Reload()})
	})
	slices.SortFunc(settings, func(a, b Setting) int { return strings.Compare(a.Path, b.Path) })
	return settings
}

// Digest tells configurations apart by their values, secrets left aside: nothing
// can be learned of those from it.
func (c *Config) Digest() string {
	var lines []string
	walk(reflect.ValueOf(c).Elem(), nil, func(parts []string, value reflect.Value) {
		lines = append(lines, strconv.Quote(public(parts))+"="+strconv.Quote(show(value)))
	})
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(c.Env + "\n" + strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:6])
}

// Secrets lists every secret text in force, passwords of connection strings
// included: what a log must never show, whatever field it gets into.
func (c *Config) Secrets() []Secret { return append(secretsIn(&c.Static), c.Live.Secrets()...) }

// Secrets lists those of this part.
func (l *Live) Secrets() []Secret {
	secrets := secretsIn(l)
	identities, _ := parseIdentities(l.SecretsKey)
	for _, identity := range identities {
		secrets = append(secrets, NewSecret(identity.String()))
	}
	return secrets
}

// secretsIn lists those of a struct of the configuration.
func secretsIn(part any) (secrets []Secret) {
	walk(reflect.ValueOf(part).Elem(), nil, func(_ []string, value reflect.Value) {
		switch v := value.Interface().(type) {
		case Secret:
			secrets = append(secrets, v)
		case []Secret:
			secrets = append(secrets, v...)
		case DSN:
			secrets = append(secrets, v.credentials()...)
		}
	})
	return slices.DeleteFunc(secrets, Secret.IsZero)
}

// Change is one difference between two configurations.
type Change struct {
	Path   string
	Reload bool
}

// Diff lists the paths whose values differ in next, sorted, then the variables
// beside them. A reload that finds
// one with Reload false is refused.
func (c *Config) Diff(next *Config) []Change {
	table, before, after := newTable(), c.values(), next.values()
	var changes []Change
	for _, path := range slices.Compact(slices.Sorted(slices.Values(append(sortedKeys(before), sortedKeys(after)...)))) {
		if !reflect.DeepEqual(before[path], after[path]) {
			at, _ := table.find(path)
			changes = append(changes, Change{path, at.key.Reload()})
		}
	}
	if !c.SecretsKey.Equal(next.SecretsKey) {
		changes = append(changes, Change{envPrefix + "SECRETS_KEY", true})
	}
	if c.Env != next.Env {
		changes = append(changes, Change{envPrefix + "ENV", false})
	}
	return changes
}

func (c *Config) values() map[string]any {
	values := map[string]any{}
	walk(reflect.ValueOf(c).Elem(), nil, func(parts []string, value reflect.Value) {
		values[public(parts)] = value.Interface()
	})
	return values
}

// value returns what is in force for a setting, as it may be shown.
func (c *Config) value(at place) (string, bool) {
	var text string
	var set bool
	walk(reflect.ValueOf(c).Elem(), nil, func(parts []string, value reflect.Value) {
		if slices.Equal(parts, at.field()) {
			text, set = show(value), true
		}
	})
	return text, set
}

// walk visits every value of the configuration with the parts of its field path.
func walk(v reflect.Value, parts []string, visit func(parts []string, value reflect.Value)) {
	next := func(part string) []string { return append(parts[:len(parts):len(parts)], part) }
	switch {
	case v.Kind() == reflect.Map:
		for _, key := range v.MapKeys() {
			walk(v.MapIndex(key), next(key.String()), visit)
		}
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[Secret]() && v.Type() != reflect.TypeFor[DSN]():
		for i := range v.NumField() {
			name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("mapstructure"), ",")
			switch {
			case options == "squash":
				walk(v.Field(i), parts, visit)
			case name != "-":
				walk(v.Field(i), next(name), visit)
			}
		}
	default:
		visit(parts, v)
	}
}

// public turns the parts of a field into the path that people use.
func public(parts []string) string {
	if len(parts) > 2 && parts[0] == "cache" && parts[1] == "providers" {
		parts = slices.Delete(slices.Clone(parts), 1, 2)
		if len(parts) > 3 && parts[2] == "calls" {
			parts = slices.Delete(parts, 2, 3)
		}
	}
	return strings.Join(parts, ".")
}

func show(value reflect.Value) string {
	switch v := value.Interface().(type) {
	case time.Duration:
		return duration(v)
	case []string:
		return strings.Join(v, ", ")
	case []Secret:
		return strings.Join(slices.Repeat([]string{Redacted}, len(v)), ", ")
	case Secret:
		return v.String()
	case DSN:
		return v.String()
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case int, int64:
		return strconv.FormatInt(value.Int(), 10)
	default:
		return ""
	}
}
