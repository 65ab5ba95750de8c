package config

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one mistake of a configuration.
type Problem struct {
	// Key is the path or the variable that is wrong.
	Key string
	// Value is what it holds, [Redacted] for a secret, "" where there is none.
	Value string
	// Message says what is wrong and what is allowed.
	Message string
}

// String is one line: `http.addr "nowhere": allowed: host:port …`.
func (p Problem) String() string {
	if p.Value == "" {
		return p.Key + ": " + p.Message
	}
	return fmt.Sprintf("%s %q: %s", p.Key, clip(p.Value), p.Message)
}

// Problems are all mistakes of a configuration, found at once, sorted by key.
// It is the error of [Load] and [Config.Validate].
type Problems []Problem //nolint:errname // the list is read as problems, and is an error besides

// Error lists every problem on a line of its own.
func (p Problems) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d problem", len(p))
	if len(p) != 1 {
		b.WriteByte('s')
	}
	for _, problem := range p {
		b.WriteString("\n  " + problem.String())
	}
	return b.String()
}

// orNil is the error of a list that may be empty.
func (p Problems) orNil() error {
	if len(p) == 0 {
		return nil
	}
	sort.SliceStable(p, func(i, j int) bool { return p[i].Key < p[j].Key })
	return p
}

func (p *Problems) add(key, value, format string, args ...any) {
	*p = append(*p, Problem{Key: key, Value: value, Message: fmt.Sprintf(format, args...)})
}

// clip keeps a value short enough for one line.
func clip(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
