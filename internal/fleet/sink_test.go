package fleet

import (
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// sink is a real mail server that counts what arrives, as the provider of a
// fleet would.
type sink struct {
	counter
	port     string
	sessions atomic.Int64
	away     atomic.Bool // it hangs up on everybody
	mu       sync.Mutex
	busy     bool          // it answers 451
	stall    chan struct{} // answers wait until it is closed; nil for none
}

func startSink(t *testing.T) *sink {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{port: strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)}
	server := smtp.NewServer(s)
	server.Domain = "sink.example"
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

// is sets how messages are answered from now on.
func (s *sink) is(busy bool, stall chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.stall = busy, stall
}

// NewSession implements [smtp.Backend].
func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) {
	s.sessions.Add(1)
	if s.away.Load() {
		return nil, &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "closing"}
	}
	return &sinkSession{s}, nil
}

type sinkSession struct{ sink *sink }

func (*sinkSession) Mail(string, *smtp.MailOptions) error { return nil }
func (*sinkSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (*sinkSession) Reset()                               {}
func (*sinkSession) Logout() error                        { return nil }

// Data takes the content and counts it, whatever is answered.
func (s *sinkSession) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	s.sink.called()
	s.sink.mu.Lock()
	busy, stall := s.sink.busy, s.sink.stall
	s.sink.mu.Unlock()
	if stall != nil {
		<-stall
	}
	if busy {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
	}
	return nil
}
