package bounce_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/bounce"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// shelf is where a reader stores events, and what it was told.
type shelf struct {
	mu       sync.Mutex
	refuse   int // so many times
	stored   []string
	outcomes []bounce.Outcome
	states   []error
}

func (s *shelf) store(_ context.Context, notices []delivery.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse > 0 {
		s.refuse--
		return errors.New("the bus is away")
	}
	for _, notice := range notices {
		s.stored = append(s.stored, notice.EventID)
	}
	return nil
}

func (s *shelf) events() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stored)
}

func (s *shelf) told(outcome bounce.Outcome) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.outcomes {
		if o == outcome {
			n++
		}
	}
	return n
}

// read runs a reader until the test ends or stop is called.
func read(t *testing.T, s *shelf, mailbox bounce.Mailbox, maxBytes int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	reader := bounce.NewReader(bounce.Options{
		// New mail is heard of, not looked for: a test that waited so long would fail.
		Mailbox: mailbox, Every: time.Hour, Store: s.store, MaxBytes: maxBytes,
		Observe: func(o bounce.Outcome) { s.mu.Lock(); defer s.mu.Unlock(); s.outcomes = append(s.outcomes, o) },
		State:   func(err error) { s.mu.Lock(); defer s.mu.Unlock(); s.states = append(s.states, err) },
	})
	go func() { done <- reader.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

const patience = 30 * time.Second

// What is there and what comes is read; other people's mail is left as it was.
// Alone: what other tests run beside it would look like its leaks.
func TestReader(t *testing.T) {
	for _, folder := range []string{"", "Done"} {
		t.Run("to "+folder, func(t *testing.T) {
			testkit.NoLeaks(t)
			o, s := newOffice(t, false), new(shelf)
			o.deliver(sample(t, "vacation.eml"))
			o.deliver(about(t, "kim@example.kr"))
			o.deliver(sample(t, "delayed.eml"))
			o.deliver([]byte("Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\r\nnothing\r\n--x--\r\n"))
			mailbox := o.mailbox()
			mailbox.Done = folder
			stop := read(t, s, mailbox, 0)
			testkit.Eventually(t, patience, func() bool { return len(s.events()) == 1 && s.told(bounce.Unreadable) == 1 }, "the mailbox to be read")
			o.deliver(about(t, "lee@example.kr"))
			testkit.Eventually(t, patience, func() bool { return s.told(bounce.Recorded) == 2 }, "new mail to be read")
			stop()
			// The vacation and the unreadable one are a person's.
			all, unseen := o.count("INBOX")
			moved, _ := o.count("Done")
			if want := map[string][3]int{"": {5, 2, 0}, "Done": {2, 2, 3}}[folder]; [3]int{all, unseen, moved} != want {
				t.Errorf("%d messages, %d unseen, %d moved; want %v", all, unseen, moved, want)
			}
			if s.told(bounce.Nothing) != 1 || s.told(bounce.Failed) != 0 || len(s.events()) != 2 {
				t.Errorf("%v, %v", s.outcomes, s.events())
			}
			// Another reader finds nothing to do.
			again := new(shelf)
			stop = read(t, again, mailbox, 0)
			testkit.Eventually(t, patience, func() bool { return again.told(bounce.Unreadable) == 1 }, "the mailbox to be read again")
			stop()
			if len(again.events()) != 0 {
				t.Errorf("read again: %v", again.events())
			}
		})
	}
}

// A message is marked once its events are stored: what was not stored, or stored
// and not marked because the worker or the connection died, is read again with
// the same ids.
func TestStoredBeforeMarked(t *testing.T) {
	t.Parallel()
	o, s := newOffice(t, false), &shelf{refuse: 1}
	o.deliver(about(t, "kim@example.kr"))
	stop := read(t, s, o.mailbox(), 0)
	testkit.Eventually(t, patience, func() bool { return s.told(bounce.Failed) == 1 }, "the store to refuse")
	if _, unseen := o.count("INBOX"); unseen != 1 {
		t.Error("a message was marked that was not stored")
	}
	testkit.Eventually(t, patience, func() bool { return s.told(bounce.Recorded) == 1 }, "the message to be read again")
	stop()

	o.deliver(about(t, "lee@example.kr"))
	o.deaf.Store(true)
	stop = read(t, s, o.mailbox(), 0)
	testkit.Eventually(t, patience, func() bool { return s.told(bounce.Recorded) == 2 }, "the message to be read after the loss")
	stop()
	events := s.events()
	if len(events) != 3 || events[1] != events[2] || events[0] == events[1] {
		t.Errorf("%v", events)
	}
	if _, unseen := o.count("INBOX"); unseen != 0 {
		t.Errorf("%d are unseen", unseen)
	}
}

// Of a large message only the beginning is taken.
func TestLargeMessagesAreCut(t *testing.T) {
	t.Parallel()
	o, s := newOffice(t, false), new(shelf)
	large := bytes.Replace(about(t, "kim@example.kr"), []byte("Hello."), bytes.Repeat([]byte("0123456789abcdef\r\n"), 200_000), 1)
	o.deliver(large)
	stop := read(t, s, o.mailbox(), 64<<10)
	testkit.Eventually(t, patience, func() bool { return s.told(bounce.Recorded) == 1 }, "the message to be read")
	stop()
	if sent := o.sent.Load(); sent > 128<<10 || len(large) < 3<<20 {
		t.Errorf("%d bytes of %d were fetched", sent, len(large))
	}
}

// A lost connection is made again.
func TestReconnects(t *testing.T) {
	t.Parallel()
	o, s := newOffice(t, false), new(shelf)
	read(t, s, o.mailbox(), 0)
	for i := range 3 {
		o.deliver(about(t, fmt.Sprintf("kim%d@example.kr", i)))
		testkit.Eventually(t, patience, func() bool { return s.told(bounce.Recorded) == i+1 }, "message %d to be read", i)
		o.cut()
	}
	testkit.Eventually(t, patience, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.ContainsFunc(s.states, func(err error) bool { return fault.Of(err) == fault.Unavailable })
	}, "the loss to be told")
}

// What keeps a mailbox from being read is told in our own words: a server's
// repeat what it was given.
func TestCheck(t *testing.T) {
	t.Parallel()
	o, plain := newOffice(t, false), newOffice(t, true)
	for name, c := range map[string]struct {
		change func(*bounce.Mailbox)
		reason fault.Reason
		says   string
	}{
		"as it should be": {func(*bounce.Mailbox) {}, fault.None, ""},
		"password":        {func(m *bounce.Mailbox) { m.Password = func() string { return "wrong-password-1" } }, fault.Unauthorized, "the login is not accepted (AUTHENTICATIONFAILED)"},
		"folder":          {func(m *bounce.Mailbox) { m.Folder = "Bounces" }, fault.Unavailable, `the folder "Bounces" cannot be opened`},
		"authority":       {func(m *bounce.Mailbox) { m.RootCAs = plain.roots }, fault.Unavailable, "the mail server cannot be reached"},
		"nobody":          {func(m *bounce.Mailbox) { m.Port = 1 }, fault.Unavailable, "the mail server cannot be reached"},
		"no token": {func(m *bounce.Mailbox) {
			m.Token = func(context.Context) (string, error) {
				return "", fault.New(fault.Unauthorized, "smtp: token", "no access token is given")
			}
		}, fault.Unauthorized, "no access token is given"},
		"starttls":             {func(m *bounce.Mailbox) { *m = plain.mailbox(); m.TLS = bounce.StartTLS }, fault.None, ""},
		"starttls not offered": {func(m *bounce.Mailbox) { m.TLS = bounce.StartTLS }, fault.Unavailable, "the mail server cannot be reached"},
		"plain text refused":   {func(m *bounce.Mailbox) { *m = plain.mailbox(); m.TLS = bounce.NoTLS }, fault.Unauthorized, "the login is not accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := o.mailbox()
			c.change(&m)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := m.Check(ctx)
			if fault.Of(err) != c.reason || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if err != nil && (strings.Contains(err.Error(), login) || strings.Contains(err.Error(), "password-")) {
				t.Errorf("the error shows the login: %v", err)
			}
		})
	}
}

// Nothing is waited for for ever: a server that is silent, and a worker that stops.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	o := newOffice(t, true)
	m := o.mailbox() // TLS at once, which this server does not speak: both wait
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Check(ctx) }()
	testkit.Eventually(t, patience, func() bool { return o.sent.Load() > 0 }, "the client to connect")
	cancel()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(patience):
		t.Fatal("the check goes on")
	}
}

// Google and Microsoft want an access token; one that is not accepted is dropped.
func TestToken(t *testing.T) {
	t.Parallel()
	sim, err := simulator.Start(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sim.Close() }()
	host, port, err := net.SplitHostPort(sim.Mailbox("outlook"))
	if err != nil {
		t.Fatal(err)
	}
	token, forgotten := simulator.BearerToken("outlook"), ""
	m := bounce.Mailbox{
		Host: host, RootCAs: sim.RootCAs(), Token: func(context.Context) (string, error) { return token, nil },
		Forget: func(token string) bool { forgotten = token; return true },
	}
	m.Port, _ = strconv.Atoi(port)
	m.Username, _ = simulator.Credentials("outlook")
	if err := m.Check(t.Context()); err != nil || forgotten != "" {
		t.Errorf("%v, forgotten %q", err, forgotten)
	}
	token = "outdated"
	if err := m.Check(t.Context()); fault.Of(err) != fault.Unauthorized || forgotten != token {
		t.Errorf("%v, forgotten %q", err, forgotten)
	}
}
