package templates

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/fault"
)

func TestOverridesReplaceFileByFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("welcome/ko.subject", "어서 오세요 {{.name}}")
	write("_site.yaml", "all: {url: https://own.example, email: own@own.example, phone: 033-000-0000}\nko: {mark: 강, province: 강원, portal: 우리 포털, address: 주소}\nen: {mark: G, province: Gangwon, portal: Our Portal, address: Address}\n")
	write("_partials/button.html", `<p><a class="button-link" href="{{.url}}">→ {{.label}}</a></p>`)
	write("own/ko.subject", "새 양식")
	write("own/ko.html", "\uFEFF<p>{{.greeting}}</p>\r\n")
	write("README.md", "ours")
	write(".git/config", "not ours")
	write("own/.ko.html.swp", "\x00")
	write("own/ko.html~", "{{")

	set := load(t, Options{Overrides: os.DirFS(dir)})
	mail, err := set.Email("welcome", "ko", vars("name", `"김민수"`))
	if err != nil {
		t.Fatal(err)
	}
	if mail.Subject != "어서 오세요 김민수" {
		t.Errorf("subject %q is not the folder's", mail.Subject)
	}
	for _, want := range []string{"가입을 환영합니다", "우리 포털", "033-000-0000", "→ 포털 시작하기", `href="https://own.example"`} {
		if !strings.Contains(mail.HTML, want) {
			t.Errorf("HTML lacks %q", want)
		}
	}
	own, err := set.Email("own", "ko", vars("greeting", `"안녕"`))
	if err != nil || !strings.Contains(own.HTML, "우리 포털") || !strings.HasPrefix(own.HTML, "<!DOCTYPE") {
		t.Errorf("%v: %.80s", err, own.HTML)
	}
	before := load(t, Options{})
	if mail, err := before.Email("welcome", "ko", nil); err != nil || mail.Subject != "[강원 비즈니스 포털] 가입을 환영합니다" {
		t.Errorf("the shipped set changed: %q, %v", mail.Subject, err)
	}
	write("welcome/ko.html", "<p>{{.surname}}</p>")
	if _, err := Load(Options{Overrides: os.DirFS(dir)}); err == nil || !strings.Contains(err.Error(), "welcome/ko.html: uses .surname") {
		t.Errorf("a broken override loads: %v", err)
	}
}

func TestMountedLinksAreFollowed(t *testing.T) {
	dir, real := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{"ko.subject": "링크", "ko.txt": "글"} {
		if err := os.WriteFile(filepath.Join(real, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(real, filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	if mail, err := load(t, Options{Overrides: os.DirFS(dir)}).Email("linked", "ko", nil); err != nil || mail.Subject != "링크" {
		t.Errorf("%q, %v", mail.Subject, err)
	}
}

func TestLoadReportsEveryMistake(t *testing.T) {
	_, err := Load(Options{Base: folder(
		"a/ko.subject", "{{.x", "b/ko.html", "<p>no subject</p>", "c/ko.htm", "x", "_lay.html", "x", "_partials/Bad Name.html", "x",
	)})
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("got %v", err)
	}
	fields := map[string]bool{}
	for _, one := range many.Unwrap() {
		if fault.Of(one) != fault.Invalid {
			t.Errorf("%v is not invalid", one)
		}
		fields[fault.As(one).Field] = true
	}
	for _, want := range []string{"a/ko.html", "b/ko.subject", "c/ko.htm", "_lay.html", "_partials/Bad Name.html"} {
		if !fields[want] {
			t.Errorf("%s is not among the mistakes: %v", want, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	const fine = "description: {ko: x}\nvariables:\n  x: {example: one}\n"
	for _, c := range []struct{ name, file, content, says string }{
		{"syntax", "a/ko.html", "<p>{{.x}", "line 1: bad character"},
		{"function", "a/ko.html", "<p>{{.x}}{{env \"HOME\"}}</p>", `function "env" not defined`},
		{"inner function", "a/ko.html", `<p>{{.x}}{{gw_raw .x}}</p>`, "not defined"},
		{"partial", "a/ko.html", `<p>{{.x}}</p>{{template "buton" .}}`, `line 1: calls "buton"`},
		{"recursion", "a/ko.html", `{{.x}}{{define "r"}}{{template "r" .}}{{end}}{{template "r" .}}`, "calls itself"},
		{"undeclared", "a/ko.html", "<p>{{.x}}{{.y}}</p>", "uses .y, which template.yaml does not declare"},
		{"unused", "a/template.yaml", fine + "  y: {example: 1}\n", "variables.y: is declared, but no file uses it"},
		{"no example", "a/template.yaml", "variables:\n  x: {type: text}\n", "variables.x.example: is missing"},
		{"type", "a/template.yaml", "variables:\n  x: {type: string, example: a}\n", "variables.x.type: must be text"},
		{"wrong example", "a/template.yaml", "variables:\n  x: {type: date, example: soon}\n", "does not render with its example values: variables.x"},
		{"inner type", "a/template.yaml", "variables:\n  x: {type: list, of: {type: strng}, example: [a]}\n", "variables.x.of.type"},
		{"fields of text", "a/template.yaml", "variables:\n  x: {fields: {a: {}}, example: a}\n", "belong to an object"},
		{"channel", "a/template.yaml", "variables:\n  x: {channel: fax, example: a}\n", "must be email or sms"},
		{"key", "a/template.yaml", "variables:\n  x: {requird: true, example: a}\n", "requird"},
		{"category", "a/template.yaml", "category: advert\n" + fine, "must be transactional or marketing"},
		{"yaml", "a/template.yaml", "variables: [", "cannot be read"},
		{"sensitive subject", "a/ko.subject", "{{.x}}", "sensitive"},
		{"branch opens element", "a/ko.html", `{{if .x}}<div class="a">{{end}}x</div>`, "another element"},
		{"branch in table", "a/ko.html", `<table><tr><td>{{if .x}}</td><td>{{end}}a</td></tr></table>`, "another element"},
		{"text in table", "a/ko.html", `<table>{{.x}}<tr><td>a</td></tr></table>`, "between the cells of a table"},
		{"attribute name", "a/ko.html", `<p {{if .x}}hidden{{end}}>a</p>`, "outside the value of an attribute"},
		{"class", "a/ko.html", `<p class="{{.x}}">a</p>`, "in the class of <p>"},
		{"comment", "a/ko.html", `<!-- {{.x}} -->{{.x}}`, "inside an HTML comment"},
		{"style", "a/ko.html", `<style>p{color:{{.x}}}</style>`, "inside <style>"},
		{"css", "a/ko.html", `<style>p{color}</style>{{.x}}`, "mistake in its <style>"},
		{"selector", "a/ko.html", `<style>p..x{color:red}</style>{{.x}}`, "selector"},
		{"import", "a/ko.html", `<style>@import url(x.css);</style>{{.x}}`, "@import"},
		{"script", "a/ko.html", `<script>1</script>{{.x}}`, "<script>"},
		{"handler", "a/ko.html", `<p onclick="x()">{{.x}}</p>`, "onclick"},
		{"braces", "a/ko.html", `<p>&#123;&#123;.x}} {{.x}}</p>`, "opening braces"},
		{"noncharacter", "a/ko.html", "<p>\uFDD0{{.x}}</p>", "U+FDD0"},
		{"not UTF-8", "a/ko.html", "<p>\xff{{.x}}</p>", "not UTF-8"},
		{"large", "a/ko.html", strings.Repeat("x", 300<<10), "more than 262144 bytes"},
		{"empty text", "a/ko.txt", "{{/* nothing */}}", "without a word"},
		{"site key", "a/ko.html", `{{.x}}{{site "fax"}}`, "fax"},
		{"site file", "_site.yaml", "ko: [1]", "map of locales"},
		{"odd args", "a/ko.html", `{{define "p"}}{{.a}}{{end}}{{.x}}{{template "p" args "a"}}`, "without a value"},
		{"argument not given", "a/ko.html", `{{define "p"}}{{.b}}{{end}}{{.x}}{{template "p" args "a" 1}}`, `without "b"`},
		{"template name", "bad name/ko.txt", "x", "not a template's name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := folder("a/ko.subject", "s", "a/ko.html", "<p>{{.x}}</p>", "a/template.yaml", fine, c.file, c.content)
			if c.name == "sensitive subject" {
				base["a/template.yaml"].Data = []byte("variables:\n  x: {sensitive: true, example: one}\n")
			}
			_, err := Load(Options{Base: base})
			switch {
			case err == nil:
				t.Fatal("loads")
			case !strings.Contains(err.Error(), c.says):
				t.Errorf("%q does not say %q", err, c.says)
			case fault.Of(err) != fault.Invalid:
				t.Errorf("%v is not invalid", err)
			}
		})
	}
	if _, err := Load(Options{Base: folder("README", "x")}); err == nil || !strings.Contains(err.Error(), "holds no template") {
		t.Errorf("an empty folder loads: %v", err)
	}
}

func TestLayoutAndPartials(t *testing.T) {
	set := load(t, Options{Base: folder(
		"_layout.html", `<html><head><title>{{template "subject" .}}</title></head><body>{{block "top" .}}default top{{end}}<div>{{template "content" .}}</div>{{template "end" .}}</body></html>`,
		"_layout.txt", "[{{template \"content\" .}}]\n{{template \"end\" .}}\n",
		"_partials/end.html", `<i>end</i>`, "_partials/end.ko.html", `<i>끝</i>`, "_partials/end.txt", "end",
		"_partials/row.html", `<tr><th scope="row">{{.label}}</th><td>{{if .strong}}<b>{{.value}}</b>{{else}}{{.value}}{{end}}</td></tr>`,
		"_partials/whole.html", `<p>{{range $k, $v := .}}{{$k}}={{$v}};{{end}}</p>`,
		"a/ko.subject", "제목 {{.n}}", "a/ko.html", `{{define "top"}}own top{{end}}<table>{{template "row" args "label" "수" "value" (number .n) "strong" true}}{{template "row" args "label" .n "value" "v" "strong" ""}}</table>{{template "whole" args "b" .n "a" 1}}`,
		"a/ko.txt", "수 {{.n}}",
		"a/en.subject", "subject {{.n}}", "a/en.html", "<p>{{.n}}</p>",
	)})
	ko, err := set.Email("a", "ko", vars("n", "1234"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<title>제목 1234</title>", "own top", "<i>끝</i>", "<tr><th scope=\"row\">수</th><td><b>1,234</b></td></tr>",
		"<tr><th scope=\"row\">1234</th><td>v</td></tr>", "<p>a=1;b=1234;</p>",
	} {
		if !strings.Contains(ko.HTML, want) {
			t.Errorf("HTML lacks %s:\n%s", want, ko.HTML)
		}
	}
	if ko.Text != "[수 1234]\nend" {
		t.Errorf("text %q", ko.Text)
	}
	en, err := set.Email("a", "en", vars("n", "1"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(en.HTML, "default top") || !strings.Contains(en.HTML, "<i>끝</i>") {
		t.Errorf("the partial falls back as locales do (ko before none): %s", en.HTML)
	}
}
