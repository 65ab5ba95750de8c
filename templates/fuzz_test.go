package templates

import (
	"strings"
	"testing"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// FuzzVariables gives a shipped template whatever anyone may send. A message that
// comes out has one subject line, no element and no link that the template has not.
func FuzzVariables(f *testing.F) {
	for _, seed := range []string{
		`"김민수"`, `"<script>alert(1)</script>"`, `"</title><img src=x>"`, `7`, `1e400`, `-0`, `true`, `null`, `[]`, `{}`,
		`[{"title":"a","reason":"b"}]`, `[{"title":"\u202e<b>"}]`, `"a\r\nBcc: x@y.example"`, `"javascript:alert(1)"`,
		`"https://a.example/?q=<\"'>"`, `"mailto:a@b.example"`, `"{{.name}}"`, "\"\uFDD0" + `1\ufdd1"`, `"ZgotmplZ"`, `"`, `[`, `{"a":`, "",
	} {
		f.Add(seed, seed, seed)
	}
	set, err := Load(Options{})
	if err != nil {
		f.Fatal(err)
	}
	elements := map[string]map[string]bool{}
	for _, template := range []string{"supplement-requested", "password-reset", "announcement"} {
		mail, err := set.Email(template, "ko", set.Examples(template, "ko"))
		if err != nil {
			f.Fatal(err)
		}
		elements[template] = elementsOf(f, mail.HTML)
	}
	f.Fuzz(func(t *testing.T, name, list, link string) {
		for template, variables := range map[string]map[string]jsontext.Value{
			"supplement-requested": vars("name", name, "number", `"1"`, "due", `"2026-01-31"`, "items", list, "upload_url", link, "message", name),
			"password-reset":       vars("reset_link", link, "name", name, "ip", list),
			"announcement":         vars("title", name, "body", name, "unsubscribe_url", link, "highlights", list),
		} {
			mail, err := set.Email(template, "ko", variables)
			if err != nil {
				if fault.Of(err) != fault.Invalid || !strings.HasPrefix(fault.As(err).Field, "variables") {
					t.Fatalf("%v", err)
				}
				continue
			}
			if mail.Subject == "" || strings.ContainsFunc(mail.Subject, unicode.IsControl) {
				t.Fatalf("subject %q", mail.Subject)
			}
			for element := range elementsOf(t, mail.HTML) {
				if !elements[template][element] {
					t.Fatalf("a variable brought <%s> into the HTML", element)
				}
			}
		}
	})
}

// elementsOf returns the elements of a page with the schemes of its links.
func elementsOf(t testing.TB, page string) map[string]bool {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for node := range doc.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		found[node.Data] = true
		href := attribute(node, "href")
		if node.DataAtom == atom.A && !strings.HasPrefix(strings.ToLower(href), "http") && !strings.HasPrefix(strings.ToLower(href), "mailto:") {
			t.Fatalf("link to %q", href)
		}
		for _, a := range node.Attr {
			if strings.HasPrefix(a.Key, "on") {
				t.Fatalf("<%s %s>", node.Data, a.Key)
			}
		}
	}
	return found
}

// FuzzFiles gives the compiler whatever an operator may put into a folder. What
// loads must render and stay parseable.
func FuzzFiles(f *testing.F) {
	for _, seed := range []string{
		"<p>{{.x}}</p>", "{{if .x}}<div>{{else}}<p>{{end}}", "<table>{{range .x}}<tr><td>{{.}}</td></tr>{{end}}</table>",
		`{{define "p"}}{{.a}}{{end}}{{template "p" args "a" .x}}`, `<style>p{color:red}@media print{p{margin:0}}</style><p style="a:b">x</p>`,
		"<!--[if mso]>x<![endif]-->{{.x}}", `<a href="{{.x}}">{{.x}}</a>`, "<ol><li>{{.x}}<ul><li>y</ol>", "{{with $y := .x}}{{$y}}{{end}}", `<title>{{.x}}</title><textarea>{{.x}}`,
		`{{range $i, $e := .x}}{{break}}{{end}}`, "<svg><title>{{.x}}</title><style>{{.x}}</style></svg>", "<p>&#123;&#123;</p>", "{{template \"content\" .}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, page string) {
		set, err := Load(Options{Base: folder("a/ko.subject", "s", "a/ko.html", page)})
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		in, _ := set.Info("a")
		variables := map[string]jsontext.Value{}
		for _, v := range in.Variables {
			variables[v.Name] = jsontext.Value(`"value"`)
			if v.Type == "list" {
				variables[v.Name] = jsontext.Value(`["value"]`)
			}
		}
		mail, err := set.Email("a", "ko", variables)
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if strings.ContainsAny(mail.HTML+mail.Text, "\uFDD0\uFDD1\uFDD2\uFDD3\uFDD4\uFDD5\uFDD6\uFDD7\uFDD8") {
			t.Fatalf("a sign is left over:\n%s\n%s", mail.HTML, mail.Text)
		}
		if _, err := html.Parse(strings.NewReader(mail.HTML)); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`1`, `"a"`, `[1,{"a":null}]`, ` {"a":[1.50]} `, `nope`, `[`, `{}A`, "0 \v"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		left := budget{values: maxValues}
		value, err := decode("variables.x", jsontext.Value(raw), &left)
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if !jsontext.Value(raw).IsValid() && value != nil {
			t.Fatalf("%q is not JSON and became %v", raw, value)
		}
		if _, err := json.Marshal(value); err != nil {
			t.Fatalf("%q became %v: %v", raw, value, err)
		}
	})
}
