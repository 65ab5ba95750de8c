package providers_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// TestRepetitionThatFailsStaysUnknown: that the repetition did not leave says
// nothing of the first call. As an ordinary failure it would go to the next
// provider, and the message might arrive twice.
func TestRepetitionThatFailsStaysUnknown(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer int32
		open   bool // the breaker is
		since  time.Duration
		want   fault.Reason
		again  bool // it is tried once more later
		calls  int32
	}{
		{"sent", 200, false, 0, fault.None, false, 1},
		{"refused", 400, false, 0, fault.Refused, false, 1},
		{"unanswered again", 0, false, 0, fault.UnknownOutcome, false, 1},
		{"unavailable", 503, false, 0, fault.UnknownOutcome, true, 1},
		{"unavailable for long", 503, false, time.Hour, fault.UnknownOutcome, false, 1},
		{"unauthorized", 401, false, 0, fault.UnknownOutcome, true, 1},
		{"rate limited", 429, false, time.Hour, fault.UnknownOutcome, true, 1},
		{"breaker open", 200, true, time.Hour, fault.UnknownOutcome, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			one, two := newVendor(t, "one", true), newVendor(t, "two", true)
			options := providers.GuardOptions{Sends: true, OnUnknown: providers.Again}
			guard := providers.NewGuard(one, options)
			if c.open {
				one.answer.Store(503)
				for range 5 {
					_, _, _ = guard.Call(t.Context(), call("x"))
				}
				one.calls.Store(0)
			}
			one.answer.Store(c.answer)
			journal := &ledger{number: 1}
			route := providers.NewRoute(guard, providers.NewGuard(two, options))
			out := route.Recover(t.Context(), uuid.New(), "x", delivery.Run{
				Journal: journal, Unsure: "one", UnsureSince: time.Now().Add(-c.since),
			})
			if got := fault.Of(out.Err); got != c.want || out.Provider != "one" {
				t.Errorf("%s says %v, want %q", out.Provider, out.Err, c.want)
			}
			if failure := fault.As(out.Err); failure != nil && failure.RetryAfter > 0 != c.again {
				t.Errorf("comes back after %v, want that it does: %v", failure.RetryAfter, c.again)
			}
			if got := one.calls.Load(); got != c.calls || len(journal.begun) != int(c.calls) || two.calls.Load() != 0 {
				t.Errorf("called %d times, %v journalled, the other one %d times", got, journal.begun, two.calls.Load())
			}
		})
	}
}
