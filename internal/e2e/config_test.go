package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestConfigurationOfARunningWorker changes a real process's configuration by its
// file, and that of the fleet by worker config; a hang-up ends nothing.
func TestConfigurationOfARunningWorker(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := put("worker.yaml", "health: {interval: 6m}\n")
	worker := p.startWorker([]string{"--config", file})
	worker.WaitOutput(patience, `"worker is ready"`)
	put("worker.yaml", "health: {interval: 7m}\n")
	worker.WaitOutput(patience, `"changed":["health.interval"]`)
	worker.Signal(syscall.SIGHUP)
	worker.WaitOutput(patience, `"cause":"signal"`)

	run := func(code int, args ...string) string {
		t.Helper()
		c := testkit.Start(t, testkit.Program{Path: testkit.Build(t, "cmd/worker"), Args: append([]string{"config"}, args...), Env: p.env(), Dir: dir})
		if got := c.Wait(patience); got != code {
			t.Fatalf("worker config %s: exit code %d, want %d:\n%s", args, got, code, c.Output())
		}
		return c.Output()
	}
	shown := func(args ...string) (now struct {
		Version int
		By      string
		Text    string
		Workers []struct{ Overrides int }
	}) {
		t.Helper()
		if err := json.Unmarshal([]byte(run(0, append(args, "--output", "json")...)), &now); err != nil {
			t.Fatal(err)
		}
		return now
	}
	run(1, "revert") // nothing was ever pushed
	if out := run(2, "push", put("wrong.yaml", "pool: {email.send: 3}\nlog: {levle: info}\n")); !strings.Contains(out, "needs a restart") || !strings.Contains(out, "log.level?") {
		t.Errorf("mistakes: %s", out)
	}
	if now := shown("push", put("right.yaml", "health: {interval: 8m}\n"), "--by", "kim"); now.Version != 1 || now.By != "kim" || len(now.Workers) != 1 || now.Workers[0].Overrides != 1 {
		t.Errorf("pushed: %+v", now)
	}
	if out := run(0, "show"); !strings.Contains(out, "version 1 by kim") || !strings.Contains(out, "interval: 8m") {
		t.Errorf("shown: %s", out)
	}
	if now := shown("revert"); now.Version != 2 || now.Text != "" || now.Workers[0].Overrides != 2 {
		t.Errorf("reverted: %+v", now)
	}
	if now := shown("show", "--version", "1"); now.Version != 1 {
		t.Errorf("version 1: %+v", now)
	}
	run(1, "revert", "--to", "99")
	worker.Signal(syscall.SIGTERM)
	if code := worker.Wait(patience); code != 0 {
		t.Errorf("exit code %d: %s", code, worker.Output())
	}
}
