package telemetry

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// longText is how much of one text of a body is kept, in bytes.
	longText = 1024
	// deep is how far objects in objects are followed.
	deep = 32
	// closing is the room kept for closing one open object, in bytes.
	closing = 16
)

// Body redacts what was sent or received and bounds it to limit bytes. JSON stays
// JSON, and a form stays a form; what does not fit is left out and marked.
// Anything else is free text. The result is valid UTF-8 without NUL, so that
// Postgres takes it.
func (r *Redactor) Body(contentType string, body []byte, limit int) string {
	if len(body) == 0 || limit <= 0 {
		return ""
	}
	kind := strings.ToLower(contentType)
	body = bytes.TrimPrefix(body, []byte("\uFEFF"))
	first := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case strings.Contains(kind, "form-urlencoded"):
		return r.form(body, limit)
	case strings.HasPrefix(kind, "multipart/"), strings.HasPrefix(kind, "message/"):
		return size(len(body), contentType)
	case len(first) > 0 && (first[0] == '{' || first[0] == '[' || strings.Contains(kind, "json")):
		if text, ok := r.json(public, body, limit); ok {
			return text
		}
	case !utf8.Valid(body[:min(len(body), 512)]) && bytes.IndexByte(body[:min(len(body), 512)], 0) >= 0:
		return size(len(body), contentType)
	}
	return r.plain(body, limit)
}

func size(n int, contentType string) string {
	if contentType == "" {
		contentType = "binary"
	}
	return fmt.Sprintf("<%d bytes of %s>", n, contentType)
}

// plain redacts free text. It redacts more than it keeps, so that a secret does
// not survive by being cut.
func (r *Redactor) plain(body []byte, limit int) string {
	text := clean(string(body[:min(len(body), limit+4096)]))
	return cut(r.Text(text), limit)
}

// form redacts application/x-www-form-urlencoded pair by pair.
func (r *Redactor) form(body []byte, limit int) string {
	var b strings.Builder
	rest := string(body[:min(len(body), limit+64<<10)])
	for i := 0; rest != "" && b.Len() < limit; i++ {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(r.parameter(pair))
	}
	return cut(clean(b.String()), limit)
}

// parameter redacts one pair of a form or query. Values stay escaped.
func (r *Redactor) parameter(pair string) string {
	name, value, found := strings.Cut(pair, "=")
	if !found {
		return r.Text(pair)
	}
	plainName, err := url.QueryUnescape(name)
	if err != nil {
		plainName = name
	}
	plainValue, err := url.QueryUnescape(value)
	if err != nil {
		plainValue = value
	}
	masked := r.named(r.class(plainName), plainValue)
	if masked == plainValue {
		return r.Text(name) + "=" + value
	}
	return r.Text(name) + "=" + masked
}

// named redacts a text by the class of its name.
func (r *Redactor) named(c class, text string) string {
	switch {
	case text == "":
		return ""
	case c == secret:
		return Redacted
	case c == address:
		return r.Mask(text)
	case c == person:
		return maskPerson(text)
	case c == content || c == wrapped:
		if strings.HasPrefix(text, "[") && strings.HasSuffix(text, " characters]") {
			return text
		}
		return fmt.Sprintf("[%d characters]", utf8.RuneCountInString(text))
	default:
		return r.Text(text)
	}
}

// json redacts a JSON text. The second result is false when it is none ("[ERROR]
// out of order"); one that breaks off is kept up to there, closed and marked. c
// is the class of the whole.
func (r *Redactor) json(c class, body []byte, limit int) (string, bool) {
	j := &jsonRedaction{
		redactor: r, limit: limit,
		in: jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
	}
	j.value(c, 0)
	if len(j.out) == 0 || j.broken && !j.real {
		return "", false
	}
	return string(j.out), true
}

type jsonRedaction struct {
	redactor *Redactor
	in       *jsontext.Decoder
	out      []byte
	limit    int
	ended    bool // nothing more is read: the limit is reached or the text is broken
	broken   bool // the text is not JSON from here on
	real     bool // something of it was
}

// fits reports whether n more bytes leave room to close what is open.
func (j *jsonRedaction) fits(n, depth int) bool {
	return len(j.out)+n+(depth+1)*closing <= j.limit
}

// value copies the next value, redacted by the class of its name. When it sets
// ended it may have written nothing.
func (j *jsonRedaction) value(c class, depth int) {
	switch j.in.PeekKind() {
	case '{', '[':
		if depth >= deep {
			if j.in.SkipValue() != nil {
				j.fail()
				return
			}
			j.write(`"[…]"`, depth)
			return
		}
		j.container(c, depth)
	case '"':
		token, err := j.in.ReadToken()
		if err != nil {
			j.fail()
			return
		}
		j.write(quote(cut(j.redactor.named(c, clean(cut(token.String(), 4*longText))), longText)), depth)
	case '0':
		value, err := j.in.ReadValue()
		if err != nil {
			j.fail()
			return
		}
		text := string(value)
		if c != address && c != secret {
			c = public
		}
		if masked := j.redactor.named(c, text); masked != text {
			text = quote(masked)
		}
		j.write(text, depth)
	default:
		value, err := j.in.ReadValue()
		if err != nil {
			j.fail()
			return
		}
		j.write(string(value), depth)
	}
}

func (j *jsonRedaction) fail() { j.ended, j.broken = true, true }

func (j *jsonRedaction) write(text string, depth int) {
	j.real = true
	if !j.fits(len(text), depth) {
		j.ended = true
		return
	}
	j.out = append(j.out, text...)
}

// container copies an object or a list up to its end, or to where reading ended.
func (j *jsonRedaction) container(c class, depth int) {
	open, err := j.in.ReadToken()
	if err != nil || !j.fits(2, depth) {
		j.ended = true
		return
	}
	object := open.Kind() == '{'
	shut, end, marker := byte(']'), jsontext.Kind(']'), `"…"`
	if object {
		shut, end, marker = '}', '}', `"…":"…"`
	}
	j.out = append(j.out, open.String()[0])
	names := map[string]bool{}
	for first := true; !j.ended; first = false {
		if j.in.PeekKind() == end {
			if _, err := j.in.ReadToken(); err == nil {
				j.out, j.real = append(j.out, shut), true
				return
			}
		}
		before := len(j.out)
		if !first {
			j.out = append(j.out, ',')
		}
		member := c
		if object {
			member = j.name(c, names, depth+1)
		}
		start := len(j.out)
		if !j.ended {
			j.value(member, depth+1)
		}
		if j.ended && len(j.out) == start {
			j.out = j.out[:before] // a name without a value, or a comma without anything
		}
	}
	if !names["…"] {
		if j.out[len(j.out)-1] != open.String()[0] {
			j.out = append(j.out, ',')
		}
		j.out = append(j.out, marker...)
	}
	j.out = append(j.out, shut)
}

// name copies a member's name and returns the class of its value. A name that
// stands there already is changed: JSON with doubled names is refused elsewhere.
func (j *jsonRedaction) name(outer class, names map[string]bool, depth int) class {
	token, err := j.in.ReadToken()
	if err != nil || token.Kind() != '"' {
		j.fail()
		return public
	}
	name := token.String()
	shown := cut(clean(j.redactor.Text(name)), longText)
	for names[shown] {
		shown += "′"
	}
	names[shown] = true
	j.write(quote(shown)+":", depth)
	if outer == wrapped || outer == secret {
		return outer
	}
	return j.redactor.class(name)
}

// clean makes text valid UTF-8 without NUL.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// cut keeps at most limit bytes, whole runes, and marks what is missing.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const mark = "…"
	end := max(limit-len(mark), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	if limit < len(mark) {
		return ""
	}
	return text[:end] + mark
}

func quote(text string) string {
	quoted, err := jsontext.AppendQuote(nil, clean(text))
	if err != nil {
		return `""`
	}
	return string(quoted)
}
