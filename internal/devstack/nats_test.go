package devstack_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/devstack"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestNATSKeepsItsStreams(t *testing.T) {
	testkit.NoLeaks(t)
	dir := open(t)
	n := startNATS(t, dir, devstack.NATSOptions{Port: devstack.AnyPort, SyncAlways: true})
	js := jetStream(t, n.URL())
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s.1", make([]byte, 7<<20)); err != nil {
		t.Fatalf("7 MiB: %v", err)
	}
	port, _ := n.Port()
	n.Close()
	n.Close() // twice is harmless

	n = startNATS(t, dir, devstack.NATSOptions{Port: port})
	if again, usual := n.Port(); again != port || usual {
		t.Errorf("port %d (usual: %v), want %d", again, usual, port)
	}
	stream, err := jetStream(t, n.URL()).Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().State.Msgs; got != 1 {
		t.Errorf("%d messages after the restart, want 1", got)
	}
}

func TestNATSTakesAFreePortWhenTheUsualOneIsTaken(t *testing.T) {
	occupy(t, "127.0.0.1:4222")
	n := startNATS(t, open(t), devstack.NATSOptions{})
	if port, usual := n.Port(); usual || port == 4222 {
		t.Errorf("port %d (usual: %v)", port, usual)
	}
	jetStream(t, n.URL())
}

func TestNATSSaysWhyItDoesNotStart(t *testing.T) {
	dir := open(t)
	if err := os.MkdirAll(filepath.Join(dir.Path(), "nats"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir.Path(), "nats", "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := devstack.StartNATS(t.Context(), dir, devstack.NATSOptions{Port: devstack.AnyPort})
	if err == nil || !strings.Contains(err.Error(), "storage directory is not a directory") {
		t.Errorf("error %v, want the server's reason", err)
	}
}

func open(t *testing.T) *devstack.Dir {
	t.Helper()
	dir, err := devstack.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

func startNATS(t *testing.T, dir *devstack.Dir, o devstack.NATSOptions) *devstack.NATS {
	t.Helper()
	n, err := devstack.StartNATS(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func jetStream(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AccountInfo(t.Context()); err != nil {
		t.Fatalf("no JetStream: %v", err)
	}
	return js
}

// occupy makes a port taken for this test; somebody else may have it already.
func occupy(t *testing.T, address string) {
	t.Helper()
	if listener, err := net.Listen("tcp", address); err == nil {
		t.Cleanup(func() { listener.Close() })
	}
}
