package simulator

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
)

// mailboxes is an IMAP server with the sender's mailbox at each mail provider that
// reports by mail alone. Undeliverable mail comes back there.
type mailboxes struct {
	users    map[string]*imapmemserver.User // by provider
	server   *imapserver.Server
	listener *trackingListener
	served   chan struct{}
}

// mailboxProviders are those that post no webhooks.
func mailboxProviders() []string { return []string{"smtp", "gmail", "outlook"} }

// Mailbox returns the address of the IMAP server (TLS from the first byte) that
// has the mailbox of a mail provider's account, "" when the provider has none.
func (s *Simulator) Mailbox(provider string) string {
	if s.mailboxes == nil || s.mailboxes.users[provider] == nil {
		return ""
	}
	return s.mailboxes.listener.Addr().String()
}

func (s *Simulator) startMailboxes() error {
	certificate, err := selfSigned(s.options.Host)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(s.options.Host, "0"))
	if err != nil {
		return fmt.Errorf("simulator: listen: %w", err)
	}
	m := &mailboxes{
		users: map[string]*imapmemserver.User{}, served: make(chan struct{}),
		listener: &trackingListener{Listener: listener, open: map[net.Conn]struct{}{}},
	}
	for _, provider := range mailboxProviders() {
		name, password := Credentials(provider)
		user := imapmemserver.NewUser(name, password)
		if err := user.Create("INBOX", nil); err != nil {
			return fmt.Errorf("simulator: mailbox of %s: %w", provider, err)
		}
		m.users[provider] = user
	}
	m.server = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &mailboxSession{mailboxes: m}, nil, nil
		},
		Caps:   imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapMove: {}, imap.CapUIDPlus: {}},
		Logger: log.New(io.Discard, "", 0), // a client that goes away is no news here
		// TLS is around the listener, which the library does not see.
		InsecureAuth: true,
	})
	go func() {
		defer close(m.served)
		_ = m.server.Serve(tls.NewListener(m.listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}))
	}()
	s.mailboxes = m
	s.closers = append(s.closers, func() error {
		err := m.listener.shut()
		_ = m.server.Close()
		<-m.served
		return err
	})
	return nil
}

// mailboxSession is one connection; it is a user's once logged in.
type mailboxSession struct {
	*imapmemserver.UserSession
	mailboxes *mailboxes
}

// Login implements [imapserver.Session].
func (s *mailboxSession) Login(name, password string) error {
	for provider, user := range s.mailboxes.users {
		if wantName, want := Credentials(provider); name == wantName && password == want {
			s.UserSession = imapmemserver.NewUserSession(user)
			return nil
		}
	}
	return imapserver.ErrAuthFailed
}

// AuthenticateMechanisms implements [imapserver.SessionSASL].
func (s *mailboxSession) AuthenticateMechanisms() []string { return []string{"PLAIN", "XOAUTH2"} }

// Authenticate implements [imapserver.SessionSASL].
func (s *mailboxSession) Authenticate(mechanism string) (sasl.Server, error) {
	switch mechanism {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, name, password string) error { return s.Login(name, password) }), nil
	case "XOAUTH2":
		return &mailboxBearer{session: s}, nil
	}
	return nil, &imap.Error{Type: imap.StatusResponseTypeNo, Text: "SASL mechanism not supported"}
}

// mailboxBearer is XOAUTH2; a refusal is first explained, then said.
type mailboxBearer struct {
	session *mailboxSession
	refused bool
}

// Next implements [sasl.Server].
func (b *mailboxBearer) Next(response []byte) (challenge []byte, done bool, err error) {
	if b.refused {
		return nil, false, imapserver.ErrAuthFailed
	}
	if response == nil {
		return nil, false, nil
	}
	for provider, user := range b.session.mailboxes.users {
		name, _ := Credentials(provider)
		if string(response) == "user="+name+"\x01auth=Bearer "+BearerToken(provider)+"\x01\x01" {
			b.session.UserSession = imapmemserver.NewUserSession(user)
			return nil, true, nil
		}
	}
	b.refused = true
	return []byte(`{"status":"400","schemes":"Bearer"}`), false, nil
}

// bounceBack puts a notification about recipients into the sender's mailbox.
func (s *Simulator) bounceBack(message Received, recipients []string) {
	if s.mailboxes == nil {
		return
	}
	if user := s.mailboxes.users[message.Provider]; user != nil {
		text := notification(message, recipients, s.options.Now())
		data, err := user.Append("INBOX", literal{bytes.NewReader(text)}, &imap.AppendOptions{Time: s.options.Now()})
		if keep := imap.UID(s.options.Keep); err == nil && data.UID > keep && data.UID%100 == 0 {
			forget(user, imap.UIDSet{{Start: 1, Stop: data.UID - keep}})
		}
	}
}

// forget deletes old messages: a mailbox keeps as many as the inbox does.
func forget(user *imapmemserver.User, uids imap.UIDSet) {
	session := imapmemserver.NewUserSession(user)
	defer func() { _ = session.Close() }()
	if _, err := session.Select("INBOX", nil); err == nil {
		deleted := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
		if session.Store(nil, uids, deleted, nil) == nil {
			_ = session.Expunge(nil, &uids)
		}
	}
}

// literal is a text as the library wants it.
type literal struct{ *bytes.Reader }

// Size implements [imap.LiteralReader].
func (l literal) Size() int64 { return l.Reader.Size() }

// notification is a delivery status notification (RFC 3464).
func notification(message Received, recipients []string, at time.Time) []byte {
	date := at.Format(time.RFC1123Z)
	lines := []string{
		"From: Mail Delivery Subsystem <mailer-daemon@simulator.example>", "To: " + message.From, "Date: " + date,
		"Subject: Delivery Status Notification (Failure)", "Message-ID: <bounce." + message.ID + "@simulator.example>",
		"Auto-Submitted: auto-replied", "MIME-Version: 1.0",
		`Content-Type: multipart/report; report-type=delivery-status; boundary="simulator"`,
		"", "--simulator", "Content-Type: text/plain; charset=utf-8", "", "The address could not be found.",
		"", "--simulator", "Content-Type: message/delivery-status", "",
		"Reporting-MTA: dns; simulator.example", "Arrival-Date: " + message.At.Format(time.RFC1123Z), "",
	}
	for _, to := range slices.Sorted(slices.Values(recipients)) {
		lines = append(lines, "Final-Recipient: rfc822; "+to, "Action: failed", "Status: 5.1.1",
			"Diagnostic-Code: smtp; 550 5.1.1 <"+to+"> user unknown", "Last-Attempt-Date: "+date, "")
	}
	lines = append(lines, "--simulator", "Content-Type: text/rfc822-headers", "",
		"From: "+message.From, "To: "+strings.Join(message.To, ", "), "Message-ID: "+message.Header["Message-Id"], "", "--simulator--", "")
	return []byte(strings.Join(lines, "\r\n"))
}

var _ imapserver.SessionSASL = (*mailboxSession)(nil)
