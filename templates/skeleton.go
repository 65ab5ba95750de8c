package templates

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// compileHTML turns a composed document, its actions taken out as marks, into two
// template sources: the HTML with its styles inlined, and the text part that says
// the same.
func compileHTML(composed string, marks []mark) (page, plain string, err error) {
	k := skeleton{marks: marks}
	prepared, err := k.prepare(composed)
	if err != nil {
		return "", "", err
	}
	doc, err := html.Parse(strings.NewReader(prepared))
	if err != nil {
		return "", "", err
	}
	if err := k.verify(doc); err != nil {
		return "", "", err
	}
	if err := inline(doc); err != nil {
		return "", "", err
	}
	squeeze(doc, false)
	var b strings.Builder
	if err := html.Render(&b, doc); err != nil {
		return "", "", err
	}
	rendered, text := b.String(), plainText(doc, k.marks)
	if strings.Contains(rendered, "{{") {
		return "", "", errors.New("holds two opening braces as text; write them apart")
	}
	rendered = strings.ReplaceAll(rendered, "<!--"+string(tokenOpen), string(tokenOpen))
	rendered = strings.ReplaceAll(rendered, string(tokenClose)+"-->", string(tokenClose))
	return restore(rendered, k.marks, inHTML), restore(text, k.marks, inPlain), nil
}

// skeleton is a document whose actions stand aside as marks.
type skeleton struct {
	marks []mark
	order []int // the marks as they come in the document
}

// forbidden elements do nothing in mail but make filters suspicious.
var forbidden = map[string]bool{"script": true, "iframe": true, "object": true, "embed": true, "form": true, "base": true}

// prepare makes each token something that an HTML parser leaves where it is: a
// comment between elements (a parser moves text out of a table, not comments), and
// plain characters inside attributes and <title>. Conditional comments, which
// html/template would drop, become marks too.
func (k *skeleton) prepare(composed string) (string, error) {
	var out strings.Builder
	inside := ""   // the element whose content is not markup
	table := false // just opened
	body := false
	tokenizer := html.NewTokenizer(strings.NewReader(composed))
	for {
		switch kind := tokenizer.Next(); kind {
		case html.ErrorToken:
			if err := tokenizer.Err(); !errors.Is(err, io.EOF) {
				return "", err
			}
			prepared := out.String()
			if !body {
				// Without a layout: an action before the first element must not end up
				// outside the body, which the parser would begin after it.
				prepared = "<!DOCTYPE html><html><head><meta charset=\"utf-8\"></head><body>" + prepared + "</body></html>"
			}
			tokens(prepared, func(index int) { k.order = append(k.order, index) })
			return prepared, nil
		case html.TextToken:
			text := string(tokenizer.Raw())
			switch {
			case inside == "title" || inside == "textarea":
			case inside != "" && hasToken(text):
				return "", fmt.Errorf("has an action inside <%s>", inside)
			case inside == "":
				// The parser adds a missing <tbody> only at the first <tr>: an action
				// before that row would stand outside, its {{end}} inside.
				if table && hasToken(text) {
					out.WriteString("<tbody>")
				}
				table = table && strings.TrimSpace(text) == ""
				text = strings.ReplaceAll(text, string(tokenOpen), "<!--"+string(tokenOpen))
				text = strings.ReplaceAll(text, string(tokenClose), string(tokenClose)+"-->")
			}
			out.WriteString(text)
		case html.StartTagToken, html.SelfClosingTagToken:
			raw := string(tokenizer.Raw())
			name, err := k.tag(tokenizer)
			if err != nil {
				return "", err
			}
			table = name == "table"
			body = body || name == "body"
			if kind == html.StartTagToken {
				switch name {
				case "title", "textarea", "style", "xmp", "noembed", "noframes":
					inside = name
				}
			}
			out.WriteString(raw)
		case html.EndTagToken:
			inside, table = "", false
			out.Write(tokenizer.Raw())
		case html.CommentToken:
			raw := string(tokenizer.Raw())
			if hasToken(raw) {
				return "", errors.New("has an action inside an HTML comment; use {{/* … */}} to leave something out")
			}
			if strings.HasPrefix(raw, "<!--[if") || strings.HasPrefix(raw, "<!--<![endif]") {
				out.WriteString("<!--" + token(len(k.marks)) + "-->")
				k.marks = append(k.marks, mark{source: "{{" + rawFunc + " " + strconv.Quote(raw) + "}}"}) // nothing in the text part
			}
		default:
			out.Write(tokenizer.Raw())
		}
	}
}

// tag checks one start tag: actions stand inside the values of attributes only.
func (k *skeleton) tag(tokenizer *html.Tokenizer) (string, error) {
	bytes, more := tokenizer.TagName()
	name := string(bytes)
	if hasToken(name) {
		return "", fmt.Errorf("has an action in the name of an element (<%s)", restore(name, k.marks, inHTML))
	}
	if forbidden[name] {
		return "", fmt.Errorf("has a <%s>, which mail programs block", name)
	}
	for more {
		var key, value []byte
		key, value, more = tokenizer.TagAttr()
		if hasToken(string(key)) {
			return "", fmt.Errorf("has an action in <%s> outside the value of an attribute: %s", name, restore(string(key), k.marks, inHTML))
		}
		if (string(key) == "class" || string(key) == "id") && hasToken(string(value)) {
			return "", fmt.Errorf("has an action in the %s of <%s>; styles are inlined before it is known, so write two elements and choose between them", key, name)
		}
		if strings.HasPrefix(string(key), "on") {
			return "", fmt.Errorf("has %s on <%s>; scripts do not run in mail", key, name)
		}
	}
	return name, nil
}

// verify checks that the parser kept every action where it was, and that the parts
// of one if, range or with are siblings. Otherwise a branch would open an element
// that is closed elsewhere, and the document could not be told from the source.
func (k *skeleton) verify(doc *html.Node) error {
	type place struct {
		parent *html.Node
		attr   int
	}
	var found []int
	groups := map[int]place{}
	var wrong error
	see := func(text string, at place) {
		tokens(text, func(index int) {
			found = append(found, index)
			group := k.marks[index].group
			if k.marks[index].prints && at.attr < 0 && tabular(at.parent) && wrong == nil {
				wrong = fmt.Errorf("%s stands between the cells of a table, where text may not be", k.marks[index].source)
			}
			if group == 0 || wrong != nil {
				return
			}
			if first, seen := groups[group]; !seen {
				groups[group] = at
			} else if first != at {
				wrong = fmt.Errorf("%s stands in another element than the action it belongs to", k.marks[index].source)
			}
		})
	}
	for node := range doc.Descendants() {
		switch node.Type {
		case html.CommentNode, html.TextNode:
			see(node.Data, place{parent: node.Parent, attr: -1})
		case html.ElementNode:
			for i, attr := range node.Attr {
				see(attr.Val, place{parent: node, attr: i})
			}
		}
	}
	if wrong != nil {
		return wrong
	}
	for i, index := range k.order {
		if i >= len(found) || found[i] != index {
			return fmt.Errorf("is not well-formed HTML near %s", k.marks[index].source)
		}
	}
	if len(found) != len(k.order) {
		return errors.New("is not well-formed HTML: an element that holds actions is repeated by the parser")
	}
	return nil
}

// tabular elements hold rows and cells, and no text.
func tabular(node *html.Node) bool {
	switch node.DataAtom {
	case atom.Table, atom.Tbody, atom.Thead, atom.Tfoot, atom.Tr:
		return true
	}
	return false
}

// squeeze shortens the white space between elements; the indentation of nested
// tables is a good part of a mail's size, and Gmail cuts mails at 102 KB.
func squeeze(node *html.Node, keep bool) {
	keep = keep || node.DataAtom == atom.Pre || node.DataAtom == atom.Style || node.DataAtom == atom.Textarea
	for child := range node.ChildNodes() {
		if child.Type == html.TextNode && !keep {
			child.Data = collapse(child.Data)
		}
		squeeze(child, keep)
	}
}

// collapse makes every run of white space one character, a line break where there
// was one. No-break spaces stay.
func collapse(text string) string {
	var b strings.Builder
	run := ""
	for _, r := range text {
		if strings.ContainsRune(" \t\r\n\f", r) {
			if r == '\n' {
				run = "\n"
			} else if run == "" {
				run = " "
			}
			continue
		}
		b.WriteString(run)
		run = ""
		b.WriteRune(r)
	}
	return b.String() + run
}
