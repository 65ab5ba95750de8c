package templates

import (
	"errors"
	"fmt"
	"html"
	"strconv"
	"strings"
	"text/template/parse"
)

// maxNesting ends a partial that calls itself.
const maxNesting = 16

// mark is an action ({{…}}) that was taken out of a document so that an HTML parser
// can read it. Those of one if, range or with share a group.
type mark struct {
	source string // what stands there in the HTML
	plain  string // and in the text part
	group  int
	prints bool // a value, where it stands
}

// A token stands for a mark: open, its index, close. These are noncharacters, which
// no text may hold and readFile refuses.
const (
	tokenOpen  = '\uFDD0'
	tokenClose = '\uFDD1'
)

// composer joins layout, partials and content into one source. It works on parse
// trees, because a document that is inlined and read as text must be whole, and
// because calling templates costs time in every message.
type composer struct {
	lookup func(name string) *parse.ListNode
	locale string
	words  map[string]string // of the site
	// html takes the actions out of the document, into marks; else they stay in place.
	html   bool
	marks  []mark
	out    []byte
	groups int
	depth  int
	scope  scope
}

// compose writes root and everything it calls.
func (c *composer) compose(root *parse.ListNode) (string, error) {
	if err := c.list(root); err != nil {
		return "", err
	}
	return string(c.out), nil
}

func (c *composer) list(list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	for _, node := range list.Nodes {
		if err := c.node(node); err != nil {
			return err
		}
	}
	return nil
}

func (c *composer) node(node parse.Node) error {
	switch n := node.(type) {
	case *parse.TextNode:
		c.out = append(c.out, n.Text...)
	case *parse.CommentNode:
	case *parse.ActionNode:
		return c.print(n)
	case *parse.IfNode:
		return c.branch("if", &n.BranchNode)
	case *parse.WithNode:
		return c.branch("with", &n.BranchNode)
	case *parse.RangeNode:
		return c.branch("range", &n.BranchNode)
	case *parse.TemplateNode:
		return c.call(n)
	default: // break, continue
		c.action(node.String(), 0)
	}
	return nil
}

// print writes {{…}}; what is the same in every message is written as it is.
func (c *composer) print(n *parse.ActionNode) error {
	pipe, err := c.rewrite(n.Pipe)
	if err != nil {
		return err
	}
	word, ok := constant(pipe)
	switch {
	case !ok || strings.Contains(word.Text, "{{"):
		source := "{{" + pipe.String() + "}}"
		if !c.html {
			c.out = append(c.out, source...)
			break
		}
		c.take(mark{source: source, plain: source, prints: len(pipe.Decl) == 0})
	case c.html:
		c.take(mark{source: html.EscapeString(word.Text), plain: word.Text, prints: true})
	default:
		c.out = append(c.out, word.Text...)
	}
	return nil
}

func (c *composer) branch(word string, n *parse.BranchNode) error {
	pipe, err := c.rewrite(n.Pipe)
	if err != nil {
		return err
	}
	if known, ok := constant(pipe); ok && word == "if" {
		if known.Text != "" {
			return c.list(n.List)
		}
		return c.list(n.ElseList)
	}
	c.groups++
	group, outer := c.groups, c.scope
	c.action("{{"+word+" "+pipe.String()+"}}", group)
	if word != "if" {
		c.scope = nil // dot is something else in there
	}
	err = c.list(n.List)
	if c.scope = outer; err != nil {
		return err
	}
	if n.ElseList != nil {
		c.action("{{else}}", group)
		if err := c.list(n.ElseList); err != nil {
			return err
		}
	}
	c.action("{{end}}", group)
	return nil
}

// call puts the called template in place. Its dot is the argument; without one, or
// with the caller's own dot, it sees what the caller sees. $ is always the whole
// set of variables.
func (c *composer) call(n *parse.TemplateNode) error {
	body := c.lookup(n.Name)
	if body == nil {
		return fmt.Errorf("line %d: calls %q, which is neither a partial nor defined", n.Line, n.Name)
	}
	if c.depth++; c.depth > maxNesting {
		return fmt.Errorf("line %d: %q calls itself, or is nested more than %d deep", n.Line, n.Name, maxNesting)
	}
	defer func() { c.depth-- }()
	if n.Pipe == nil || n.Pipe.String() == "." {
		return c.list(body)
	}
	if len(n.Pipe.Decl) > 0 {
		return fmt.Errorf("line %d: a variable cannot be declared in the call of %q", n.Line, n.Name)
	}
	pipe, err := c.rewrite(n.Pipe)
	if err != nil {
		return err
	}
	outer := c.scope
	defer func() { c.scope = outer }()
	if c.scope = argsScope(pipe); c.scope != nil {
		before := *c
		if err := c.list(body); !errors.Is(err, errWhole) {
			return err
		}
		*c = before // what was appended beyond the old lengths is overwritten
		c.scope = nil
	}
	c.groups++
	group := c.groups
	c.action("{{range "+onlyFunc+" ("+pipe.String()+")}}", group)
	if err := c.list(body); err != nil {
		return err
	}
	c.action("{{end}}", group)
	return nil
}

func (c *composer) action(source string, group int) {
	if !c.html {
		c.out = append(c.out, source...)
		return
	}
	c.take(mark{source: source, plain: source, group: group})
}

func (c *composer) take(m mark) {
	c.out = append(c.out, token(len(c.marks))...)
	c.marks = append(c.marks, m)
}

func token(index int) string {
	return string(tokenOpen) + strconv.Itoa(index) + string(tokenClose)
}

// tokens calls each for every token of text, in order.
func tokens(text string, each func(index int)) {
	for {
		_, after, found := strings.Cut(text, string(tokenOpen))
		if !found {
			return
		}
		digits, rest, _ := strings.Cut(after, string(tokenClose))
		if index, err := strconv.Atoi(digits); err == nil {
			each(index)
		}
		text = rest
	}
}

// restore puts the actions back into text, as each says.
func restore(text string, marks []mark, as func(mark) string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, string(tokenOpen))
		b.WriteString(before)
		if !found {
			return b.String()
		}
		digits, rest, _ := strings.Cut(after, string(tokenClose))
		if index, err := strconv.Atoi(digits); err == nil && index < len(marks) {
			b.WriteString(as(marks[index]))
		}
		text = rest
	}
}

func inHTML(m mark) string  { return m.source }
func inPlain(m mark) string { return m.plain }

func hasToken(text string) bool { return strings.ContainsRune(text, tokenOpen) }
