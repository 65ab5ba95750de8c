package config

import (
	"fmt"
	"strings"
)

// Markdown is the reference of every key, for docs/CONFIGURATION.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\nGenerated from the table in `config`; change it there.\n\n" +
		"A value comes from a flag, else the environment, else `config/<env>.yaml` (or the file of `GANGWAY_CONFIG`), else the default.\n" +
		"The variable of a key is its path with the prefix `GANGWAY_`, dots and hyphens as `_`. A secret's variable may end in `_FILE` and name a\n" +
		"file; in YAML a secret is `env:NAME`, `file:PATH` or `sealed:…`. `worker config explain KEY` shows what is in force and why.\n\n" +
		"Environment: `GANGWAY_ENV` (" + strings.Join(Environments(), ", ") + "), `GANGWAY_CONFIG`, `GANGWAY_SECRETS_KEY` or `GANGWAY_SECRETS_KEY_FILE`.\n\n" +
		"`<name>` and `<provider>` are provider names; these need no driver: " + strings.Join(Presets(), ", ") + ".\n" +
		"`<kind>` is one of " + strings.Join(Kinds(), ", ") + "; the first word alone will do for the first five.\n")
	section := ""
	for _, key := range Keys() {
		if topic, _, _ := strings.Cut(key.Path, "."); topic != section && strings.Contains(key.Path, ".") {
			section = topic
			fmt.Fprintf(&b, "\n## %s\n\n| key | default | live | |\n|---|---|---|---|\n", topic)
		} else if !strings.Contains(key.Path, ".") && section != "general" {
			section = "general"
			b.WriteString("\n## general\n\n| key | default | live | |\n|---|---|---|---|\n")
		}
		live := ""
		if key.Reload {
			live = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s Allowed: %s. |\n", key.Path, cell(key.Default), live, cell(key.Doc), cell(key.allowed()))
	}
	return b.String()
}

// Example is a file with every key, its meaning and its default, all commented
// out: what config/example.yaml holds.
func Example() string {
	var b strings.Builder
	b.WriteString("# Every key of Gangway with its default. Generated from the table in config;\n" +
		"# copy what you change into config/<env>.yaml.\n")
	var open []string
	for _, key := range Keys() {
		parts := strings.Split(key.Path, ".")
		same := 0
		for same < len(open) && same < len(parts)-1 && open[same] == parts[same] {
			same++
		}
		for depth := same; depth < len(parts)-1; depth++ {
			if depth == 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "#%s%s:\n", indent(depth), parts[depth])
		}
		if len(parts) == 1 {
			b.WriteByte('\n')
		}
		open = parts[:len(parts)-1]
		depth := len(parts) - 1
		fmt.Fprintf(&b, "#%s# %s\n#%s# %s\n", indent(depth), key.Doc, indent(depth), key.allowed())
		value := key.Default
		if strings.ContainsAny(value, " ,") {
			value = "# " + value
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("#%s%s: %s", indent(depth), parts[depth], value), " ") + "\n")
	}
	return b.String()
}

func indent(depth int) string { return strings.Repeat("  ", depth) + " " }

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
