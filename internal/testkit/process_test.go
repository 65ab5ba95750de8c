package testkit

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestProcess(t *testing.T) {
	NoLeaks(t)
	script := `echo out; echo err >&2; echo "$WORD"; pwd; trap 'echo asked; exit 3' TERM; while :; do sleep 0.01; done`
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := Start(t, Program{Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"WORD=given"}, Dir: dir})
	p.WaitOutput(5*time.Second, dir)
	p.WaitOutput(5*time.Second, "err\n") // through a pipe of its own
	if want := "out\ngiven\n" + dir + "\n"; p.Stdout() != want {
		t.Errorf("standard output %q, want %q", p.Stdout(), want)
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(5 * time.Second); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	if !strings.HasSuffix(p.Stdout(), "asked\n") {
		t.Errorf("output %q, want the trap's", p.Stdout())
	}
	p.Signal(syscall.SIGTERM) // a process that is gone is no error

	reader := Start(t, Program{Path: "/bin/cat", Stdin: strings.NewReader("typed")})
	if code := reader.Wait(5 * time.Second); code != 0 || reader.Stdout() != "typed" {
		t.Errorf("cat: %d, %q", code, reader.Stdout())
	}
}

func TestProcessEndsWithTheTest(t *testing.T) {
	var p *Process
	t.Run("inner", func(t *testing.T) {
		p = Start(t, Program{Path: "/bin/sleep", Args: []string{"60"}})
	})
	if err := syscall.Kill(p.PID(), 0); err != syscall.ESRCH {
		t.Errorf("process %d is still there: %v", p.PID(), err)
	}
	if code := p.Wait(time.Second); code != -1 {
		t.Errorf("exit code %d, want -1 for a killed process", code)
	}
}

func TestBuildIsDoneOnce(t *testing.T) {
	module := t.TempDir()
	source := filepath.Join(module, "main.go")
	for path, text := range map[string]string{
		filepath.Join(module, "go.mod"): "module example.test/hello\n\ngo 1.26\n",
		source:                          "package main\n\nfunc main() { print(\"hello\") }\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := build(t, module, "example.test/hello")
	if err := os.WriteFile(source, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := build(t, module, "example.test/hello"); again != path {
		t.Errorf("built again, as %s", again)
	}
	p := Start(t, Program{Path: path})
	if code := p.Wait(5 * time.Second); code != 0 || p.Output() != "hello" {
		t.Errorf("%d, %q", code, p.Output())
	}
}

func TestRoot(t *testing.T) {
	if _, err := os.Stat(filepath.Join(Root(t), "go.mod")); err != nil {
		t.Error(err)
	}
}
