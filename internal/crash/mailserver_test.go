package crash

import (
	"bytes"
	"errors"
	"io"
	"net"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
)

// arrival is one message whose content reached a mail server whole.
type arrival struct {
	server   string
	at       time.Time
	accepted bool // the server keeps it, whether or not its answer gets through
}

// reaction is what a mail server does with a message.
type reaction struct {
	accept bool
	// answer is the refusal; nil with accept false cuts the connection instead of
	// answering, and with accept true as cut says.
	answer *smtp.SMTPError
	cut    bool
	// stall holds the answer back until it is closed.
	stall <-chan struct{}
	// before runs when the content is there and nothing is answered yet.
	before func()
}

var (
	takes  = reaction{accept: true}
	busy   = reaction{answer: &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}}
	refuse = reaction{answer: &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}}
	// mute takes the message and lets nobody know.
	mute = reaction{accept: true, cut: true}
)

// mailServer is a real mail server that writes down what it gets, by the
// Message-ID, and answers as a test says.
type mailServer struct {
	name     string
	port     string
	server   *smtp.Server
	mu       sync.Mutex
	arrivals map[uuid.UUID][]arrival
	total    int
	react    func(id uuid.UUID, nth int) reaction // nth counts this server's, from 1
}

func startMailServer(t testing.TB, name string) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{name: name, arrivals: map[uuid.UUID][]arrival{}}
	m.port = strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	m.server = smtp.NewServer(m)
	m.server.Domain = name + ".example"
	m.server.ReadTimeout, m.server.WriteTimeout = time.Minute, time.Minute
	done := make(chan error, 1)
	go func() { done <- m.server.Serve(listener) }()
	t.Cleanup(func() {
		if err := m.server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return m
}

// reacts sets what the server does from now on; nil takes everything.
func (m *mailServer) reacts(with func(id uuid.UUID, nth int) reaction) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.react = with
}

// always is a reaction to every message.
func always(r reaction) func(uuid.UUID, int) reaction {
	return func(uuid.UUID, int) reaction { return r }
}

// once is a reaction to the n-th message, all others are taken.
func once(n int, r reaction) func(uuid.UUID, int) reaction {
	return func(_ uuid.UUID, nth int) reaction {
		if nth == n {
			return r
		}
		return takes
	}
}

// got returns what arrived under an id.
func (m *mailServer) got(id uuid.UUID) []arrival {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]arrival(nil), m.arrivals[id]...)
}

// count is how many messages arrived.
func (m *mailServer) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}

// NewSession implements [smtp.Backend].
func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) { return &mailSession{m, c}, nil }

type mailSession struct {
	server *mailServer
	conn   *smtp.Conn
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *mailSession) Reset()                               {}
func (s *mailSession) Logout() error                        { return nil }

var messageID = regexp.MustCompile(`(?im)^Message-ID:\s*<([0-9a-f-]{36})@`)

// Data writes the message down and then reacts.
func (s *mailSession) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err // cut off before its end: it was never handed over
	}
	found := messageID.FindSubmatch(content)
	if found == nil {
		return &smtp.SMTPError{Code: 554, Message: "no Message-ID of ours: " + string(bytes.ReplaceAll(content, []byte("\r\n"), []byte(" | ")))}
	}
	id := uuid.MustParse(string(found[1]))
	m := s.server
	m.mu.Lock()
	m.total++
	how := takes
	if m.react != nil {
		how = m.react(id, m.total)
	}
	m.arrivals[id] = append(m.arrivals[id], arrival{server: m.name, at: time.Now(), accepted: how.accept})
	m.mu.Unlock()
	if how.before != nil {
		how.before()
	}
	if how.stall != nil {
		<-how.stall
	}
	switch {
	case how.answer != nil:
		return how.answer
	case how.cut || !how.accept:
		return s.conn.Close()
	}
	return nil
}

var (
	_ smtp.Backend = (*mailServer)(nil)
	_ smtp.Session = (*mailSession)(nil)
)
