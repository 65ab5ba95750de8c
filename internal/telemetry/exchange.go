package telemetry

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// URL redacts credentials, parameters and path segments of a URL.
func (r *Redactor) URL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return r.Text(text)
	}
	var b strings.Builder
	if u.Scheme != "" {
		b.WriteString(u.Scheme + ":")
	}
	if u.Opaque != "" {
		return r.Text(text)
	}
	if u.Host != "" || u.User != nil {
		b.WriteString("//")
	}
	if u.User != nil {
		b.WriteString(Redacted + "@")
	}
	b.WriteString(u.Host)
	b.WriteString(r.path(u.EscapedPath()))
	for i, pair := range strings.FieldsFunc(u.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		b.WriteString([]string{"?", "&"}[min(i, 1)] + r.parameter(pair))
	}
	return b.String()
}

// path hides the segment behind appKeys, where NHN Cloud puts its key.
func (r *Redactor) path(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if i > 0 && strings.EqualFold(segments[i-1], "appKeys") {
			segments[i] = Redacted
			continue
		}
		segments[i] = r.Text(segment)
	}
	return strings.Join(segments, "/")
}

// Header returns a redacted copy: values of authorising headers are removed
// whole, others are scanned.
func (r *Redactor) Header(header http.Header) http.Header {
	if header == nil {
		return nil
	}
	redacted := make(http.Header, len(header))
	for name, values := range header {
		hidden := r.authorising(name)
		for _, value := range values {
			if value = cut(clean(r.Text(value)), longText); hidden {
				value = Redacted
			}
			redacted[name] = append(redacted[name], value)
		}
	}
	return redacted
}

// authorising goes by parts of the name: vendors invent headers for their keys.
func (r *Redactor) authorising(name string) bool {
	if r.class(name) == secret {
		return true
	}
	lower := strings.ToLower(name)
	return slices.ContainsFunc([]string{"auth", "token", "secret", "cookie", "signature", "password", "credential", "api-key", "apikey", "access-key", "app-key", "appkey", "client-id"}, func(part string) bool {
		return strings.Contains(lower, part)
	})
}

// Request is the JSON document of a request for logs and attempt rows: method,
// url, headers and body, redacted, the body bounded to limit bytes. A JSON body
// stands in it as JSON.
func (r *Redactor) Request(method, url string, header http.Header, body []byte, limit int) jsontext.Value {
	doc := document{}
	doc.text("method", cut(clean(method), longText))
	doc.text("url", cut(clean(r.URL(url)), 4*longText))
	return r.rest(doc, header, body, limit)
}

// Response is the same for an answer; status is the vendor's own: "200", "250 2.0.0 Ok".
func (r *Redactor) Response(status string, header http.Header, body []byte, limit int) jsontext.Value {
	doc := document{}
	doc.text("status", cut(clean(r.Text(status)), longText))
	return r.rest(doc, header, body, limit)
}

func (r *Redactor) rest(doc document, header http.Header, body []byte, limit int) jsontext.Value {
	if len(header) > 0 {
		headers := document{}
		redacted := r.Header(header)
		for _, name := range sortedNames(redacted) {
			headers.text(name, strings.Join(redacted[name], ", "))
		}
		doc.raw("headers", headers.value())
	}
	if text := r.Body(header.Get("Content-Type"), body, limit); text != "" {
		if value := jsontext.Value(text); value.Kind() == '{' || value.Kind() == '[' {
			if value.IsValid() {
				doc.raw("body", value)
				return doc.value()
			}
		}
		doc.text("body", text)
	}
	return doc.value()
}

// document builds a flat JSON object; empty texts are left out.
type document struct{ out []byte }

func (d *document) text(name, value string) {
	if value != "" {
		d.raw(name, jsontext.Value(quote(value)))
	}
}

func (d *document) raw(name string, value jsontext.Value) {
	if len(d.out) > 0 {
		d.out = append(d.out, ',')
	}
	d.out = append(append(append(d.out, quote(name)...), ':'), value...)
}

func (d *document) value() jsontext.Value {
	return append(append([]byte{'{'}, d.out...), '}')
}

func sortedNames(header http.Header) []string {
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
