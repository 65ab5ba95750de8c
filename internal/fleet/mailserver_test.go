package fleet

import (
	"errors"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
)

// mailServer is a real mail server: the provider that the workers share. It
// writes down which worker sent what, and answers as a test says.
type mailServer struct {
	port string

	mu    sync.Mutex
	posts []post
	react func(post) (stall <-chan struct{}, answer error)
}

// post is one message that reached the server.
type post struct {
	id     uuid.UUID
	worker string // its name: what stands before the @ of the sender
	at     time.Time
}

func startMailServer(t testing.TB) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{port: strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)}
	server := smtp.NewServer(m)
	server.Domain = "provider.example"
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return m
}

// fails answers every message of some workers with an error that says try again;
// without any name nobody's.
func (m *mailServer) fails(workers ...string) {
	m.reacts(func(p post) (<-chan struct{}, error) {
		for _, name := range workers {
			if p.worker == name {
				return nil, &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
			}
		}
		return nil, nil
	})
}

func (m *mailServer) reacts(react func(post) (<-chan struct{}, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.react = react
}

// since returns what came after the first n messages.
func (m *mailServer) since(n int) []post {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]post(nil), m.posts[n:]...)
}

func (m *mailServer) number() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.posts)
}

// NewSession implements [smtp.Backend].
func (m *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &mailSession{server: m}, nil
}

type mailSession struct {
	server *mailServer
	worker string
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.worker, _, _ = strings.Cut(from, "@")
	return nil
}
func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *mailSession) Reset()                               {}
func (s *mailSession) Logout() error                        { return nil }

var messageID = regexp.MustCompile(`(?im)^Message-ID:\s*<([0-9a-f-]{36})@`)

// Data writes the message down and then reacts.
func (s *mailSession) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	p := post{worker: s.worker, at: time.Now()}
	if found := messageID.FindSubmatch(content); found != nil {
		p.id = uuid.MustParse(string(found[1]))
	}
	m := s.server
	m.mu.Lock()
	m.posts = append(m.posts, p)
	react := m.react
	m.mu.Unlock()
	if react == nil {
		return nil
	}
	stall, answer := react(p)
	if stall != nil {
		<-stall
	}
	return answer
}

var (
	_ smtp.Backend = (*mailServer)(nil)
	_ smtp.Session = (*mailSession)(nil)
)
