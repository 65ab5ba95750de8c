package templates

import (
	"fmt"
	"strconv"
	"strings"
	"text/template/parse"
)

// maxNesting ends a partial that calls itself.
const maxNesting = 16

// mark is an action ({{…}}) that was taken out of a document so that an HTML parser
// can read it. Those of one if, range or with share a group.
type mark struct {
	source string
	group  int
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
	// marks collects the actions of an HTML document; nil leaves them in place.
	marks  *[]mark
	out    strings.Builder
	groups int
	depth  int
}

// compose writes root and everything it calls.
func (c *composer) compose(root *parse.ListNode) (string, error) {
	if err := c.list(root); err != nil {
		return "", err
	}
	return c.out.String(), nil
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
		c.out.Write(n.Text)
	case *parse.CommentNode:
	case *parse.IfNode:
		return c.branch("if", &n.BranchNode)
	case *parse.WithNode:
		return c.branch("with", &n.BranchNode)
	case *parse.RangeNode:
		return c.branch("range", &n.BranchNode)
	case *parse.TemplateNode:
		return c.call(n)
	default: // actions, break, continue
		c.action(node.String(), 0)
	}
	return nil
}

func (c *composer) branch(word string, n *parse.BranchNode) error {
	c.groups++
	group := c.groups
	c.action("{{"+word+" "+n.Pipe.String()+"}}", group)
	if err := c.list(n.List); err != nil {
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
	c.groups++
	group := c.groups
	c.action("{{range "+onlyFunc+" ("+n.Pipe.String()+")}}", group)
	if err := c.list(body); err != nil {
		return err
	}
	c.action("{{end}}", group)
	return nil
}

func (c *composer) action(source string, group int) {
	if c.marks == nil {
		c.out.WriteString(source)
		return
	}
	c.out.WriteString(token(len(*c.marks)))
	*c.marks = append(*c.marks, mark{source: source, group: group})
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

// restore puts the actions back into text.
func restore(text string, marks []mark) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, string(tokenOpen))
		b.WriteString(before)
		if !found {
			return b.String()
		}
		digits, rest, _ := strings.Cut(after, string(tokenClose))
		if index, err := strconv.Atoi(digits); err == nil && index < len(marks) {
			b.WriteString(marks[index].source)
		}
		text = rest
	}
}

func hasToken(text string) bool { return strings.ContainsRune(text, tokenOpen) }
