package config

import (
	"fmt"
	"slices"
	"strings"
)

// Explain says what a key means, what it may be, and, given a loaded
// configuration, what its value is and where that comes from. The key may be a
// pattern of [Keys], a path, a section, or the name of a variable. c and origins
// may be nil.
func Explain(key string, c *Config, origins *Origins) (string, error) {
	table := newTable()
	var names []string
	if c != nil {
		names = sortedKeys(c.Providers)
	}
	if variable, ok := strings.CutPrefix(key, envPrefix); ok {
		at, found := table.findEnv(variable, slices.Concat(names, Presets()))
		if !found {
			return "", fmt.Errorf("config: explain %s: %s", key, table.unknownVariable(variable, slices.Concat(names, Presets()), nil))
		}
		key = at.path()
	}
	for _, k := range Keys() {
		if k.Path == key && strings.Contains(key, "<") {
			return describe(place{key: k}, nil, nil), nil
		}
	}
	if at, ok := table.find(key); ok {
		return describe(at, c, origins), nil
	}
	var section []string
	for _, k := range Keys() {
		if key == "" || strings.HasPrefix(k.Path, key+".") {
			section = append(section, fmt.Sprintf("%-36s %s", k.Path, k.Doc))
		}
	}
	if len(section) == 0 {
		return "", fmt.Errorf("config: explain %s: %s", key, table.unknown(key))
	}
	return strings.Join(section, "\n") + "\n", nil
}

func describe(at place, c *Config, origins *Origins) string {
	k := at.key
	path, variable := k.Path, k.Env()
	if len(at.names) > 0 {
		path, variable = at.path(), at.env()
	}
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-9s %s\n", name, text)
		}
	}
	b.WriteString(path + "\n")
	line("", k.Doc)
	if c != nil {
		value, _ := c.value(at)
		if value == "" {
			value = "(empty)"
		}
		line("value", value)
		line("from", origins.Of(path).String())
	}
	line("allowed", k.allowed())
	line("default", k.Default)
	line("variable", variable)
	if k.Secret() {
		line("", variable+"_FILE names a file that holds it")
	}
	if k.Reload() {
		line("change", "takes effect without a restart")
	} else {
		line("change", "needs a restart")
	}
	return b.String()
}
