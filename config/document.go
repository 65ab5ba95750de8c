package config

import (
	_ "embed" // for the head of the reference
	"fmt"
	"strings"
)

// head is what docs/CONFIGURATION.md says before its tables.
//
//go:embed document.md
var head string

// Markdown is docs/CONFIGURATION.md: the reference of every key.
func Markdown() string {
	code := func(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }
	var b strings.Builder
	b.WriteString(strings.NewReplacer("{presets}", code(Presets()), "{kinds}", code(Kinds())).Replace(head))
	section := ""
	for _, key := range Keys() {
		topic, _, deeper := strings.Cut(key.Path, ".")
		if !deeper {
			topic = "general"
		}
		if topic != section {
			section = topic
			fmt.Fprintf(&b, "\n## %s\n\n| key | default | value and unit | live | meaning |\n|---|---|---|---|---|\n", topic)
		}
		usual, live := "–", "no"
		if key.Default != "" {
			usual = "`" + cell(key.Default) + "`"
		}
		if key.Reload() {
			live = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", key.Path, usual, cell(key.allowed()), live, cell(key.Doc))
	}
	b.WriteString("\n## Options of the drivers\n\nUnder `providers.<name>.options`; they take effect with a reload.\n\n| driver | option | meaning |\n|---|---|---|\n")
	for _, driver := range Drivers() {
		for _, option := range optionsOf(driver) {
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", driver, option.name, cell(option.doc))
		}
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

// cell keeps a text within its cell, and <name> from being taken for HTML.
func cell(text string) string { return strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(text) }
