package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
)

// DSN is a connection string. It prints with its credentials masked, so that an
// operator sees where a connection goes and nothing else.
type DSN struct {
	secret Secret
}

// NewDSN returns a connection string: a URL, several with commas, or
// "host=… password=…".
func NewDSN(text string) DSN { return DSN{secret: NewSecret(text)} }

// Reveal returns the text, credentials included.
func (d DSN) Reveal() string { return d.secret.Reveal() }

// IsZero reports whether there is none.
func (d DSN) IsZero() bool { return d.secret.IsZero() }

// Equal reports whether both hold the same text.
func (d DSN) Equal(other DSN) bool { return d.secret.Equal(other.secret) }

// String returns the text with every credential as [Redacted].
func (d DSN) String() string {
	text := d.Reveal()
	if strings.Contains(text, "://") {
		parts := strings.Split(text, ",")
		for i, part := range parts {
			parts[i] = maskURL(strings.TrimSpace(part))
		}
		return strings.Join(parts, ",")
	}
	return maskKeywords(text)
}

// GoString is String: %#v shows no more.
func (d DSN) GoString() string { return d.String() }

// Format serves every verb of fmt alike.
func (d DSN) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, d.String()) }

// MarshalText serves JSON (both versions), YAML, XML and flags.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// MarshalYAML is for encoders that look for it first.
func (d DSN) MarshalYAML() (any, error) { return d.String(), nil }

// LogValue serves log/slog.
func (d DSN) LogValue() slog.Value { return slog.StringValue(d.String()) }

// credentials are the parts that a log must not show, decoded and as written.
func (d DSN) credentials() []Secret {
	var found []Secret
	add := func(text string) {
		if text != "" {
			found = append(found, NewSecret(text))
		}
	}
	text := d.Reveal()
	if !strings.Contains(text, "://") {
		for pair := range strings.FieldsSeq(text) {
			if value, ok := strings.CutPrefix(pair, "password="); ok {
				add(strings.Trim(value, "'"))
			}
		}
		return found
	}
	for part := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(strings.TrimSpace(part))
		if err != nil {
			add(part)
			continue
		}
		add(u.Query().Get("password"))
		password, ok := u.User.Password()
		if !ok && !strings.HasPrefix(u.Scheme, "postgres") {
			password = u.User.Username() // a NATS token
		}
		add(password)
		if escaped := url.QueryEscape(password); escaped != password {
			add(escaped)
		}
	}
	return found
}

// maskURL keeps scheme, host, path and the name of the user. A user without a
// password is a token in a NATS URL; a URL that cannot be read shows nothing; of
// a query only harmless parameters stay.
func maskURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return Redacted
	}
	var b strings.Builder
	if u.Scheme != "" {
		b.WriteString(u.Scheme + "://")
	}
	if u.User != nil {
		if _, ok := u.User.Password(); ok {
			b.WriteString(url.User(u.User.Username()).String() + ":" + Redacted + "@")
		} else if strings.HasPrefix(u.Scheme, "postgres") {
			b.WriteString(u.User.String() + "@")
		} else {
			b.WriteString(Redacted + "@")
		}
	}
	b.WriteString(u.Host + u.EscapedPath())
	for i, pair := range strings.FieldsFunc(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		b.WriteString([]string{"?", "&"}[min(i, 1)] + maskPair(pair))
	}
	return b.String()
}

// maskKeywords is for "host=db user=app password='x y'": parameters known to be
// harmless keep their value. Quoted values may hold spaces, so anything that
// does not look like a plain pair is left out whole.
func maskKeywords(text string) string {
	if text == "" {
		return ""
	}
	if !strings.Contains(text, "=") {
		return maskURL("//" + text)
	}
	if strings.ContainsAny(text, `'\`) {
		return Redacted
	}
	pairs := strings.Fields(text)
	for i, pair := range pairs {
		pairs[i] = maskPair(pair)
	}
	return strings.Join(pairs, " ")
}

func maskPair(pair string) string {
	name, _, found := strings.Cut(pair, "=")
	if !found {
		return Redacted
	}
	switch strings.ToLower(name) {
	case "host", "hostaddr", "port", "user", "dbname", "database", "sslmode", "application_name", "connect_timeout",
		"target_session_attrs", "search_path", "pool_max_conns", "pool_min_conns", "tls":
		return pair
	default:
		return name + "=" + Redacted
	}
}

var (
	_ fmt.Formatter  = DSN{}
	_ fmt.GoStringer = DSN{}
	_ slog.LogValuer = DSN{}
)
