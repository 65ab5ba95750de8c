package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gangwon-portal/gangway"

// tree is the source of a module. Sources are parsed, not asked of `go list`,
// because `go test` would then not know what its cached result depends on.
type tree struct {
	fset  *token.FileSet
	files []file
}

type file struct {
	path   string // from the module's root
	source []byte
	syntax *ast.File
}

func (f file) dir() string      { return path.Dir(f.path) }
func (f file) isTest() bool     { return strings.HasSuffix(f.path, "_test.go") }
func (f file) isExternal() bool { return f.isTest() && strings.HasSuffix(f.syntax.Name.Name, "_test") }

// fakesTime reports that the file's tests run in bubbles of testing/synctest,
// where sleeping costs nothing.
func (f file) fakesTime() bool {
	return slices.ContainsFunc(f.syntax.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing/synctest"` })
}

// read parses every Go file of the module in fsys. Modules inside it, test data
// and hidden folders are not part of it.
func read(t *testing.T, fsys fs.FS) *tree {
	t.Helper()
	tr := &tree{fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return leave(fsys, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(tr.fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
		tr.files = append(tr.files, file{path: name, source: source, syntax: syntax})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func leave(fsys fs.FS, dir string) error {
	base := path.Base(dir)
	if dir == "." {
		return nil
	}
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// packages groups the files by folder, in order.
func (tr *tree) packages() (dirs []string, byDir map[string][]file) {
	byDir = map[string][]file{}
	for _, f := range tr.files {
		byDir[f.dir()] = append(byDir[f.dir()], f)
	}
	for dir := range byDir {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	return dirs, byDir
}

// at says what is wrong and where.
func (tr *tree) at(node ast.Node, format string, args ...any) string {
	where := tr.fset.Position(node.Pos())
	return fmt.Sprintf("%s:%d: %s", where.Filename, where.Line, fmt.Sprintf(format, args...))
}
