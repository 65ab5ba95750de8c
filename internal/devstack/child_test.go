package devstack_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/devstack"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// A stack whose owner is killed with SIGKILL leaves no server behind, and its
// data are there for the next one.
func TestStackEndsWithItsOwner(t *testing.T) {
	path := t.TempDir()
	start := func() (owner *testkit.Process, natsURL, postgresURL string) {
		owner = testkit.Start(t, testkit.Program{Path: self(t), Env: []string{ownerOfStack + "=" + path}})
		owner.WaitOutput(30*time.Second, "ready\n")
		urls := strings.Fields(owner.Stdout())
		return owner, urls[0], urls[1]
	}
	owner, _, postgresURL := start()
	query(t, postgresURL, "CREATE TABLE kept AS SELECT 'committed' AS word")
	if _, err := devstack.Open(path); err == nil || !strings.Contains(err.Error(), "in use by process "+strconv.Itoa(owner.PID())) {
		t.Errorf("second stack over the same data: %v", err)
	}
	server := postmaster(t, path)
	if group, err := syscall.Getpgid(server); err != nil || group != server {
		t.Errorf("Postgres is in process group %d, %v: Ctrl-C would reach it", group, err)
	}

	owner.Kill()
	testkit.Eventually(t, 10*time.Second, func() bool { return gone(server) }, "Postgres (process %d) is gone", server)

	owner, natsURL, postgresURL := start()
	if got := query(t, postgresURL, "SELECT word FROM kept"); got != "committed" {
		t.Errorf("word %q", got)
	}
	jetStream(t, natsURL)
	owner.Kill()
}

func TestChildThatCannotStart(t *testing.T) {
	testkit.NoLeaks(t)
	dir := open(t)
	if err := os.WriteFile(filepath.Join(dir.Path(), "postgres"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := devstack.StartPostgres(t.Context(), dir, devstack.PostgresOptions{}); err == nil {
		t.Error("a file in place of the folder goes unnoticed")
	}
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// postmaster returns the process id of the server of a data directory.
func postmaster(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path, "postgres", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.Fields(string(text))[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// gone tells whether a process has ended. One that nobody has waited for yet
// still has its number, but no working directory.
func gone(pid int) bool {
	_, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/cwd")
	return err != nil
}
