package testkit

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gangwon-portal/gangway/internal/devstack"
)

// NATSServer is a server with files of its own, to be stopped and started again
// on the same port with the same data.
type NATSServer struct {
	t       testing.TB
	dir     *devstack.Dir
	options devstack.NATSOptions
	server  *devstack.NATS
}

// NATS starts a server for this test; it takes a few milliseconds. Its port is
// free, whatever options say.
func NATS(t testing.TB, options ...devstack.NATSOptions) *NATSServer {
	t.Helper()
	s := &NATSServer{t: t}
	for _, o := range options {
		s.options = o
	}
	s.options.Port = devstack.AnyPort
	dir, err := devstack.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.dir = dir
	t.Cleanup(func() {
		s.Stop()
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	})
	s.Start()
	s.options.Port, _ = s.server.Port()
	return s
}

// URL is what a client connects to, the same after a new start.
func (s *NATSServer) URL() string { return s.server.URL() }

// Start starts the server again after Stop.
func (s *NATSServer) Start() {
	s.t.Helper()
	server, err := devstack.StartNATS(context.Background(), s.dir, s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.server = server
}

// Stop shuts the server down; its clients lose their connections.
func (s *NATSServer) Stop() {
	if s.server != nil {
		s.server.Close()
	}
}

// Connect returns a connection that reconnects for ever, soon, and is closed when
// the test ends.
func (s *NATSServer) Connect(options ...nats.Option) *nats.Conn {
	s.t.Helper()
	return connect(s.t, s.URL(), options...)
}

func connect(t testing.TB, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(url, append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}
