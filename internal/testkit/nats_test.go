package testkit

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestNATSGoesAndComesBack(t *testing.T) {
	NoLeaks(t)
	server := NATS(t)
	url := server.URL()
	conn := server.Connect()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT"}); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	Eventually(t, 5*time.Second, func() bool { return !conn.IsConnected() }, "the connection is lost")
	server.Start()
	if server.URL() != url {
		t.Errorf("URL %s, want %s", server.URL(), url)
	}
	Eventually(t, 5*time.Second, conn.IsConnected, "the client is back")
	if _, err := js.Stream(t.Context(), "KEPT"); err != nil {
		t.Error(err)
	}
}

func TestNATS211(t *testing.T) {
	conn := connect(t, NATS211(t))
	if version := conn.ConnectedServerVersion(); !strings.HasPrefix(version, "2.11.") {
		t.Errorf("version %s", version)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AccountInfo(t.Context()); err != nil {
		t.Errorf("no JetStream: %v", err)
	}
}
