package templates

import (
	"strings"
	"testing"
)

func TestTextPartFollowsFromHTML(t *testing.T) {
	for _, c := range []struct{ name, html, want string }{
		{"paragraphs", "<p>one\n  two</p><p>three&nbsp;four &amp; &lt;five&gt;</p>", "one two\n\nthree four & <five>"},
		{"line breaks", "<p>one<br>two<br><br>three</p>", "one\ntwo\n\nthree"},
		{"headings", "<h1>Title</h1>text<h2>Part</h2><div>a</div><div>b</div>", "Title\n\ntext\n\nPart\n\na\nb"},
		{"link", `<p>See <a href="https://a.example/x?a=1&amp;b=2">the page</a>.</p>`, "See the page (https://a.example/x?a=1&b=2)."},
		{"link to itself", `<a href="https://a.example">https://a.example</a>`, "https://a.example"},
		{"mail", `<a href="mailto:a@b.example">a@b.example</a> <a href="mailto:a@b.example">write</a> <a href="tel:+82331">call</a>`, "a@b.example write (a@b.example) call (+82331)"},
		{"link of a variable", `<a href="{{.url}}">go</a> <a href="{{.url}}">{{.url}}</a>`, "go (https://v.example/) https://v.example/"},
		{"empty link", `<a href="https://a.example"></a><a href="#top">top</a>`, "https://a.exampletop"},
		{"list", "<ul><li>one</li><li>two<br>more</li></ul>after", "- one\n- two\n  more\n\nafter"},
		{"numbers", "<ol><li>one</li>{{if .yes}}<li>two</li>{{end}}{{if .no}}<li>never</li>{{end}}<li>three<ul><li>inner</li></ul></li></ol>", "1. one\n2. two\n3. three\n\n   - inner"},
		{"range", "<ol>{{range .list}}<li>{{.}}</li>{{end}}</ol>", "1. a\n2. b"},
		{"two lists", "<ol>{{range .list}}<li>{{.}}</li>{{end}}</ol><ol><li>x</li></ol>", "1. a\n2. b\n\n1. x"},
		{"data", `<table><thead><tr><th>Name</th><th>Sum</th></tr></thead><tbody><tr><td>a</td><td>1</td></tr><tr><td>b</td><td>2</td></tr></tbody></table>`, "Name | Sum\na | 1\nb | 2"},
		{"facts", `<table><tr><th scope="row">Number</th><td>{{.word}}</td></tr>{{if .no}}<tr><th scope="row">No</th><td>x</td></tr>{{end}}<tr><th scope="row">Last</th><td>z</td></tr></table>`, "Number: word\nLast: z"},
		{"first row by chance", `<table>{{if .yes}}<tr><th scope="row">A</th><td>1</td></tr>{{end}}</table>`, "A: 1"},
		{"layout", `<table role="presentation"><tr><td><p>left</p></td><td>right</td></tr></table>`, "left\n\nright"},
		{"hidden", `<style>.h{display:none}</style><p class="h">unseen {{.word}}</p><p style="display: none">unseen</p><p aria-hidden="true">unseen</p><p>seen</p>`, "seen"},
		{"image and rule", `<p><img alt="logo {{.word}}" src="cid:x"></p><hr><div role="separator"></div>end`, "logo word\n\n" + dashes + "\n\n" + dashes + "\n\nend"},
		{"empty branches leave no holes", "<p>a</p>\n{{if .no}}\n<p>b</p>\n{{end}}\n{{if .no}}<p>c</p>{{end}}\n<p>d</p>", "a\n\nd"},
		{"branches inside a sentence", "<p>Dear {{if .yes}}{{.word}}{{else}}member{{end}},{{if .no}} x{{end}} hello</p>", "Dear word, hello"},
		{"lines of a variable", "<p>{{.multi}}</p>", "one\n\ntwo"},
		{"conditional comment", "<!--[if mso]><p>outlook</p><![endif]--><p>all</p>", "all"},
		{"signs in a value", "<ol><li>{{.odd}}</li></ol>", "1. x\ny"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := load(t, Options{Base: folder("a/ko.subject", "s", "a/ko.html", c.html+`{{/* all variables are used */}}{{if and .no .yes .word .url .list .multi .odd}}{{end}}`)})
			mail, err := set.Email("a", "ko", vars("yes", "true", "no", "false", "word", `"word"`, "url", `"https://v.example/"`,
				"list", `["a","b"]`, "multi", `"one\n\n\n\ttwo  "`, "odd", "\"x\uFDD5\uFDD8\uFDD8\uFDD2y\""))
			if err != nil {
				t.Fatal(err)
			}
			if mail.Text != c.want {
				t.Errorf("got %q\nwant %q", mail.Text, c.want)
			}
		})
	}
}

func TestTidy(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"\n\n a \n\n\n\nb  \nc\n\n": " a\n\nb\nc",
		"a\r\n\r\n\r\nb":            "a\n\nb",
		" \n\t\n":                   "",
	} {
		if got := tidy(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestStylesAreInlined(t *testing.T) {
	for _, c := range []struct{ name, html, want, kept string }{
		{"element and class", `<style>p{color:red}.a{margin:0}</style><p class="a">x</p>`, `<p class="a" style="color:red;margin:0">`, ""},
		{"specificity", `<style>#i{color:green}.a{color:blue}p{color:red}</style><p id="i" class="a">x</p>`, `style="color:green"`, ""},
		{"order", `<style>.a{color:blue}.b{color:red}</style><p class="a b">x</p>`, `style="color:red"`, ""},
		{"own style wins", `<style>p{color:red;margin:0}</style><p style="color:blue;">x</p>`, `style="color:red;margin:0;color:blue"`, ""},
		{"important wins", `<style>p{color:red !important}</style><p style="color:blue">x</p>`, `style="color:blue;color:red"`, ""},
		{"shorthand order", `<style>p{padding:4px;padding-left:0}.a{padding:8px}</style><p class="a">x</p>`, `style="padding-left:0;padding:8px"`, ""},
		{"nested", `<style>.o .i, ul > li{color:red}</style><div class="o"><b class="i">x</b></div><ul><li>y</li></ul>`, `<b class="i" style="color:red">`, ""},
		{"across actions", `<style>.o p{color:red}</style><div class="o">{{range .list}}<p>{{.}}</p>{{end}}</div>`, `<p style="color:red">b</p>`, ""},
		{"fonts", `<style>p{font-family:'Malgun Gothic', "맑은 고딕",serif}</style><p>x</p>`, `style="font-family:&#39;Malgun Gothic&#39;,&#34;맑은 고딕&#34;,serif"`, ""},
		{"not list", `<style>p:not(.a, .b){color:red}</style><p>x</p>`, `<p style="color:red">`, ""},
		{"hover stays", `<style>a:hover,b{color:red}</style><b>x</b>`, `<b style="color:red">`, "a:hover{color:red !important;}"},
		{"media stays", `<style>@media (max-width:600px){p{margin:0}b{top:0}}</style><p>x</p>`, `<p>x</p>`, "@media (max-width:600px){\np{margin:0 !important;}\nb{top:0 !important;}\n}"},
		{"two sheets", `<style>p{color:red}</style><style>p{color:blue}@media print{p{color:black}}</style><p>x</p>`, `style="color:blue"`, "@media print{\np{color:black !important;}\n}"},
		{"value in style", `<p style="width:{{.n}}%">x</p>`, `style="width:40%"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := load(t, Options{Base: folder("a/ko.subject", "s", "a/ko.html", c.html+`{{if and .list .n}}{{end}}`)})
			mail, err := set.Email("a", "ko", vars("list", `["a","b"]`, "n", "40"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(mail.HTML, c.want) {
				t.Errorf("HTML lacks %s:\n%s", c.want, mail.HTML)
			}
			if c.kept == "" && strings.Contains(mail.HTML, "<style") || !strings.Contains(mail.HTML, c.kept) {
				t.Errorf("kept styles are not %q:\n%s", c.kept, mail.HTML)
			}
		})
	}
}

// Outlook reads what stands in conditional comments; html/template drops comments.
func TestConditionalCommentsSurvive(t *testing.T) {
	const page = "<!--[if mso]><table width=\"600\"><tr><td>\n<![endif]--><p>{{.x}}</p><!--[if !mso]><!--><b>new</b><!--<![endif]--><!-- note -->"
	set := load(t, Options{Base: folder("a/ko.subject", "s", "a/ko.html", page)})
	mail, err := set.Email("a", "ko", vars("x", `"--><script>"`))
	if err != nil {
		t.Fatal(err)
	}
	want := "<!--[if mso]><table width=\"600\"><tr><td>\n<![endif]--><p>--&gt;&lt;script&gt;</p><!--[if !mso]><!--><b>new</b><!--<![endif]-->"
	if !strings.Contains(mail.HTML, want) || strings.Contains(mail.HTML, "note") {
		t.Errorf("HTML:\n%s", mail.HTML)
	}
}
