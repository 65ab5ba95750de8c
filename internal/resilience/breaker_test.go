package resilience_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

func attempt(b *resilience.Breaker, err error) error {
	done, refused := b.Allow(context.Background())
	if refused != nil {
		return refused
	}
	done(err)
	return nil
}

func failed(reason fault.Reason) error { return fault.New(reason, "ses", "no") }

func TestBreakerOpensAfterFiveFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []resilience.State
		b := resilience.NewBreaker("ses", resilience.BreakerOptions{Changed: func(_ string, s resilience.State) { seen = append(seen, s) }})
		for i := range 5 {
			if b.State() != resilience.Closed {
				t.Fatalf("open after %d failures", i)
			}
			_ = attempt(b, failed(fault.Unavailable))
		}
		if err := attempt(b, nil); fault.Of(err) != fault.CircuitOpen || fault.As(err).RetryAfter != time.Minute {
			t.Fatalf("a call while open: %v", err)
		}
		time.Sleep(59 * time.Second)
		if b.State() != resilience.Open || b.Ready() {
			t.Fatal("a call is let through before the minute is over")
		}
		time.Sleep(time.Second)
		if b.State() != resilience.HalfOpen || !b.Ready() {
			t.Fatalf("%s after a minute", b.State())
		}
		// One probe; a second call has to wait for its outcome.
		done, err := b.Allow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := attempt(b, nil); fault.Of(err) != fault.CircuitOpen {
			t.Errorf("a second probe: %v", err)
		}
		done(failed(fault.Timeout))
		if err := attempt(b, nil); fault.Of(err) != fault.CircuitOpen {
			t.Errorf("after a failed probe: %v", err)
		}
		time.Sleep(time.Minute)
		if err := attempt(b, nil); err != nil || b.State() != resilience.Closed {
			t.Errorf("%v, %s after a probe that succeeded", err, b.State())
		}
		want := []resilience.State{resilience.Open, resilience.HalfOpen, resilience.Open, resilience.HalfOpen, resilience.Closed}
		if len(seen) < 3 || seen[0] != want[0] || seen[len(seen)-1] != want[4] {
			t.Errorf("told %v", seen)
		}
	})
}

func TestBreakerRatio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := resilience.NewBreaker("ses", resilience.BreakerOptions{})
		for i := range 19 { // every other one fails: never five in a row
			err := error(nil)
			if i%2 == 0 {
				err = failed(fault.Unavailable)
			}
			if attempt(b, err) != nil {
				t.Fatalf("open after %d calls", i)
			}
		}
		_ = attempt(b, failed(fault.Unavailable))
		if b.State() != resilience.Open {
			t.Errorf("%s when half of 20 calls have failed", b.State())
		}
		// The same spread over more than ten seconds is a bad day, not an outage.
		slow := resilience.NewBreaker("ses", resilience.BreakerOptions{})
		for i := range 60 {
			err := error(nil)
			if i%2 == 0 {
				err = failed(fault.Unavailable)
			}
			_ = attempt(slow, err)
			time.Sleep(time.Second)
		}
		if slow.State() != resilience.Closed {
			t.Errorf("%s after failures a second apart", slow.State())
		}
	})
}

// What counts is the failure table's: all reasons are tried.
func TestBreakerCountsByTheTable(t *testing.T) {
	for _, reason := range fault.Reasons() {
		b := resilience.NewBreaker("ses", resilience.BreakerOptions{})
		for range 30 {
			_ = attempt(b, failed(reason))
		}
		if got, want := b.State() == resilience.Open, reason.Rule().Breaker; got != want {
			t.Errorf("%s: open %v after thirty, want %v", reason, got, want)
		}
	}
	// A cancelled call does not stand between two failures either.
	b := resilience.NewBreaker("ses", resilience.BreakerOptions{})
	for range 5 {
		_ = attempt(b, failed(fault.Unavailable))
		_ = attempt(b, context.Canceled)
	}
	if b.State() != resilience.Open {
		t.Error("cancelled calls hid five failures in a row")
	}
}

func TestBreakerIgnoresLateOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := resilience.NewBreaker("ses", resilience.BreakerOptions{})
		var late []func(error)
		for range 10 {
			done, err := b.Allow(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			late = append(late, done)
		}
		for _, done := range late[:5] {
			done(failed(fault.Unavailable))
		}
		time.Sleep(time.Minute)
		if err := attempt(b, nil); err != nil {
			t.Fatal(err)
		}
		for _, done := range late[5:] { // calls from before the trip end now
			done(failed(fault.Timeout))
		}
		if b.State() != resilience.Closed {
			t.Error("what failed before the recovery opened it again")
		}
	})
}

func BenchmarkBreakerClosed(b *testing.B) {
	breaker := resilience.NewBreaker("ses", resilience.BreakerOptions{})
	b.ReportAllocs()
	for b.Loop() {
		_ = attempt(breaker, nil)
	}
}
