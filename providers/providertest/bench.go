package providertest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/providers"
)

// patience bounds every wait of the suite; reaching it is a failure.
const patience = 20 * time.Second

// bench is one driver and the scripted server it talks to.
type bench[P any] struct {
	suite    Suite[P]
	driver   providers.Provider[P]
	server   *httptest.Server
	hung     net.Listener // instead of server: takes connections, says nothing
	arrived  chan struct{}
	requests atomic.Int64 // without preludes
	preludes atomic.Int64

	mu   sync.Mutex
	auth []string // Authorization headers seen
}

func (s Suite[P]) open(t *testing.T, c step[P]) *bench[P] {
	t.Helper()
	b := &bench[P]{suite: s, arrived: make(chan struct{}, 1024)}
	if c.https {
		b.driver = s.New(t, b.hang(t))
		return b
	}
	vendor := counted(&b.requests, c.vendor)
	prelude := s.Prelude
	if c.prelude != nil && s.Prelude != nil {
		// The suite's own prelude tells whether the request is one; its answer is dropped.
		prelude = func(w http.ResponseWriter, r *http.Request) bool {
			probe := r.Clone(r.Context())
			probe.Body = http.NoBody
			if !s.Prelude(httptest.NewRecorder(), probe) {
				return false
			}
			c.prelude.ServeHTTP(w, r)
			return true
		}
	}
	b.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.note(r)
		if prelude != nil && prelude(w, r) {
			b.preludes.Add(1)
			return
		}
		vendor.ServeHTTP(w, r)
	}))
	b.driver = s.New(t, b.server.URL)
	return b
}

// hang listens without ever answering, so that a TLS handshake waits for ever
// and nothing of a request can leave.
func (b *bench[P]) hang(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.hung = listener
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			b.arrived <- struct{}{}
			go func() {
				_, _ = io.Copy(io.Discard, conn) // until the client gives up
				_ = conn.Close()
			}()
		}
	}()
	return "https://" + listener.Addr().String()
}

// note keeps credentials that travelled, which no error may show.
func (b *bench[P]) note(r *http.Request) {
	auth := r.Header.Get("Authorization")
	if auth == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.auth = append(b.auth, auth)
}

// absent fails when a secret or a personal datum is in the text.
func (b *bench[P]) absent(t *testing.T, where, text string) {
	t.Helper()
	b.mu.Lock()
	secrets := slices.Concat(b.suite.Secrets, b.auth, b.suite.Personal)
	b.mu.Unlock()
	if leaked := leaks(text, secrets); leaked != "" {
		t.Errorf("%s shows %q: %s", where, leaked, text)
	}
}

// leaks returns the first of the texts that is contained, "" for none.
func leaks(text string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}

func (b *bench[P]) close(t *testing.T) {
	t.Helper()
	switch closer := b.driver.(type) {
	case interface{ Close() error }:
		if err := closer.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	case interface{ Close() }:
		closer.Close()
	}
	if b.server != nil {
		b.server.CloseClientConnections()
		b.server.Close()
	}
	if b.hung != nil {
		_ = b.hung.Close()
	}
}

// within waits for a signal of the server.
func within(t *testing.T, signal <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-signal:
	case <-time.After(patience):
		t.Fatalf("%s did not happen in %s", what, patience)
	}
}

// Expiring is a context that ends exactly when told to, with the error of a
// deadline or of a cancel: no case depends on how fast the machine is.
type Expiring struct {
	context.Context
	done chan struct{}
	err  error
}

// NewExpiring returns a context that will end with err: context.Canceled or
// context.DeadlineExceeded.
func NewExpiring(err error) *Expiring {
	return &Expiring{Context: context.Background(), done: make(chan struct{}), err: err}
}

// Expire ends it.
func (e *Expiring) Expire() { close(e.done) }

// Done implements [context.Context].
func (e *Expiring) Done() <-chan struct{} { return e.done }

// Err implements [context.Context].
func (e *Expiring) Err() error {
	select {
	case <-e.done:
		return e.err
	default:
		return nil
	}
}

// logged collects what the process logs through the standard loggers.
type logged struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

func captureLogs(t *testing.T) *logged {
	t.Helper()
	l := new(logged)
	former, formerOut, formerFlags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.SetOutput(l)
	t.Cleanup(func() {
		slog.SetDefault(former)
		log.SetOutput(formerOut)
		log.SetFlags(formerFlags)
	})
	return l
}

// spell prints an error in every way that could reach a log.
func spell(err error) string { return fmt.Sprintf("%v\n%+v\n%#v", err, err, err) }
