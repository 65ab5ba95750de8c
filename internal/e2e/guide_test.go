package e2e

import (
	"encoding/json"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// The guide to a new provider is followed to the letter: its files and changes
// are laid over the sources, the tests in it run, and a worker built with them
// sends through the new provider.
func TestAddingAProvider(t *testing.T) {
	t.Parallel()
	root := testkit.Root(t)
	guide, err := os.ReadFile(filepath.Join(root, "docs/ADDING-A-PROVIDER.md"))
	if err != nil {
		t.Fatal(err)
	}
	var files []block
	for _, b := range fenced(string(guide)) {
		if b.file != "" {
			files = append(files, b)
		}
	}
	if len(files) < 8 {
		t.Fatalf("only %d code blocks of the guide name a file", len(files))
	}
	overlay := layOver(t, root, files)
	run := func(dir, program string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
		}
	}
	bin := t.TempDir()
	tests, worker := filepath.Join(bin, "haneul.test"), filepath.Join(bin, "worker")
	// vet and test would run in the driver's folder, which is not on the disk.
	run(root, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", tests, "./providers/haneul")
	run(bin, tests)
	run(root, "go", "build", "-buildvcs=false", "-overlay", overlay, "-o", worker, "./cmd/worker")

	p := newPlace(t)
	testkit.Start(t, testkit.Program{
		Path: worker, Args: []string{"run"}, Dir: t.TempDir(),
		Env: append(p.env(), "GANGWAY_ENV=dev", "GANGWAY_WORKER_LEASE=30s", "GANGWAY_ROUTES_SMS=haneul", "GANGWAY_PROVIDERS_HANEUL_MODE=mock", "GANGWAY_PROVIDERS_HANEUL_FROM=033-249-0000"),
	}).WaitOutput(patience, `"worker is ready"`)
	sent := p.publisher(nil, "sms", "--to", "010-1234-5678", "--text", "안녕하세요", "--wait")
	sent.done(t)
	var provider string
	if err := p.database().QueryRow(t.Context(), "SELECT provider FROM gangway.delivery_status WHERE id = $1", strings.TrimSpace(sent.out)).Scan(&provider); err != nil || provider != "haneul" {
		t.Errorf("sent by %q, %v", provider, err)
	}
}

// block is a code block of a page. One that names a file is the whole of a new one
// (go), or a change of an old one (diff).
type block struct{ kind, file, text string }

func fenced(page string) (found []block) {
	var open *block
	for line := range strings.Lines(page) {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			kind, file, _ := strings.Cut(strings.TrimSpace(info), " ")
			open = &block{kind: kind, file: file}
		case fence:
			found = append(found, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	return found
}

// layOver writes what the blocks make of the sources in root and returns the file
// that tells the go command of it.
func layOver(t *testing.T, root string, blocks []block) string {
	t.Helper()
	texts := map[string]string{}
	for _, b := range blocks {
		if b.kind == "go" {
			if formatted, err := format.Source([]byte(b.text)); err != nil || string(formatted) != b.text {
				t.Errorf("%s is not as gofmt writes it: %v", b.file, err)
			}
			texts[b.file] = b.text
			continue
		}
		if texts[b.file] == "" {
			source, err := os.ReadFile(filepath.Join(root, b.file))
			if err != nil {
				t.Fatal(err)
			}
			texts[b.file] = string(source)
		}
		changed, err := change(texts[b.file], b.text)
		if err != nil {
			t.Fatalf("%s: %v", b.file, err)
		}
		texts[b.file] = changed
	}
	replace := map[string]string{}
	dir := t.TempDir()
	for file, text := range texts {
		path := filepath.Join(dir, strings.ReplaceAll(file, "/", "-"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, file)] = path
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// change applies a diff whose added lines stand behind lines that are there.
func change(source, diff string) (string, error) {
	var before, after strings.Builder
	for line := range strings.Lines(diff) {
		switch line[0] {
		case ' ':
			before.WriteString(line[1:])
			after.WriteString(line[1:])
		case '+':
			after.WriteString(line[1:])
		default:
			return "", fmt.Errorf("the guide has a line of another form: %q", line)
		}
	}
	if n := strings.Count(source, before.String()); n != 1 {
		return "", fmt.Errorf("what the guide changes stands there %d times:\n%s", n, before.String())
	}
	return strings.Replace(source, before.String(), after.String(), 1), nil
}
