package simulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// mailProviders are the servers that startSMTP opens.
func mailProviders() []string { return []string{"smtp", "gmail", "outlook", "sendgrid", "ses"} }

// mailServer is one mail provider: STARTTLS and a login are demanded, and what
// it answers is in the words of its vendor. With a negative Options.Keep it
// throws messages away unread, which makes it a sink for benchmarks.
type mailServer struct {
	simulator *Simulator
	provider  string
	listener  *trackingListener
	server    *smtp.Server
	stopping  chan struct{} // ends the waits of slow and unanswered messages
	served    chan struct{}
}

// openMail listens on a free port and serves until close.
func (s *Simulator) openMail(provider string, certificate tls.Certificate) (*mailServer, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(s.options.Host, "0"))
	if err != nil {
		return nil, fmt.Errorf("simulator: listen: %w", err)
	}
	m := &mailServer{
		simulator: s, provider: provider, stopping: make(chan struct{}), served: make(chan struct{}),
		listener: &trackingListener{Listener: listener, open: map[net.Conn]struct{}{}},
	}
	m.server = smtp.NewServer(smtp.BackendFunc(m.session))
	m.server.Domain = repliesOf(provider).domain
	m.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	m.server.MaxMessageBytes = 64 << 20
	m.server.MaxRecipients = 500
	m.server.EnableSMTPUTF8 = provider != "ses"
	// A client that goes away is no news here.
	m.server.ErrorLog = log.New(io.Discard, "", 0)
	go func() {
		defer close(m.served)
		_ = m.server.Serve(m.listener)
	}()
	return m, nil
}

func (m *mailServer) session(c *smtp.Conn) (smtp.Session, error) {
	return &mailSession{server: m, conn: c, replies: repliesOf(m.provider)}, nil
}

// close ends every session, stalled ones too, and waits for them.
func (m *mailServer) close() error {
	close(m.stopping)
	err := m.listener.shut()
	<-m.served
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// All connections are closed, so this waits only for their goroutines.
	if waited := m.server.Shutdown(ctx); waited != nil && !errors.Is(waited, net.ErrClosed) {
		err = errors.Join(err, fmt.Errorf("simulator: %s: %w", m.provider, waited))
	}
	return err
}

// trackingListener knows its open connections. The library's own list misses
// one that was accepted in the very moment of closing.
type trackingListener struct {
	net.Listener
	mu   sync.Mutex
	open map[net.Conn]struct{}
	shot bool
}

func (l *trackingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shot {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	tracked := &trackedConn{Conn: conn, listener: l}
	l.open[tracked] = struct{}{}
	return tracked, nil
}

func (l *trackingListener) shut() error {
	err := l.Close()
	l.mu.Lock()
	l.shot = true
	open := make([]net.Conn, 0, len(l.open))
	for conn := range l.open {
		open = append(open, conn)
	}
	l.mu.Unlock()
	for _, conn := range open {
		_ = conn.Close()
	}
	return err
}

type trackedConn struct {
	net.Conn
	listener *trackingListener
}

func (c *trackedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
