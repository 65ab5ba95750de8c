package templates

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// These noncharacters stand in a text part for what is settled only when a message
// is rendered: then it is known which branches wrote anything, and how many items a
// range made.
const (
	lineBreak = '\uFDD2' // at least a new line
	paraBreak = '\uFDD3' // at least one empty line
	listOpen  = '\uFDD4' // of an <ol>: counting begins
	listClose = '\uFDD5'
	itemCount = '\uFDD6' // "1. ", and what follows is indented
	itemDash  = '\uFDD7' // "- ", likewise
	itemClose = '\uFDD8'
)

// dashes are a line between parts of a text.
const dashes = "----------------------------------------"

// plainWriter walks a document whose actions are marks and writes the source of a
// text template: the text part of a mail that has none of its own.
type plainWriter struct {
	out   strings.Builder
	marks []mark
}

// plainText returns that source, with tokens for the actions.
func plainText(doc *html.Node, marks []mark) string {
	w := plainWriter{marks: marks}
	w.children(doc)
	return w.out.String()
}

func (w *plainWriter) children(node *html.Node) {
	for child := range node.ChildNodes() {
		w.node(child)
	}
}

func (w *plainWriter) node(node *html.Node) {
	switch node.Type {
	case html.TextNode:
		w.out.WriteString(strings.ReplaceAll(strings.ReplaceAll(collapse(node.Data), "\n", " "), "\u00A0", " "))
	case html.CommentNode:
		w.action(node.Data)
	case html.ElementNode:
		if !hidden(node) {
			w.element(node)
		}
	case html.DocumentNode:
		w.children(node)
	}
}

// action keeps {{…}} of the template; other comments are not for readers.
func (w *plainWriter) action(data string) {
	tokens(data, func(index int) { w.out.WriteString(token(index)) })
}

func (w *plainWriter) element(node *html.Node) {
	if attribute(node, "role") == "separator" {
		w.block(paraBreak, func() { w.out.WriteString(dashes) })
		return
	}
	switch node.DataAtom {
	case atom.Br:
		w.out.WriteString("\n")
	case atom.Hr:
		w.block(paraBreak, func() { w.out.WriteString(dashes) })
	case atom.Img:
		w.out.WriteString(attribute(node, "alt"))
	case atom.A:
		w.link(node)
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Pre, atom.Section, atom.Header, atom.Footer, atom.Article:
		w.block(paraBreak, func() { w.children(node) })
	case atom.Ul, atom.Ol:
		w.block(paraBreak, func() { w.list(node) })
	case atom.Table:
		w.block(paraBreak, func() { w.table(node) })
	case atom.Div, atom.Li, atom.Dt, atom.Dd, atom.Tr, atom.Td, atom.Th, atom.Caption:
		w.block(lineBreak, func() { w.children(node) })
	default:
		w.children(node)
	}
}

func (w *plainWriter) block(around rune, write func()) {
	w.out.WriteRune(around)
	write()
	w.out.WriteRune(around)
}

// link writes "text (url)", and the address alone where both say the same.
func (w *plainWriter) link(node *html.Node) {
	inner := plainWriter{marks: w.marks}
	inner.children(node)
	text := strings.TrimSpace(inner.out.String())
	href := strings.TrimSpace(attribute(node, "href"))
	w.out.WriteString(text)
	bare := strings.TrimPrefix(strings.TrimPrefix(href, "mailto:"), "tel:")
	switch {
	case href == "" || strings.HasPrefix(href, "#"):
	case w.same(text, href) || w.same(text, bare):
	case text == "":
		w.out.WriteString(bare)
	default:
		w.out.WriteString(" (" + bare + ")")
	}
}

// same compares what two pieces will say: {{.url}} in both is the same address.
func (w *plainWriter) same(a, b string) bool {
	return restore(a, w.marks, inPlain) == restore(b, w.marks, inPlain)
}

// list marks the items; those of an <ol> are numbered in the message.
func (w *plainWriter) list(node *html.Node) {
	sign := itemDash
	if node.DataAtom == atom.Ol {
		sign = itemCount
		w.out.WriteRune(listOpen)
		defer w.out.WriteRune(listClose)
	}
	for child := range node.ChildNodes() {
		if child.DataAtom != atom.Li || hidden(child) {
			w.node(child)
			continue
		}
		w.block(lineBreak, func() {
			w.out.WriteRune(sign)
			w.children(child)
			w.out.WriteRune(itemClose)
		})
	}
}

// table writes layout tables cell under cell, and tables of data row by row:
// "heading: value", or "a | b | c".
func (w *plainWriter) table(node *html.Node) {
	if role := attribute(node, "role"); role == "presentation" || role == "none" {
		w.children(node)
		return
	}
	for child := range node.ChildNodes() {
		switch child.DataAtom {
		case atom.Tbody, atom.Thead, atom.Tfoot:
			w.table(child)
		case atom.Tr:
			if !hidden(child) {
				w.block(lineBreak, func() { w.row(child) })
			}
		default:
			w.node(child)
		}
	}
}

func (w *plainWriter) row(row *html.Node) {
	between := ""
	for cell := range row.ChildNodes() {
		switch cell.DataAtom {
		case atom.Th, atom.Td:
			w.out.WriteString(between)
			w.children(cell)
			between = " | "
			if cell.DataAtom == atom.Th && attribute(cell, "scope") == "row" {
				between = ": "
			}
		default:
			if cell.Type == html.CommentNode {
				w.action(cell.Data)
			}
		}
	}
}

// hidden reports whether a reader does not see or hear the element: the head, a preheader, an ornament.
func hidden(node *html.Node) bool {
	switch node.DataAtom {
	case atom.Head, atom.Style, atom.Script, atom.Title:
		return true
	}
	if attribute(node, "aria-hidden") == "true" {
		return true
	}
	return strings.Contains(strings.ReplaceAll(attribute(node, "style"), " ", ""), "display:none")
}

func attribute(node *html.Node, key string) string {
	for _, a := range node.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
