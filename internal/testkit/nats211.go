package testkit

import (
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

var listening = regexp.MustCompile(`Listening for client connections on (\S+)`)

// NATS211 starts a NATS server 2.11 with JetStream, as a child process, and
// returns its URL. It is the last line without message schedules, which Gangway
// needs. The module in nats211/ keeps that version apart from ours.
func NATS211(t testing.TB) string {
	t.Helper()
	path := build(t, filepath.Join(Root(t), "internal/testkit/nats211"), "github.com/nats-io/nats-server/v2")
	server := Start(t, Program{Path: path, Args: []string{
		"--addr", "127.0.0.1", "--port", "-1", "--jetstream", "--store_dir", t.TempDir(),
	}})
	server.WaitOutput(20*time.Second, "Server is ready")
	address := listening.FindStringSubmatch(server.Output())
	if address == nil {
		t.Fatalf("testkit: NATS 2.11 does not say where it listens:\n%s", server.Output())
	}
	return "nats://" + address[1]
}
