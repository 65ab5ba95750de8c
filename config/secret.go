package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted stands for a secret wherever one would be printed.
const Redacted = "[redacted]"

// Secret is a text that prints as [Redacted] in every format. An empty one
// prints as "", so that a missing secret shows. Compare with Equal, never ==.
type Secret struct {
	// A pointer, because fmt reaches unexported fields of other structs without
	// calling their methods: what it prints then is an address.
	text *string
}

// NewSecret returns a secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// Reveal returns the text, for the one place that needs it: the wire.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal reports whether both hold the same text.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns [Redacted], or "" when there is no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return Redacted
}

// GoString is String: %#v shows no more.
func (s Secret) GoString() string { return s.String() }

// Format serves every verb of fmt alike; %x of a secret is no way around it.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// MarshalText serves JSON (both versions), YAML, XML and flags.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML is for encoders that look for it first.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue serves log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

var (
	_ fmt.Formatter  = Secret{}
	_ fmt.GoStringer = Secret{}
	_ slog.LogValuer = Secret{}
)
