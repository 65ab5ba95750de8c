package archtest

import (
	"bytes"
	"go/ast"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Three of the five invariants of docs/ARCHITECTURE.md have a side that only the
// sources show; internal/e2e shows how programs keep them.

func TestInvariant3OnlyTheOutboxJoinsDatabaseAndBus(t *testing.T) { holds(t, oneBridge) }
func TestInvariant4NothingButTheTableDecides(t *testing.T)        { holds(t, oneTable) }
func TestInvariant5ConfigurationFlowsDown(t *testing.T)           { holds(t, configurationFlows) }

func holds(t *testing.T, rule func(*tree) []string) {
	t.Helper()
	for _, broken := range rule(read(t, os.DirFS(root))) {
		t.Error(broken)
	}
}

// oneBridge: a package that could write to the database and publish a message
// beside it could do one without the other. Only app, which wires the relay, and
// devstack, which starts both servers, see both.
func oneBridge(tr *tree) (broken []string) {
	both := []string{"internal/app", "internal/devstack"}
	dirs, byDir := tr.packages()
	for _, dir := range dirs {
		if slices.Contains(both, dir) || slices.Contains(forTests, dir) {
			continue
		}
		database := tr.imports(byDir[dir], "github.com/jackc/pgx", module+"/internal/postgres")
		bus := tr.imports(byDir[dir], "github.com/nats-io/nats.go", module+"/internal/broker")
		if database != nil && bus != nil {
			broken = append(broken, tr.at(bus, "%s knows database and bus: a transaction's messages go through the outbox", dir))
		}
	}
	return broken
}

// imports returns the first import below one of the paths outside tests, or nil.
func (tr *tree) imports(files []file, paths ...string) *ast.ImportSpec {
	for _, f := range files {
		for _, spec := range f.syntax.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil || f.isTest() {
				continue
			}
			if slices.ContainsFunc(paths, func(path string) bool { return name == path || strings.HasPrefix(name, path+"/") }) {
				return spec
			}
		}
	}
	return nil
}

// oneTable: the path of a command and what surrounds a provider ask the failure
// table. A switch over reasons there would be a second one.
func oneTable(tr *tree) (broken []string) {
	for _, f := range tr.files {
		if f.isTest() || f.dir() != "internal/pipeline" && f.dir() != "providers" && f.dir() != "internal/broker" && f.dir() != "internal/postgres" {
			continue
		}
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.SwitchStmt:
				if n.Tag != nil && slices.ContainsFunc(n.Body.List, func(s ast.Stmt) bool { return slices.ContainsFunc(s.(*ast.CaseClause).List, isReason) }) {
					broken = append(broken, tr.at(n, "a switch over reasons: what follows from a reason stands in internal/fault/table.go"))
				}
			case *ast.MapType:
				if s, ok := n.Key.(*ast.SelectorExpr); ok && s.Sel.Name == "Reason" {
					broken = append(broken, tr.at(n, "a map by reason: what follows from a reason stands in internal/fault/table.go"))
				}
			}
			return true
		})
	}
	return broken
}

// isReason reports whether an expression is one of fault's names.
func isReason(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && pkg.Name == "fault"
}

// configurationFlows: what runs gets values. Nothing but the package of the
// configuration, those that start programs, and those that ask a terminal what it
// can do reads the environment.
func configurationFlows(tr *tree) (broken []string) {
	mayAsk := []string{"config", "internal/devstack", "internal/cli"}
	reads := []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}
	for _, f := range tr.files {
		if f.isTest() || slices.Contains(mayAsk, f.dir()) || slices.Contains(forTests, f.dir()) {
			continue
		}
		if bytes.HasPrefix(f.source, []byte("//go:build failpoint\n")) {
			continue // in no program but those that the crash tests build
		}
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			s, ok := node.(*ast.SelectorExpr)
			if !ok || !slices.Contains(reads, s.Sel.Name) {
				return true
			}
			if pkg, ok := s.X.(*ast.Ident); ok && (pkg.Name == "os" || pkg.Name == "syscall") {
				broken = append(broken, tr.at(s, "%s.%s: it gets its configuration from its caller", pkg.Name, s.Sel.Name))
			}
			return true
		})
	}
	// What a command goes through must not even see the type.
	for _, dir := range []string{"handlers", "internal/pipeline", "internal/webhook", "internal/lookup", "internal/alert", command, delivery, faults} {
		if slices.Contains(imports[dir], "config") {
			broken = append(broken, "the import table lets "+dir+" see config")
		}
	}
	return broken
}
