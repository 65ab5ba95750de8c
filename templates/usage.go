package templates

import "text/template/parse"

// usage is how the files of a template use a variable.
type usage struct {
	tested bool   // by if, with, or: it may be absent
	ranged bool   // it is a list
	file   string // one that uses it
}

// usages collects the variables of a template from its composed sources.
type usages map[string]*usage

// collect walks tree, a composed source; file is named in mistakes.
func (u usages) collect(file string, tree *parse.Tree) {
	w := usageWalker{found: u, file: file}
	w.list(tree.Root, true)
}

type usageWalker struct {
	found usages
	file  string
}

func (w usageWalker) use(name string, tested, ranged bool) {
	have, ok := w.found[name]
	if !ok {
		have = &usage{file: w.file}
		w.found[name] = have
	}
	have.tested = have.tested || tested
	have.ranged = have.ranged || ranged
}

// list walks nodes; root says whether dot is the whole set of variables there.
func (w usageWalker) list(list *parse.ListNode, root bool) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.ActionNode:
			w.pipe(n.Pipe, root, false, false)
		case *parse.IfNode:
			w.pipe(n.Pipe, root, true, false)
			w.list(n.List, root)
			w.list(n.ElseList, root)
		case *parse.WithNode:
			w.pipe(n.Pipe, root, true, false)
			w.list(n.List, false)
			w.list(n.ElseList, root)
		case *parse.RangeNode:
			w.pipe(n.Pipe, root, false, true)
			w.list(n.List, false)
			w.list(n.ElseList, root)
		}
	}
}

func (w usageWalker) pipe(pipe *parse.PipeNode, root, tested, ranged bool) {
	if pipe == nil {
		return
	}
	for _, command := range pipe.Cmds {
		bare := len(command.Args) == 1
		tests := tested && bare
		if word, ok := command.Args[0].(*parse.IdentifierNode); ok {
			switch word.Ident {
			case "or", "and", "not":
				tests = true
			}
		}
		for _, arg := range command.Args {
			w.arg(arg, root, tests, ranged && bare && len(pipe.Cmds) == 1)
		}
	}
}

func (w usageWalker) arg(arg parse.Node, root, tested, ranged bool) {
	switch n := arg.(type) {
	case *parse.FieldNode:
		if root {
			w.use(n.Ident[0], tested, ranged && len(n.Ident) == 1)
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			w.use(n.Ident[1], tested, ranged && len(n.Ident) == 2)
		}
	case *parse.ChainNode:
		w.arg(n.Node, root, tested, false)
	case *parse.PipeNode:
		w.pipe(n, root, tested, false)
	}
}

// infer makes the contract of a template without a template.yaml: what it names is
// required, what it only tests with if, with or or may be left out.
func (u usages) infer(name string) contract {
	c := contract{template: name, category: transactional, variables: map[string]*spec{}}
	for variable, how := range u {
		v := &spec{Type: kindAny, Optional: how.tested}
		if how.ranged {
			v.Type = kindList
		}
		c.variables[variable] = v
	}
	c.names = sortedKeys(c.variables)
	return c
}
