package templates

import (
	htmltemplate "html/template"
	"maps"
	"path"
	texttemplate "text/template"
	"text/template/parse"
)

// builder compiles the pages of one template in one locale.
type builder struct {
	l            *loader
	name, locale string
	chain        []string
	words        map[string]string // of the site
	functions    map[string]any
}

func (l *loader) builder(name, locale string) builder {
	chain := l.order.chain(locale)
	words := l.site.flatten(chain)
	return builder{l, name, locale, chain, words, compiled(functions(locale, words))}
}

// mail compiles an e-mail; nil after a mistake.
func (b builder) mail(has map[string]bool) *mail {
	m := &mail{locale: b.locale}
	m.subject = b.simple("subject", maxSubject)
	var derived *page
	if has["html"] {
		m.html, derived = b.document()
	}
	if has["txt"] {
		m.text = b.framed()
	} else {
		m.text, m.derived = derived, true
	}
	if m.subject == nil || m.text == nil || has["html"] && m.html == nil {
		return nil
	}
	return m
}

// note compiles an SMS. Its file may define "subject", the heading of a long message.
func (b builder) note() *note {
	n := &note{locale: b.locale, text: b.simple("sms", maxSMS)}
	file := b.file("sms")
	if p := b.l.parse(file); p != nil && p.defined["subject"] != nil {
		n.subject = b.textPage(file, p.defined["subject"], b.own(p), maxSubject)
		if n.subject == nil {
			return nil
		}
	}
	if n.text == nil {
		return nil
	}
	return n
}

func (b builder) file(extension string) string { return path.Join(b.name, b.locale+"."+extension) }

// own looks names up in one file only.
func (b builder) own(p *parsed) func(string) *parse.ListNode {
	return func(name string) *parse.ListNode { return p.defined[name] }
}

// simple compiles a file that stands in no layout: a subject, an SMS.
func (b builder) simple(extension string, most int) *page {
	p := b.l.parse(b.file(extension))
	if p == nil {
		return nil
	}
	return b.textPage(b.file(extension), p.body, b.own(p), most)
}

// framed compiles a .txt in _layout.txt.
func (b builder) framed() *page {
	root, lookup := b.frame("txt")
	if root == nil {
		return nil
	}
	return b.textPage(b.file("txt"), root, lookup, maxText)
}

// document compiles a .html in _layout.html, and the text part that follows from it.
func (b builder) document() (page, plain *page) {
	file := b.file("html")
	root, lookup := b.frame("html")
	if root == nil {
		return nil, nil
	}
	c := composer{lookup: lookup, locale: b.locale, words: b.words, html: true}
	composed, err := c.compose(root)
	if err != nil {
		b.l.reject(file, err)
		return nil, nil
	}
	source, text, err := compileHTML(composed, c.marks)
	if err != nil {
		b.l.reject(file, err)
		return nil, nil
	}
	t, err := htmltemplate.New(file).Funcs(b.functions).Option("missingkey=error").Parse(source)
	if err != nil {
		b.l.reject(file, err)
		return nil, nil
	}
	return newPage(file, t, t.Tree.Copy(), maxHTML), b.parseText(file, text, maxText)
}

// frame returns the layout, or the content alone where there is no layout, and how
// names are looked up: the content's own definitions come before the partials, and
// these before the defaults, which are the {{block}}s of layout and partials.
func (b builder) frame(extension string) (*parse.ListNode, func(string) *parse.ListNode) {
	content, subject := b.l.parse(b.file(extension)), b.l.parse(b.file("subject"))
	if content == nil || subject == nil {
		return nil, nil
	}
	root, defaults := content.body, map[string]*parse.ListNode{}
	if _, ok := b.l.files["_layout."+extension]; ok {
		layout := b.l.parse("_layout." + extension)
		if layout == nil {
			return nil, nil
		}
		root = layout.body
		maps.Copy(defaults, layout.defined)
	}
	return root, func(name string) *parse.ListNode {
		switch found := content.defined[name]; {
		case name == "content":
			return content.body
		case name == "subject":
			return subject.body
		case found != nil:
			return found
		}
		if found := b.l.partial(name, extension, b.chain); found != nil {
			maps.Copy(defaults, found.defined)
			return found.body
		}
		return defaults[name]
	}
}

func (b builder) textPage(file string, root *parse.ListNode, lookup func(string) *parse.ListNode, most int) *page {
	c := composer{lookup: lookup, locale: b.locale, words: b.words}
	composed, err := c.compose(root)
	if err != nil {
		b.l.reject(file, err)
		return nil
	}
	return b.parseText(file, composed, most)
}

func (b builder) parseText(file, source string, most int) *page {
	t, err := texttemplate.New(file).Funcs(b.functions).Option("missingkey=error").Parse(source)
	if err != nil {
		b.l.reject(file, err)
		return nil
	}
	if t.Tree == nil {
		b.l.mistake(file, "is empty")
		return nil
	}
	return newPage(file, t, t.Tree, most)
}
