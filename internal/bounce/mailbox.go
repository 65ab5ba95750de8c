package bounce

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Ways to encrypt the connection.
const (
	TLS      = "tls" // from the first byte; the default
	StartTLS = "starttls"
	NoTLS    = "none" // for a server on this machine
)

// Mailbox is where bounces come back to: a folder on an IMAP server.
type Mailbox struct {
	Host string
	Port int    // default 993, 143 without implicit TLS
	TLS  string // default TLS
	// RootCAs are trusted instead of the system's.
	RootCAs  *x509.CertPool
	Username string
	Password func() string
	// Token gives an access token for XOAUTH2, instead of a password. Forget is told
	// of one that was not accepted.
	Token  func(ctx context.Context) (string, error)
	Forget func(token string) bool
	// Folder is read; default INBOX. What has been read is moved to Done, or marked
	// as seen where that is "".
	Folder, Done string
}

const (
	// connectTimeout and commandTimeout bound what a server may take; the library
	// waits for an answer for ever.
	connectTimeout = 15 * time.Second
	commandTimeout = time.Minute
	logoutTimeout  = 2 * time.Second
	// maxHeader bounds what is read of a header that tells one kind of message from
	// another.
	maxHeader = 2 << 10
)

// Check connects, logs in, opens the folder and leaves again.
func (m Mailbox) Check(ctx context.Context) error {
	s, err := m.open(ctx)
	if err != nil {
		return err
	}
	s.close()
	return nil
}

// session is one connection with the folder open.
type session struct {
	client   *imapclient.Client
	validity uint32
	news     chan struct{} // the folder has changed
}

func (m Mailbox) open(ctx context.Context) (*session, error) {
	s := &session{news: make(chan struct{}, 1)}
	if err := m.connect(ctx, s); err != nil {
		return nil, failure(ctx, "connect", "the mail server cannot be reached", err)
	}
	err := s.within(ctx, func(ctx context.Context) error { return m.login(ctx, s.client) })
	if err != nil {
		s.close()
		return nil, failure(ctx, "login", "the login is not accepted", err)
	}
	folder := cmp.Or(m.Folder, "INBOX")
	err = s.within(ctx, func(context.Context) error {
		data, err := s.client.Select(folder, nil).Wait()
		if err == nil {
			s.validity = data.UIDValidity
		}
		return err
	})
	if err != nil {
		s.close()
		return nil, failure(ctx, "select", "the folder "+strconv.Quote(folder)+" cannot be opened", err)
	}
	return s, nil
}

func (m Mailbox) connect(ctx context.Context, s *session) error {
	mode, port := cmp.Or(m.TLS, TLS), 143
	if mode == TLS {
		port = 993
	}
	encryption := &tls.Config{ServerName: m.Host, RootCAs: m.RootCAs, MinVersion: tls.VersionTLS12}
	options := &imapclient.Options{TLSConfig: encryption, UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(*imapclient.UnilateralDataMailbox) {
			select {
			case s.news <- struct{}{}:
			default:
			}
		},
	}}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(m.Host, strconv.Itoa(cmp.Or(m.Port, port))))
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	switch mode {
	case TLS:
		secure := tls.Client(conn, encryption)
		if err = secure.HandshakeContext(ctx); err == nil {
			s.client = imapclient.New(secure, options)
		}
	case StartTLS:
		s.client, err = imapclient.NewStartTLS(conn, options)
	default:
		s.client = imapclient.New(conn, options)
	}
	if err == nil {
		err = s.client.WaitGreeting()
	}
	if err != nil {
		_ = conn.Close()
	}
	return err
}

func (m Mailbox) login(ctx context.Context, client *imapclient.Client) error {
	if m.Token == nil {
		password := ""
		if m.Password != nil {
			password = m.Password()
		}
		return client.Login(m.Username, password).Wait()
	}
	token, err := m.Token(ctx)
	if err != nil {
		return err
	}
	err = client.Authenticate(bearer{m.Username, token})
	if refused, ok := errors.AsType[*imap.Error](err); ok && refused.Type == imap.StatusResponseTypeNo && m.Forget != nil {
		m.Forget(token)
	}
	return err
}

// bearer is XOAUTH2, which Google and Microsoft want.
type bearer struct{ user, token string }

// Start implements sasl.Client.
func (b bearer) Start() (mechanism string, first []byte, err error) {
	return "XOAUTH2", []byte("user=" + b.user + "\x01auth=Bearer " + b.token + "\x01\x01"), nil
}

// Next implements sasl.Client: a refusal is explained before it is said.
func (bearer) Next([]byte) ([]byte, error) { return []byte{}, nil }

// within runs commands; the connection is cut when they take too long or ctx ends.
func (s *session) within(ctx context.Context, run func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.client.Close() })
	defer stop()
	err := run(ctx)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (s *session) close() {
	timer := time.AfterFunc(logoutTimeout, func() { _ = s.client.Close() })
	defer timer.Stop()
	_ = s.client.Logout().Wait()
	_ = s.client.Close()
}

// unseen lists unseen messages from a UID on, the oldest first and not all of many.
func (s *session) unseen(ctx context.Context, from imap.UID, most int) (uids []imap.UID, err error) {
	err = s.within(ctx, func(context.Context) error {
		found, err := s.client.UIDSearch(&imap.SearchCriteria{
			UID: []imap.UIDSet{{{Start: from, Stop: 0}}}, NotFlag: []imap.Flag{imap.FlagSeen, imap.FlagDeleted},
		}, nil).Wait()
		if err != nil {
			return err
		}
		// "from:*" names the last message also when that is an older one. The ranges
		// are the server's word: they are not unfolded as a whole.
		set, _ := found.All.(imap.UIDSet)
		for _, r := range set {
			for uid := max(r.Start, from); uid <= r.Stop && uid >= from && len(uids) < most; uid++ {
				uids = append(uids, uid)
			}
		}
		return nil
	})
	return uids, failure(ctx, "search", "new messages cannot be listed", err)
}

// fetch reads a section of messages, at most that many bytes of each.
func (s *session) fetch(ctx context.Context, uids []imap.UID, section imap.FetchItemBodySection, most int) (found map[imap.UID][]byte, err error) {
	section.Peek, section.Partial = true, &imap.SectionPartial{Size: int64(most)}
	found = map[imap.UID][]byte{}
	err = s.within(ctx, func(context.Context) error {
		command := s.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{&section}})
		for message := command.Next(); message != nil; message = command.Next() {
			var uid imap.UID
			var text []byte
			for item := message.Next(); item != nil; item = message.Next() {
				switch item := item.(type) {
				case imapclient.FetchItemDataUID:
					uid = item.UID
				case imapclient.FetchItemDataBodySection:
					if item.Literal != nil {
						text, _ = io.ReadAll(io.LimitReader(item.Literal, int64(most)))
					}
				}
			}
			found[uid] = text
		}
		return command.Close()
	})
	return found, failure(ctx, "fetch", "a message cannot be read", err)
}

// done marks a message, or moves it.
func (s *session) done(ctx context.Context, uid imap.UID, to string) error {
	err := s.within(ctx, func(context.Context) error {
		seen := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}
		if err := s.client.Store(imap.UIDSetNum(uid), seen, nil).Close(); err != nil || to == "" {
			return err
		}
		_, err := s.client.Move(imap.UIDSetNum(uid), to).Wait()
		return err
	})
	return failure(ctx, "mark", "a message that was read cannot be marked or moved", err)
}

// wait returns when the folder has changed or after a while.
func (s *session) wait(ctx context.Context, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	if !s.client.Caps().Has(imap.CapIdle) {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		err := s.within(ctx, func(context.Context) error { return s.client.Noop().Wait() })
		return failure(ctx, "noop", "the connection is lost", err)
	}
	var idle *imapclient.IdleCommand
	err := s.within(ctx, func(context.Context) (err error) { idle, err = s.client.Idle(); return err })
	if err != nil {
		return failure(ctx, "idle", "the connection is lost", err)
	}
	select {
	case <-s.news:
	case <-timer.C:
	case <-s.client.Closed():
	case <-ctx.Done():
	}
	err = s.within(context.WithoutCancel(ctx), func(context.Context) error { return errors.Join(idle.Close(), idle.Wait()) })
	return failure(ctx, "idle", "the connection is lost", err)
}

// failure says what did not work. A server's words stay out: they repeat logins.
func failure(ctx context.Context, op, says string, err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*fault.Error](err); ok {
		return known
	}
	f := fault.New(fault.Unavailable, "bounces: "+op, "%s", says)
	answer, answered := errors.AsType[*imap.Error](err)
	switch {
	case answered:
		f.Code = string(answer.Code)
		if op == "login" && answer.Type == imap.StatusResponseTypeNo && answer.Code != imap.ResponseCodeUnavailable {
			f.Reason = fault.Unauthorized
		}
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		f.Reason, f.Err = fault.Timeout, context.Cause(ctx)
		if f.Err == nil {
			f.Err = context.DeadlineExceeded
		}
	default:
		f.Err = err
	}
	return f
}
