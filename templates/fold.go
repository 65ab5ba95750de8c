package templates

import (
	"errors"
	"fmt"
	"strconv"
	"text/template/parse"
)

// scope is what a partial was called with: the expressions behind its fields. nil
// means that dot is an ordinary value.
type scope map[string]parse.Node

// errWhole says that a partial needs its arguments as one value.
var errWhole = errors.New("uses its dot as a whole")

// rewrite returns pipe with the fields of a partial replaced by what the caller
// gave, and with calls that are the same in every message replaced by their result.
// Both are done once, here, because calling functions and partials is what makes
// rendering slow.
func (c *composer) rewrite(pipe *parse.PipeNode) (*parse.PipeNode, error) {
	if len(pipe.Decl) > 0 && c.scope != nil {
		return nil, errWhole // its variable could hide one that an argument uses
	}
	out := &parse.PipeNode{NodeType: parse.NodePipe, IsAssign: pipe.IsAssign, Decl: pipe.Decl}
	for _, command := range pipe.Cmds {
		rewritten := &parse.CommandNode{NodeType: parse.NodeCommand}
		for _, arg := range command.Args {
			node, err := c.rewriteArg(arg)
			if err != nil {
				return nil, err
			}
			rewritten.Args = append(rewritten.Args, node)
		}
		node, err := c.evaluate(rewritten)
		if err != nil {
			return nil, err
		}
		if node != nil {
			rewritten = &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{node}}
		}
		out.Cmds = append(out.Cmds, rewritten)
	}
	// ((x)) is x.
	if len(out.Cmds) == 1 && len(out.Cmds[0].Args) == 1 {
		if inner, ok := out.Cmds[0].Args[0].(*parse.PipeNode); ok && len(inner.Decl) == 0 {
			out.Cmds = inner.Cmds
		}
	}
	return out, nil
}

func (c *composer) rewriteArg(arg parse.Node) (parse.Node, error) {
	switch n := arg.(type) {
	case *parse.DotNode:
		if c.scope != nil {
			return nil, errWhole
		}
	case *parse.FieldNode:
		if c.scope == nil {
			return n, nil
		}
		given, ok := c.scope[n.Ident[0]]
		if !ok {
			return nil, fmt.Errorf("calls a partial without %q, which that uses", n.Ident[0])
		}
		if len(n.Ident) == 1 {
			return given, nil
		}
		inside := &parse.PipeNode{NodeType: parse.NodePipe, Cmds: []*parse.CommandNode{{NodeType: parse.NodeCommand, Args: []parse.Node{given}}}}
		return &parse.ChainNode{NodeType: parse.NodeChain, Node: inside, Field: n.Ident[1:]}, nil
	case *parse.ChainNode:
		inner, err := c.rewriteArg(n.Node)
		if err != nil {
			return nil, err
		}
		if _, constant := inner.(*parse.StringNode); constant {
			return nil, errWhole
		}
		return &parse.ChainNode{NodeType: parse.NodeChain, Node: inner, Field: n.Field}, nil
	case *parse.PipeNode:
		inner, err := c.rewrite(n)
		if err != nil {
			return nil, err
		}
		if word, ok := constant(inner); ok {
			return word, nil
		}
		return inner, nil
	}
	return arg, nil
}

// evaluate calls the functions whose result never changes; nil for all others.
func (c *composer) evaluate(command *parse.CommandNode) (parse.Node, error) {
	word, ok := command.Args[0].(*parse.IdentifierNode)
	if !ok {
		return nil, nil
	}
	switch {
	case word.Ident == "locale" && len(command.Args) == 1:
		return text(c.locale), nil
	case word.Ident == "site" && len(command.Args) == 2:
		key, ok := command.Args[1].(*parse.StringNode)
		if !ok {
			return nil, nil
		}
		found, err := siteWord(c.words, key.Text)
		if err != nil {
			return nil, err
		}
		return text(found), nil
	}
	return nil, nil
}

// argsScope reads a call with args and constant names; nil for any other.
func argsScope(pipe *parse.PipeNode) scope {
	if len(pipe.Cmds) != 1 {
		return nil
	}
	list := pipe.Cmds[0].Args
	if word, ok := list[0].(*parse.IdentifierNode); !ok || word.Ident != "args" || len(list)%2 != 1 {
		return nil
	}
	found := scope{}
	for i := 1; i < len(list); i += 2 {
		name, ok := list[i].(*parse.StringNode)
		if !ok {
			return nil
		}
		found[name.Text] = list[i+1]
	}
	return found
}

// constant returns the string that pipe is, if it is one.
func constant(pipe *parse.PipeNode) (*parse.StringNode, bool) {
	if len(pipe.Decl) > 0 || len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) != 1 {
		return nil, false
	}
	word, ok := pipe.Cmds[0].Args[0].(*parse.StringNode)
	return word, ok
}

func text(value string) *parse.StringNode {
	return &parse.StringNode{NodeType: parse.NodeString, Quoted: strconv.Quote(value), Text: value}
}
