package providers_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/providers"
)

// reports collects what a guard tells its observer.
type reports struct {
	mu  sync.Mutex
	all []providers.Report
}

func (r *reports) Called(_ context.Context, report providers.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, report)
}

func call(text string) providers.Call[string] {
	return providers.Call[string]{ID: uuid.New(), Attempt: 1, Request: text}
}

func TestGuardDescribesEveryCall(t *testing.T) {
	v, seen := newVendor(t, "acme", true), new(reports)
	guard := providers.NewGuard(v, providers.GuardOptions{Sends: true, Observer: seen, Mock: true})
	answer, attempt, err := guard.Call(t.Context(), call("hello"))
	if err != nil || answer.MessageID != "acme-1" {
		t.Fatalf("%+v, %v", answer, err)
	}
	if attempt.Outcome != "ok" || attempt.Endpoint != "say" || attempt.Provider != "acme" || attempt.MessageID != "acme-1" {
		t.Errorf("attempt %+v", attempt)
	}
	if r := seen.all[0]; r.Exchange.Status != "200" || string(r.Exchange.Request) != "hello" || !r.Mock || r.Err != nil {
		t.Errorf("report %+v", r)
	}
}

// TestUnansweredSendIsUnknown: whatever goes wrong after a send has left must
// not look like a failure that may be repeated.
func TestUnansweredSendIsUnknown(t *testing.T) {
	for _, c := range []struct {
		name  string
		sends bool
		want  fault.Reason
		set   func(*vendor)
		text  string
	}{
		{"send cut", true, fault.UnknownOutcome, func(v *vendor) { v.answer.Store(0) }, "x"},
		{"send late", true, fault.UnknownOutcome, func(v *vendor) { v.delay.Store(int64(time.Minute)) }, "x"},
		{"send crash", true, fault.UnknownOutcome, func(*vendor) {}, "crash"},
		{"send nobody there", true, fault.Unavailable, func(v *vendor) { v.server.Close() }, "x"},
		{"look-up cut", false, fault.Unavailable, func(v *vendor) { v.answer.Store(0) }, "x"},
		{"look-up late", false, fault.Timeout, func(v *vendor) { v.delay.Store(int64(time.Minute)) }, "x"},
		{"look-up crash", false, fault.Internal, func(*vendor) {}, "crash"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVendor(t, "acme", c.sends)
			c.set(v)
			guard := providers.NewGuard(v, providers.GuardOptions{Sends: c.sends, Timeout: 150 * time.Millisecond})
			_, attempt, err := guard.Call(t.Context(), call(c.text))
			if fault.Of(err) != c.want || attempt.Reason != c.want {
				t.Errorf("%v (attempt %s), want %s", err, attempt.Reason, c.want)
			}
		})
	}
}

// What a driver hands up without a class is judged by what is inside.
func TestUnclassifiedErrorOfASend(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fault.Reason
	}{
		{context.DeadlineExceeded, fault.UnknownOutcome},
		{fmt.Errorf("post: %w", context.DeadlineExceeded), fault.UnknownOutcome},
		{errors.New("no idea"), fault.UnknownOutcome},
		{&fault.Error{Reason: fault.Timeout, Op: "acme: connect", Err: context.DeadlineExceeded}, fault.Timeout},
	} {
		guard := providers.NewGuard(newVendor(t, "acme", true), providers.GuardOptions{Sends: true})
		if got := fault.Of(guard.HandleError(c.err)); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

func TestBreakerCountsWhatTheTableSays(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer int32
		opens  bool
		then   fault.Reason // of one more call
		made   int32        // whether that one reaches the provider
	}{
		{"server error", 503, true, fault.CircuitOpen, 0}, {"bad recipient", 400, false, fault.Refused, 1},
		{"rate limited", 429, false, fault.RateLimited, 1},
		// No trip, but nobody calls on with credentials that are not accepted.
		{"credentials", 401, false, fault.Unauthorized, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVendor(t, "acme", true)
			v.answer.Store(c.answer)
			guard := providers.NewGuard(v, providers.GuardOptions{Sends: true})
			for range 5 {
				_, _, _ = guard.Call(t.Context(), call("x"))
			}
			if state := guard.Live().Breaker().State(); (state == resilience.Open) != c.opens {
				t.Errorf("the breaker is %s after 5 answers %d", state, c.answer)
			}
			before := v.calls.Load()
			_, _, err := guard.Call(t.Context(), call("x"))
			if made := v.calls.Load() - before; made != c.made || fault.Of(err) != c.then {
				t.Errorf("%d calls made, %v", made, err)
			}
		})
	}
}

func TestBreakerProbesAfterTheCooldown(t *testing.T) {
	v := newVendor(t, "acme", true)
	v.answer.Store(503)
	guard := providers.NewGuard(v, providers.GuardOptions{Breaker: resilience.BreakerOptions{Failures: 2, Cooldown: 50 * time.Millisecond}})
	for range 2 {
		_, _, _ = guard.Call(t.Context(), call("x"))
	}
	v.answer.Store(200)
	for deadline := time.Now().Add(5 * time.Second); !guard.Ready(); {
		if time.Now().After(deadline) {
			t.Fatal("no probe is let through")
		}
	}
	if _, _, err := guard.Call(t.Context(), call("x")); err != nil {
		t.Errorf("the probe: %v", err)
	}
}

func TestRetryRepeatsInPlace(t *testing.T) {
	v := newVendor(t, "acme", false)
	v.answer.Store(429)
	guard := providers.NewGuard(v, providers.GuardOptions{})
	v.heal.Store(2)
	answer, attempt, err := guard.Retry(t.Context(), call("x"), 5*time.Second)
	if err != nil || v.calls.Load() < 3 || attempt.Number != int(v.calls.Load()) {
		t.Errorf("%+v after %d calls, attempt %d: %v", answer, v.calls.Load(), attempt.Number, err)
	}
	v.answer.Store(400)
	before := v.calls.Load()
	if _, _, err := guard.Retry(t.Context(), call("x"), 5*time.Second); fault.Of(err) != fault.Refused || v.calls.Load() != before+1 {
		t.Errorf("a refusal is not repeated: %v", err)
	}
}
