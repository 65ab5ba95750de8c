// Package simulator is mock mode: real servers on loopback that speak the
// vendors' own protocols, with their authentication, error shapes and limits,
// so that the same client code runs in tests, in mock mode and live. What it
// answers depends on the request (see outcome.go) and on injected faults.
package simulator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how a simulator behaves; the zero value is ready to use.
type Options struct {
	// Host to listen on; default 127.0.0.1.
	Host string
	// SlowDelay of the slow outcome; default 2 s.
	SlowDelay time.Duration
	// Keep is how many messages the inbox keeps; default 1,000. Negative keeps none,
	// which turns the mail servers into a sink for benchmarks.
	Keep int
	// Secrets that clients must present, by provider; defaults in credentials.go.
	Now func() time.Time
}

// Simulator serves every vendor: SMTP on one listener per mail provider, all
// HTTP APIs on one listener, each under a path prefix of its provider.
type Simulator struct {
	options Options
	inbox   *Inbox
	http    *http.Server
	httpURL string
	smtp    map[string]string // provider → address
	closers []func() error
	done    sync.WaitGroup

	mailboxes  *mailboxes
	reporters  map[string]*reporter // by vendor
	keys       func() webhookKeys
	subscribed atomic.Bool

	mu        sync.Mutex
	faults    map[string]Fault
	throttled map[string]bool // "provider key" that was refused once already
}

// Fault is an injected outcome for a share of a provider's calls.
type Fault struct {
	Outcome Outcome   `json:"outcome"`
	Rate    float64   `json:"rate"` // 0 to 1
	Until   time.Time `json:"until"`
}

// Start opens all listeners on free ports and serves until Close.
func Start(options Options) (*Simulator, error) {
	if options.Host == "" {
		options.Host = "127.0.0.1"
	}
	if options.SlowDelay == 0 {
		options.SlowDelay = 2 * time.Second
	}
	if options.Keep == 0 {
		options.Keep = 1000
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	s := &Simulator{
		options: options, inbox: NewInbox(options.Keep), smtp: map[string]string{},
		faults: map[string]Fault{}, throttled: map[string]bool{}, keys: sync.OnceValue(newWebhookKeys),
	}
	s.startReporters()
	if err := s.startHTTP(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.startSMTP(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.startMailboxes(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Simulator) startHTTP() error {
	listener, err := net.Listen("tcp", net.JoinHostPort(s.options.Host, "0"))
	if err != nil {
		return fmt.Errorf("simulator: listen: %w", err)
	}
	mux := http.NewServeMux()
	for provider, handler := range s.apis() {
		mux.Handle("/"+provider+"/", http.StripPrefix("/"+provider, handler))
	}
	s.httpURL = "http://" + listener.Addr().String()
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	s.done.Go(func() { _ = s.http.Serve(listener) })
	return nil
}

// URL returns the base URL of a provider's HTTP API.
func (s *Simulator) URL(provider string) string { return s.httpURL + "/" + provider }

// SMTP returns the address of a mail provider's server ("127.0.0.1:41025"), ""
// when there is none of that name.
func (s *Simulator) SMTP(provider string) string { return s.smtp[provider] }

// Inbox returns what was received.
func (s *Simulator) Inbox() *Inbox { return s.inbox }

// SetFault injects an outcome for a share of a provider's calls; a zero rate
// ends it.
func (s *Simulator) SetFault(provider string, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[provider] = fault
}

// Faults returns the injected faults that are in force.
func (s *Simulator) Faults() map[string]Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	inForce := map[string]Fault{}
	for provider, fault := range s.faults {
		if fault.Rate > 0 && s.options.Now().Before(fault.Until) {
			inForce[provider] = fault
		}
	}
	return inForce
}

// Close stops every server and waits for them.
func (s *Simulator) Close() error {
	var errs []error
	if s.http != nil {
		errs = append(errs, s.http.Close())
	}
	for _, closer := range s.closers {
		errs = append(errs, closer())
	}
	s.done.Wait()
	return errors.Join(errs...)
}

// decide settles the outcome of one call: an injected fault first, else what
// the request asks for. key names the recipient or query, so that throttle
// refuses each once and then lets it pass.
func (s *Simulator) decide(provider, key string, asked Outcome) Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fault, ok := s.faults[provider]; ok && s.options.Now().Before(fault.Until) && rand.Float64() < fault.Rate {
		return fault.Outcome
	}
	if asked == Throttle {
		key = provider + " " + strings.ToLower(key)
		if s.throttled[key] {
			return Success
		}
		s.throttled[key] = true
	}
	return asked
}

// stall carries out the outcomes that are about time and connections rather
// than content: slow waits, timeout waits until the client gives up, drop cuts.
// It reports whether the handler should still answer. A vendor that acts before
// it answers (drop) adds to the inbox first.
func (s *Simulator) stall(w http.ResponseWriter, r *http.Request, outcome Outcome) bool {
	switch outcome {
	case Slow:
		return sleep(r.Context(), s.options.SlowDelay)
	case Timeout:
		<-r.Context().Done()
		return false
	case Drop:
		if hijacker, ok := w.(http.Hijacker); ok {
			if conn, _, err := hijacker.Hijack(); err == nil {
				_ = conn.Close()
			}
		}
		return false
	default:
		return true
	}
}

// sleep waits and reports whether ctx lasted as long.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
