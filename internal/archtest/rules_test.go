package archtest

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/token"
	"path"
	"slices"
	"strings"
)

const longestFile = 400

// packageComments wants one comment for each package that says what it is.
func packageComments(tr *tree) (broken []string) {
	dirs, byDir := tr.packages()
	for _, dir := range dirs {
		files := byDir[dir]
		var with []file
		for _, f := range files {
			if f.syntax.Doc != nil {
				with = append(with, f)
			}
		}
		if len(with) == 0 {
			broken = append(broken, tr.at(files[0].syntax, "package %s has no comment", dir))
			continue
		}
		for _, f := range with[1:] {
			broken = append(broken, tr.at(f.syntax.Doc, "package %s has a comment in %s already", dir, with[0].path))
		}
		start := "Package " + with[0].syntax.Name.Name + " "
		if with[0].syntax.Name.Name == "main" {
			start = "Command " + path.Base(dir) + " "
		}
		if with[0].isExternal() || !strings.HasPrefix(with[0].syntax.Doc.Text(), start) {
			broken = append(broken, tr.at(with[0].syntax.Doc, "the comment of package %s does not start with %q", dir, start))
		}
	}
	return broken
}

func fileLength(tr *tree) (broken []string) {
	for _, f := range tr.files {
		if n := bytes.Count(f.source, []byte("\n")); n > longestFile {
			broken = append(broken, tr.at(f.syntax, "%d lines, at most %d", n, longestFile))
		}
	}
	return broken
}

func formatted(tr *tree) (broken []string) {
	for _, f := range tr.files {
		if want, err := format.Source(f.source); err != nil || !bytes.Equal(f.source, want) {
			broken = append(broken, tr.at(f.syntax, "not as gofmt writes it"))
		}
	}
	return broken
}

// noHiddenStart refuses func init: what a package does before main is hidden.
func noHiddenStart(tr *tree) (broken []string) {
	for _, f := range tr.files {
		for _, decl := range f.syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				broken = append(broken, tr.at(fn, "func init hides what it does: do it in a constructor"))
			}
		}
	}
	return broken
}

// noPackageState refuses variables of a package that only make sense when
// something assigns to them later.
func noPackageState(tr *tree) (broken []string) {
	for _, f := range tr.files {
		if f.isTest() || slices.Contains(forTests, f.dir()) {
			continue
		}
		for _, decl := range f.syntax.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				v := spec.(*ast.ValueSpec)
				if len(v.Values) == 0 && !isEmbedded(group.Doc) && !isEmbedded(v.Doc) {
					broken = append(broken, tr.at(v, "%s is state of the package: put it into a struct", v.Names[0].Name))
				}
			}
		}
	}
	return broken
}

func isEmbedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// calls refuses calls that are wrong wherever, or where, they stand.
func calls(tr *tree) (broken []string) {
	for _, f := range tr.files {
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			if why := wrongCall(f, call); why != "" {
				broken = append(broken, tr.at(call, "%s", why))
			}
			return true
		})
	}
	return broken
}

func wrongCall(f file, call *ast.CallExpr) string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	receiver, ok := selector.X.(*ast.Ident)
	if !ok {
		return ""
	}
	name := receiver.Name + "." + selector.Sel.Name
	mayPrint := f.isTest() || f.dir() == "internal/cli" || strings.HasPrefix(f.path, "cmd/")
	switch {
	case name == "time.Sleep" && f.isTest() && f.fakesTime():
	case name == "time.Sleep" && f.isTest():
		return "a test does not sleep: wait for a condition (testkit.Eventually), or use testing/synctest"
	case name == "time.Sleep":
		return "time.Sleep obeys no context: wait with a timer and ctx.Done()"
	case f.isTest() && slices.Contains([]string{"t", "b", "f", "tb"}, receiver.Name) && strings.HasPrefix(selector.Sel.Name, "Skip"):
		return "a test that is skipped shows nothing: provide what it needs, or delete it"
	case strings.HasPrefix(name, "fmt.Print") && !mayPrint:
		return "only the programs print: return it, or log it"
	}
	return ""
}
