package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// guide is the page for other programs' makers, and what its examples run with.
type guide struct {
	*place
	dir    string
	env    []string
	blocks []block
}

// TestIntegrating follows the page for other programs' makers: its examples run
// against a worker, and what they ask for is sent.
func TestIntegrating(t *testing.T) {
	t.Parallel()
	root := testkit.Root(t)
	page, err := os.ReadFile(filepath.Join(root, "docs/INTEGRATING.md"))
	if err != nil {
		t.Fatal(err)
	}
	g := &guide{place: newPlace(t), dir: t.TempDir(), blocks: fenced(string(page))}
	worker := g.worker("GANGWAY_ADMIN_TOKEN=a token that writes")
	admin := regexp.MustCompile(`"admin":"([^"]+)"`).FindStringSubmatch(worker.Output())
	if admin == nil {
		t.Fatal("the worker does not say where its admin listener is")
	}
	g.env = append(os.Environ(), "NATS_URL="+g.nats.URL(), "DATABASE_URL="+g.db, "GANGWAY_ADMIN_ADDR="+admin[1],
		"GANGWAY_ADMIN_TOKEN=a token that writes", "PATH="+filepath.Dir(testkit.NATSCLI(t))+":"+os.Getenv("PATH"))
	g.sql(`CREATE TABLE applications (number text PRIMARY KEY, state text); INSERT INTO applications VALUES ('2026-0042', 'new')`)

	programs := g.build(root)
	events := testkit.Start(t, testkit.Program{Path: programs["examples/events"], Env: g.env})
	want := []string{"application-42-received", "application-42-approved", "0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"}
	for _, b := range g.of("sql") {
		g.sql(b.text)
	}
	g.run(programs["examples/enqueue"])
	g.run(programs["examples/publish"])
	want = append(want, g.shell()...)
	want = append(want, g.scripts(root)...)
	for _, id := range want {
		g.ends(command.ParseID(id).String(), "sent")
	}
	testkit.Eventually(t, patience, func() bool {
		return strings.Contains(events.Output(), command.ParseID(want[0]).String()+" sent  application-42")
	}, "the program that reads events to see the first one")
	g.bodies(string(page))
	g.settled()
}

func (g *guide) of(kind string) (found []block) {
	for _, b := range g.blocks {
		if b.kind == kind {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		g.t.Errorf("the page has no example in %s", kind)
	}
	return found
}

func (g *guide) sql(text string) {
	g.t.Helper()
	if _, err := g.database().Exec(g.t.Context(), text); err != nil {
		g.t.Errorf("%v in\n%s", err, text)
	}
}

// build builds the Go programs of the page as if they stood in this module.
func (g *guide) build(root string) map[string]string {
	g.t.Helper()
	sources := g.of("go")
	overlay, built := layOver(g.t, root, sources), map[string]string{}
	args := []string{"build", "-buildvcs=false", "-overlay", overlay, "-o", g.dir + "/"}
	for _, b := range sources {
		folder := filepath.Dir(b.file)
		built[folder] = filepath.Join(g.dir, filepath.Base(folder))
		args = append(args, "./"+folder)
	}
	cmd := exec.CommandContext(g.t.Context(), "go", args...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		g.t.Fatalf("%v\n%s", err, out)
	}
	return built
}

func (g *guide) run(name string, args ...string) {
	g.t.Helper()
	cmd := exec.CommandContext(g.t.Context(), name, args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	if out, err := cmd.CombinedOutput(); err != nil {
		g.t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// has reports whether a program is there and ends well with args.
func (g *guide) has(name string, args ...string) bool {
	cmd := exec.CommandContext(g.t.Context(), name, args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	return cmd.Run() == nil
}

// shell runs the commands of the page one by one, each where its program is there.
func (g *guide) shell() (ids []string) {
	g.t.Helper()
	for _, b := range g.of("sh") {
		g.write("example.sh", b.text)
		g.run("sh", "-n", "example.sh")
		for i, program := range []string{"nats", "psql", "curl"} {
			_, after, found := strings.Cut("\n"+b.text, "\n"+program+" ")
			if !found {
				g.t.Errorf("the shell examples have no %s", program)
			}
			if !g.has(program, "--version") {
				continue
			}
			text := program + " " + after
			for _, other := range []string{"\npsql ", "\ncurl "} {
				text, _, _ = strings.Cut(text, other)
			}
			g.run("sh", "-euc", text)
			ids = append(ids, []string{"shell-1", "shell-2", "shell-3"}[i])
		}
	}
	return ids
}

// scripts runs what is written in other languages: in Node, whose modules
// scripts/ready brings, and in Python where its modules are there; else its syntax
// is checked.
func (g *guide) scripts(root string) (ids []string) {
	g.t.Helper()
	modules := filepath.Join(root, "internal/e2e/testdata/node/node_modules")
	if _, err := os.Stat(modules); err != nil {
		g.t.Fatalf("%v: run scripts/ready test, which brings Node and the modules of the examples", err)
	}
	if err := os.Symlink(modules, filepath.Join(g.dir, "node_modules")); err != nil {
		g.t.Fatal(err)
	}
	for i, b := range g.of("js") {
		g.write(b.file, b.text)
		g.run("node", b.file)
		ids = append(ids, []string{"node-1", "node-2"}[i])
	}
	for _, b := range g.of("python") {
		g.write(b.file, b.text)
		module, id := "psycopg", "python-1"
		if b.file == "publish.py" {
			module, id = "nats", "python-2"
		}
		// The system's own has what the package manager brought.
		pythons := []string{"python3", "/usr/bin/python3"}
		able := slices.IndexFunc(pythons, func(python string) bool { return g.has(python, "-c", "import "+module) })
		switch {
		case able >= 0:
			g.run(pythons[able], b.file)
			ids = append(ids, id)
		case g.has("python3", "--version"):
			g.run("python3", "-m", "py_compile", b.file)
		}
	}
	return ids
}

func (g *guide) write(name, text string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// bodies reads every command of the page as a worker does, whatever the language
// around it.
func (g *guide) bodies(page string) {
	g.t.Helper()
	read := 0
	for rest := page; ; {
		_, after, found := strings.Cut(rest, `{"to":`)
		if !found {
			break
		}
		rest = after
		var body json.RawMessage
		if err := json.NewDecoder(bytes.NewReader([]byte(`{"to":` + after))).Decode(&body); err != nil {
			g.t.Errorf("%v in %.60s", err, after)
			continue
		}
		if _, err := command.Decode(command.EmailSend, command.Normal, body, command.Source{MsgID: "x", Timestamp: time.Now()}); err != nil {
			g.t.Errorf("%v in %s", err, body)
		}
		read++
	}
	if read < 8 {
		g.t.Errorf("only %d commands were found on the page", read)
	}
}
