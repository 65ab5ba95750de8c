package e2e

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// mailServer is a real mail server that may take its time and remembers what it
// accepted, by Message-ID.
type mailServer struct {
	host, port string
	closing    chan struct{}

	mu     sync.Mutex
	delay  time.Duration // before each answer
	look   look
	taken  map[string]int // how often each Message-ID was accepted
	inside int            // messages that wait for their answer
}

// look is called with a message before it is answered, to see what surrounds it.
// Its error, an [*smtp.SMTPError], is the answer instead.
type look func(id, subject string) error

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{closing: make(chan struct{}), taken: map[string]int{}}
	if m.host, m.port, err = net.SplitHostPort(listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{m}, nil }))
	server.Domain = "mail.test"
	server.MaxMessageBytes = 64 << 20
	server.ErrorLog = log.New(io.Discard, "", 0) // clients are killed here
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		close(m.closing)
		_ = server.Close()
		<-served
	})
	return m
}

// holdFor makes every answer wait.
func (m *mailServer) holdFor(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delay = d
}

// lookAt has f called with each message.
func (m *mailServer) lookAt(f look) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.look = f
}

// waiting is how many messages wait for their answer.
func (m *mailServer) waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inside
}

// total is how many messages were accepted.
func (m *mailServer) total() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, times := range m.taken {
		n += times
	}
	return n
}

// times is how often the message of a command was accepted.
func (m *mailServer) times(id string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.taken[id]
}

// once reports every command whose message was not accepted exactly once.
func (m *mailServer) once(t *testing.T, ids []string) {
	t.Helper()
	for _, id := range ids {
		if n := m.times(id); n != 1 {
			t.Errorf("the mail server got the message of %s %d times, want once", id, n)
		}
	}
}

func (m *mailServer) take(id, subject string) error {
	m.mu.Lock()
	delay, look := m.delay, m.look
	m.inside++
	m.mu.Unlock()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.closing:
	}
	var refusal error
	if look != nil {
		refusal = look(id, subject)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inside--
	if refusal == nil {
		m.taken[id]++
	}
	return refusal
}

type mailSession struct{ server *mailServer }

func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }

// Data takes a message. The left part of its Message-ID is the command's id.
func (s mailSession) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, message.Body); err != nil {
		return err
	}
	id, _, ok := strings.Cut(strings.Trim(message.Header.Get("Message-Id"), "<>"), "@")
	if !ok {
		return fmt.Errorf("message without Message-ID")
	}
	return s.server.take(id, message.Header.Get("Subject"))
}

var _ smtp.Session = mailSession{}
