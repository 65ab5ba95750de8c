package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/devstack"
)

// NATSProcess is the ordinary nats-server as a child process, to be killed and
// started again on the same port with the same data.
type NATSProcess struct {
	t       testing.TB
	program Program
	port    int
	process *Process
}

// StartNATSProcess starts a server for this test that stores at most maxStore
// bytes; 0 leaves that to the server. Prefer [NATS], which is there in a moment,
// where the server need not die.
func StartNATSProcess(t testing.TB, maxStore int64) *NATSProcess {
	t.Helper()
	port, err := devstack.FreePort("127.0.0.1")
	if err != nil {
		t.Fatalf("testkit: nats-server: %v", err)
	}
	s := newNATSProcess(t, port, maxStore)
	s.Start()
	return s
}

// newNATSProcess lays out a server; more are further lines of its configuration.
func newNATSProcess(t testing.TB, port int, maxStore int64, more ...string) *NATSProcess {
	t.Helper()
	s := &NATSProcess{t: t, port: port}
	s.program.Path = build(t, Root(t), "github.com/nats-io/nats-server/v2")
	settings := filepath.Join(t.TempDir(), "nats.conf")
	s.program.Args = []string{"--config", settings}
	lines := []string{
		fmt.Sprintf("listen: \"127.0.0.1:%d\"", port), "max_payload: 8MB", "jetstream {", fmt.Sprintf("store_dir: %q", t.TempDir()),
	}
	if maxStore > 0 {
		lines = append(lines, fmt.Sprintf("max_file_store: %d", maxStore))
	}
	lines = append(append(lines, "}"), more...)
	if err := os.WriteFile(settings, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// URL is what a client connects to, the same after a new start.
func (s *NATSProcess) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.port) }

// Kill ends the server as a crash would: it writes nothing more.
func (s *NATSProcess) Kill() {
	s.t.Helper()
	s.process.Kill()
}

// Start starts the server again after Kill, and waits until it takes clients.
func (s *NATSProcess) Start() {
	s.t.Helper()
	s.process = Start(s.t, s.program)
	s.process.WaitOutput(30*time.Second, "Server is ready")
}
