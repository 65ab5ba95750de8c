package simulator

import (
	"io"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// mailSession is one connection's dialogue. Each recipient has its outcome; the
// worst of those that come after the content decides about the message.
type mailSession struct {
	server  *mailServer
	conn    *smtp.Conn
	replies mailReplies
	user    string // "" before the login

	from    string
	to      []string
	outcome Outcome
}

// Reset implements [smtp.Session].
func (s *mailSession) Reset() { s.from, s.to, s.outcome = "", nil, Success }

// Logout implements [smtp.Session].
func (s *mailSession) Logout() error { return nil }

// Mail implements [smtp.Session].
func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.user == "" {
		return s.replies.loginFirst
	}
	s.from, s.to, s.outcome = from, nil, Success
	return nil
}

// Rcpt implements [smtp.Session].
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	outcome := s.server.simulator.decide(s.server.provider, to, OfEmail(to))
	switch outcome {
	case Reject:
		return s.replies.noSuchUser
	case Throttle:
		return s.replies.slowDown
	default: // decided after the content
	}
	s.to = append(s.to, to)
	if weight(outcome) > weight(s.outcome) {
		s.outcome = outcome
	}
	return nil
}

// weight orders outcomes: the heaviest of a message's recipients decides.
func weight(outcome Outcome) int {
	switch outcome {
	case Error:
		return 6
	case Timeout:
		return 5
	case Drop:
		return 4
	case Slow:
		return 3
	case Complaint:
		return 2
	case Bounce:
		return 1
	default:
		return 0
	}
}

// Data implements [smtp.Session].
func (s *mailSession) Data(r io.Reader) error {
	message, err := s.read(r)
	if err != nil {
		return err
	}
	switch s.outcome {
	case Error:
		return s.replies.failure
	case Timeout:
		// Nothing more is read of the client but its going away.
		_, _ = s.conn.Conn().Read(make([]byte, 1))
		_ = s.conn.Close()
		return s.replies.failure
	case Slow:
		if !s.wait(s.server.simulator.options.SlowDelay) {
			return s.replies.failure
		}
	default: // taken
	}
	id := s.replies.newID()
	if message != nil {
		message.ID, message.Answered = id, s.outcome != Drop
		s.server.simulator.inbox.Add(*message)
		s.server.simulator.reportMail(*message)
	}
	if s.outcome == Drop {
		_ = s.conn.Close()
	}
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.NoEnhancedCode, Message: strings.ReplaceAll(s.replies.accepted, "{id}", id)}
}

// read takes the content; nil when messages are not kept.
func (s *mailSession) read(r io.Reader) (*Received, error) {
	if s.server.simulator.options.Keep < 0 {
		_, err := io.Copy(io.Discard, r)
		return nil, err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	message := parseMail(raw)
	message.Provider, message.At = s.server.provider, s.server.simulator.options.Now()
	message.To, message.Outcome = append([]string(nil), s.to...), s.outcome
	if message.From == "" {
		message.From = s.from
	}
	return &message, nil
}

// wait reports whether the server lasted as long.
func (s *mailSession) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.server.stopping:
		return false
	}
}

var _ smtp.AuthSession = (*mailSession)(nil)
