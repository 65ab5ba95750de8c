package providers_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// ledger is a journal that notes what was begun, and when: how many calls the
// next vendor had seen by then.
type ledger struct {
	begun  []string
	done   []delivery.Attempt
	refuse bool
	number int
}

func (l *ledger) Begin(_ context.Context, provider string, done delivery.Attempt) (int, error) {
	if l.refuse {
		return 0, fault.New(fault.Cancelled, "journal", "taken over")
	}
	l.begun, l.done = append(l.begun, provider), append(l.done, done)
	l.number++
	return l.number, nil
}

func TestFailoverFollowsTheTable(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  int32
		second bool // the second provider is called
		want   fault.Reason
	}{
		{"sent", 200, false, fault.None},
		{"refused", 400, false, fault.Refused},
		{"unauthorized", 401, true, fault.None},
		{"quota", 402, true, fault.None},
		{"rate limited", 429, false, fault.RateLimited},
		{"unavailable", 503, true, fault.None},
		{"unknown", 0, false, fault.UnknownOutcome},
	} {
		t.Run(c.name, func(t *testing.T) {
			one, two := newVendor(t, "one", true), newVendor(t, "two", true)
			one.answer.Store(c.first)
			options := providers.GuardOptions{Sends: true}
			route := providers.NewRoute(providers.NewGuard(one, options), providers.NewGuard(two, options))
			journal := &ledger{number: 1}
			out := route.Do(t.Context(), uuid.New(), "", "x", delivery.Run{Row: delivery.Row{View: delivery.View{Attempts: 1}}, Provider: "one", Journal: journal})
			if got := fault.Of(out.Err); got != c.want {
				t.Errorf("outcome %v, want %q", out.Err, c.want)
			}
			if called := two.calls.Load() == 1; called != c.second {
				t.Errorf("second provider called: %v", called)
			}
			if c.second && (!slices.Equal(journal.begun, []string{"two"}) || journal.done[0].Provider != "one" || out.Attempts[0].Number != 2) {
				t.Errorf("journal %v %+v, attempts %+v", journal.begun, journal.done, out.Attempts)
			}
		})
	}
}

// TestRecordedBeforeCalledOnFailover: a provider whose intent cannot be
// committed is not called.
func TestRecordedBeforeCalledOnFailover(t *testing.T) {
	one, two := newVendor(t, "one", true), newVendor(t, "two", true)
	one.answer.Store(503)
	route := providers.NewRoute(providers.NewGuard(one, providers.GuardOptions{}), providers.NewGuard(two, providers.GuardOptions{}))
	out := route.Do(t.Context(), uuid.New(), "", "x", delivery.Run{Provider: "one", Journal: &ledger{refuse: true}})
	if two.calls.Load() != 0 || out.Err == nil {
		t.Errorf("called %d times without a committed intent: %v", two.calls.Load(), out.Err)
	}
}

func TestPlanSkipsWhatIsOpen(t *testing.T) {
	one, two := newVendor(t, "one", true), newVendor(t, "two", true)
	one.answer.Store(503)
	first, second := providers.NewGuard(one, providers.GuardOptions{}), providers.NewGuard(two, providers.GuardOptions{})
	route := providers.NewRoute(first, second)
	plan := func(pinned string) string {
		name, err := route.Plan(pinned)
		if err != nil {
			return err.Error()
		}
		return name
	}
	if got := plan(""); got != "one" {
		t.Errorf("first choice is %q", got)
	}
	for range 5 {
		_, _, _ = first.Call(t.Context(), call("x"))
	}
	if got := plan(""); got != "two" {
		t.Errorf("with the first open: %q", got)
	}
	if got := plan("one"); got != "" {
		t.Errorf("pinned to the open one: %q", got)
	}
	if got := plan("three"); got != `provider: "three" is not in the route` {
		t.Errorf("pinned to an unknown one: %q", got)
	}
}
