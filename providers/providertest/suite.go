// Package providertest is the conformance suite that every driver passes: the
// same table of successes, vendor failures, network faults, leaks of secrets and
// concurrency, against a real server whose answers are scripted. [Run] is for
// drivers that speak HTTP, [RunOutcomes] for any driver against the simulator;
// [Names] lists the cases that a driver of another protocol has to script itself.
package providertest

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Suite describes one HTTP driver to [Run].
type Suite[P any] struct {
	// New returns a fresh driver whose every URL begins with baseURL (no slash at
	// the end; http, in one case https). It is closed at the end of the case when
	// it has a Close method.
	New func(t *testing.T, baseURL string) providers.Provider[P]
	// Request is one that Success answers well.
	Request P
	// Sends says that a call reaches a person: an unanswered one is then
	// unknown_outcome instead of timeout or unavailable.
	Sends bool
	// Success is the vendor's good answer. It may read the request. Its answer is
	// also what is truncated and padded in the cases about bad answers.
	Success http.Handler
	// Verify inspects the answer of a successful call; optional.
	Verify func(t *testing.T, answer providers.Answer)
	// Prelude serves the calls that precede the one under test (a token) and
	// reports whether it did. The suite demands one such call at most for 50
	// callers. Leave it nil when there are none.
	Prelude func(w http.ResponseWriter, r *http.Request) bool
	// Cases are the vendor's failures: every one that its documentation names.
	Cases []Case[P]
	// Secrets are all secret texts that New gave to the driver, and those that
	// the scripted vendor gives (tokens). Authorization headers are added by the
	// suite.
	Secrets []string
	// Personal are the personal data of Request: addresses, numbers, names. Like
	// secrets they must not be in an error.
	Personal []string
	// Health answers Check; nil takes Success.
	Health http.Handler
	// Checks are failures of Check.
	Checks []Case[P]
	// Confirms are answers to Confirm, good ones (Want: none) included. Required
	// when the driver is a [providers.Confirmer].
	Confirms []Case[P]
}

// Case is one scripted answer and what the driver has to make of it.
type Case[P any] struct {
	Name   string
	Answer http.Handler // often a [Reply]
	// Want is the reason of the error; none wants success.
	Want fault.Reason
	// Code is the vendor's own word in the error; "" compares nothing.
	Code string
	// RetryAfter is compared within two seconds, so that HTTP dates can be tested.
	RetryAfter time.Duration
	// Request replaces the suite's when not nil.
	Request *P
	// Verify inspects the answer of a success; optional.
	Verify func(t *testing.T, answer providers.Answer)
}

// Reply is a fixed answer. The content type is application/json unless Header
// says otherwise; Status 0 is 200.
type Reply struct {
	Status int
	Header map[string]string
	Body   string
}

// ServeHTTP answers.
func (r Reply) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for name, value := range r.Header {
		w.Header().Set(name, value)
	}
	if r.Status != 0 {
		w.WriteHeader(r.Status)
	}
	_, _ = w.Write([]byte(r.Body))
}

// Run runs the whole table. Cases do not run in parallel: each ends with proof
// that it left no goroutine behind.
func Run[P any](t *testing.T, s Suite[P]) {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	for _, c := range s.all() {
		t.Run(c.name, func(t *testing.T) {
			logs := captureLogs(t)
			b := s.open(t, c)
			c.run(t, b)
			b.close(t)
			b.absent(t, "log", logs.String())
			if err := goleak.Find(ignore); err != nil {
				t.Errorf("goroutines are left after Close: %v", err)
			}
		})
	}
}

// step is one case of the whole table: how the vendor answers and what is done.
type step[P any] struct {
	name    string
	vendor  http.Handler // what answers behind the prelude
	prelude http.Handler // instead of the suite's own; nil for that
	https   bool         // the server never finishes a TLS handshake
	run     func(t *testing.T, b *bench[P])
}

// call builds a call with a fresh id, as the pipeline does.
func (s Suite[P]) call(request *P) providers.Call[P] {
	call := providers.Call[P]{ID: uuid.New(), Attempt: 1, Request: s.Request}
	if request != nil {
		call.Request = *request
	}
	return call
}

// lost is the reason of a call whose answer is missing or makes no sense.
func (s Suite[P]) lost(lookup fault.Reason) fault.Reason {
	if s.Sends {
		return fault.UnknownOutcome
	}
	return lookup
}

// counted counts the requests that a handler got.
func counted(counter *atomic.Int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counter.Add(1)
		next.ServeHTTP(w, r)
	})
}
