package providers_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/providers"
)

// register is a provider whose answers a test lays out: one for each call, the
// last one for all further calls.
type register struct {
	name    string
	persons bool // it compares representatives only

	mu      sync.Mutex
	answers []func(ctx context.Context) error
	asked   []providers.Company
	outcome providers.BusinessOutcome
}

func (r *register) Name() string                { return r.name }
func (r *register) Check(context.Context) error { return nil }
func (r *register) Serves(asked providers.Company) bool {
	return !r.persons || asked.Representative != ""
}
func (r *register) say(answers ...func(context.Context) error) {
	r.answers = answers
}

func (r *register) Do(ctx context.Context, call providers.Call[providers.Company]) (providers.Answer, error) {
	r.mu.Lock()
	r.asked = append(r.asked, call.Request)
	var answer func(context.Context) error
	if len(r.answers) > 0 {
		answer = r.answers[min(len(r.asked), len(r.answers))-1]
	}
	outcome := r.outcome
	r.mu.Unlock()
	if answer != nil {
		if err := answer(ctx); err != nil {
			return providers.Answer{}, err
		}
	}
	if outcome == "" {
		outcome = providers.BusinessFound
	}
	return providers.LookupAnswer("test", providers.BusinessResult{
		Outcome: outcome, Source: r.name, Company: command.Company{RegistrationNumber: call.Request.RegistrationNumber},
	})
}

func (r *register) calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

func failing(reason fault.Reason) func(context.Context) error {
	return func(context.Context) error { return fault.New(reason, "test", "as the test asked") }
}

func fine(context.Context) error { return nil }

// bureau is two registers in a route with a cache whose time a test moves.
type bureau struct {
	first, second *register
	cache         *resilience.Cache
	lookups       *providers.Lookups[providers.Company]
	now           time.Time
}

func newBureau(t testing.TB) *bureau {
	b := &bureau{first: &register{name: "first"}, second: &register{name: "second"}, now: time.Now()}
	b.cache = resilience.NewCache(resilience.CacheOptions{Now: func() time.Time { return b.now }})
	t.Cleanup(b.cache.Close)
	guard := func(r *register) *providers.Guard[providers.Company] {
		return providers.NewGuard[providers.Company](r, providers.GuardOptions{Timeout: time.Minute})
	}
	b.lookups = providers.NewLookups(providers.NewRoute(guard(b.first), guard(b.second)), b.cache, func(string, string) providers.Lives {
		return providers.Lives{TTL: 24 * time.Hour, Stale: 24 * time.Hour, Negative: time.Hour}
	})
	return b
}

var samsung = providers.Company{RegistrationNumber: "1248100998"}

// round is one round of a queued command, as a pipeline runs it.
func (b *bureau) round(t testing.TB, request providers.Company, rest func(*providers.Asking[providers.Company])) (providers.Found, []delivery.Attempt, *ledger) {
	t.Helper()
	provider, found, err := b.lookups.Plan(t.Context(), "", request)
	if err != nil {
		t.Fatal(err)
	}
	journal := &ledger{}
	if found.Provider != "" {
		return found, nil, journal
	}
	if provider != "" {
		journal.number = 1 // the claim has committed the first intent
	}
	asking := b.lookups.Queued(uuid.New(), delivery.Run{Row: delivery.Row{View: delivery.View{Attempts: journal.number}}, Provider: provider, Journal: journal})
	found = asking.Ask(t.Context(), "", request)
	if rest != nil {
		rest(asking)
	}
	return found, asking.Attempts(), journal
}

// A definite answer ends the question; what another provider may mend goes on.
func TestLookupGoesOn(t *testing.T) {
	for _, c := range []struct {
		reason fault.Reason
		on     bool
	}{
		{fault.None, false}, {fault.Invalid, false}, {fault.Refused, false}, {fault.NotFound, false},
		{fault.Unavailable, true}, {fault.Timeout, true}, {fault.Unauthorized, true}, {fault.QuotaExhausted, true},
		{fault.RateLimited, true}, {fault.Internal, true}, {fault.Cancelled, false},
	} {
		t.Run(string(c.reason), func(t *testing.T) {
			b := newBureau(t)
			if c.reason != fault.None {
				b.first.say(failing(c.reason))
			}
			found, attempts, journal := b.round(t, samsung, nil)
			if asked := b.second.calls() == 1; asked != c.on {
				t.Errorf("the second was asked: %v", asked)
			}
			// Every call has its intent before and its attempt after.
			intents := append([]string{"first"}, journal.begun...)
			var made []string
			for _, a := range slices.Concat(journal.done, attempts) {
				made = append(made, a.Provider)
			}
			if !slices.Equal(intents, made) {
				t.Errorf("intended %v, made %v", intents, made)
			}
			if c.on != (found.Provider == "second") || c.on && found.Err != nil || !c.on && fault.Of(found.Err) != c.reason {
				t.Errorf("found %+v", found)
			}
		})
	}
}

func TestLookupIsKept(t *testing.T) {
	b := newBureau(t)
	b.first.outcome = providers.BusinessNotFound
	asked := func() int { b.round(t, samsung, nil); return b.first.calls() }
	asked()
	if n := asked(); n != 1 {
		t.Errorf("%d calls for the same question", n)
	}
	b.now = b.now.Add(61 * time.Minute) // a "no" is believed for an hour
	b.first.outcome = providers.BusinessFound
	if n := asked(); n != 2 {
		t.Errorf("%d calls; the negative answer outlives its time", n)
	}
	b.now = b.now.Add(23 * time.Hour)
	found, _, _ := b.round(t, samsung, nil)
	if !found.Cached || found.Stale || found.Provider != "first" {
		t.Errorf("found %+v", found)
	}
	// Beyond its time it serves only when everybody fails.
	b.now = b.now.Add(2 * time.Hour)
	b.first.say(failing(fault.Unavailable))
	b.second.say(failing(fault.Timeout))
	if found, _, _ = b.round(t, samsung, nil); fault.Of(found.Err) != fault.Timeout {
		t.Errorf("found %+v", found)
	}
	if found, ok := b.lookups.Stale(t.Context(), "", samsung); !ok || !found.Stale || found.Provider != "first" {
		t.Errorf("stale is %+v, %v", found, ok)
	}
	if _, ok := b.lookups.Stale(t.Context(), "second", samsung); ok {
		t.Error("a pinned provider answers with another one's answer")
	}
	counts := b.cache.Counts()
	if len(counts) != 2 || counts[0].Cache != "first.company" || counts[0].Misses != 3 || counts[0].Stale != 1 || counts[1].Misses != 1 {
		t.Errorf("counts are %+v", counts)
	}
	if _, err := b.cache.Purge(t.Context(), providers.CachePattern(samsung)); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.lookups.Stale(t.Context(), "", samsung); ok {
		t.Error("a purged answer serves")
	}
}

// What was answered in mock mode answers nothing in live mode, nor the other way
// round; who purges a company purges both.
func TestLookupKeepsMockedAnswersApart(t *testing.T) {
	b := newBureau(t)
	in := func(mock bool) {
		b.lookups = providers.NewLookups(providers.NewRoute(providers.NewGuard[providers.Company](b.first, providers.GuardOptions{Timeout: time.Minute, Mock: mock})),
			b.cache, func(string, string) providers.Lives {
				return providers.Lives{TTL: time.Hour, Stale: time.Hour, Negative: time.Hour}
			})
	}
	asked := func(mock bool) int {
		in(mock)
		b.round(t, samsung, nil)
		return b.first.calls()
	}
	for i, c := range []struct {
		mock bool
		want int
	}{{true, 1}, {true, 1}, {false, 2}, {false, 2}, {true, 2}} {
		if n := asked(c.mock); n != c.want {
			t.Errorf("question %d, mock %v: %d calls, want %d", i, c.mock, n, c.want)
		}
	}
	if removed, err := b.cache.Purge(t.Context(), providers.CachePattern(samsung)); err != nil || removed != 2 {
		t.Errorf("%d purged, %v", removed, err)
	}
}

func TestLookupSharesOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBureau(t)
		defer b.cache.Close()
		b.first.say(func(context.Context) error { time.Sleep(time.Second); return nil })
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				found, attempts, _ := b.round(t, samsung, nil)
				if found.Err != nil || len(attempts) != 1 || attempts[0].Number != 1 || attempts[0].Provider != "first" {
					t.Errorf("found %+v by %+v", found, attempts)
				}
			})
		}
		wait.Wait()
		if n := b.first.calls(); n != 1 {
			t.Errorf("%d calls for 20 who asked the same at once", n)
		}
		// A failure is shared as well; the next to come asks anew.
		b.first.say(func(context.Context) error { time.Sleep(time.Second); return failing(fault.Unavailable)(nil) })
		other := providers.Company{RegistrationNumber: "1208147521"}
		for range 20 {
			wait.Go(func() { b.round(t, other, nil) })
		}
		wait.Wait()
		if n := b.first.calls(); n != 2 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestLookupPassesOver(t *testing.T) {
	b := newBureau(t)
	b.first.persons = true
	if found, _, _ := b.round(t, samsung, nil); found.Provider != "second" || b.first.calls() != 0 {
		t.Errorf("found %+v; the first cannot answer this", found)
	}
	// Where nobody serves a request, the first says what it misses.
	b.second.persons = true
	b.first.say(failing(fault.Invalid))
	if found, _, _ := b.round(t, providers.Company{RegistrationNumber: "1208147521"}, nil); fault.Of(found.Err) != fault.Invalid {
		t.Errorf("found %+v", found)
	}

	// An open breaker is passed over without a call; with all open nobody is asked
	// and nothing waits.
	b = newBureau(t)
	b.first.say(failing(fault.Unavailable))
	for i := range 5 {
		b.round(t, providers.Company{RegistrationNumber: fmt.Sprint(1248100000 + i)}, nil)
	}
	found, attempts, _ := b.round(t, samsung, nil)
	if found.Provider != "second" || b.first.calls() != 5 || len(attempts) != 1 {
		t.Errorf("found %+v after %d calls, by %+v", found, b.first.calls(), attempts)
	}
	b.second.say(failing(fault.Unavailable))
	for i := range 5 {
		b.round(t, providers.Company{RegistrationNumber: fmt.Sprint(1248200000 + i)}, nil)
	}
	provider, _, err := b.lookups.Plan(t.Context(), "", providers.Company{RegistrationNumber: "2208162517"})
	if provider != "" || err != nil {
		t.Errorf("planned %q, %v", provider, err)
	}
	found, attempts, journal := b.round(t, providers.Company{RegistrationNumber: "2208162517"}, nil)
	if fault.Of(found.Err) != fault.CircuitOpen || len(attempts)+len(journal.begun) != 0 {
		t.Errorf("found %+v by %+v", found, attempts)
	}
	if _, _, err := b.lookups.Plan(t.Context(), "third", samsung); fault.Of(err) != fault.Invalid {
		t.Errorf("a provider that is not in the route: %v", err)
	}
}

// An answer that was asked for before a purge is given, but not kept.
func TestLookupPurgedMeanwhile(t *testing.T) {
	b := newBureau(t)
	b.first.say(func(ctx context.Context) error {
		_, err := b.cache.Purge(ctx, providers.CachePattern(samsung))
		return err
	}, fine)
	b.round(t, samsung, nil)
	b.round(t, samsung, nil)
	if n := b.first.calls(); n != 2 {
		t.Errorf("%d calls; the answer from before the purge was kept", n)
	}
}

func TestLookupAsksFurther(t *testing.T) {
	b := newBureau(t)
	var more providers.Found
	_, attempts, journal := b.round(t, samsung, func(a *providers.Asking[providers.Company]) { more = a.Also(t.Context(), "second", samsung) })
	if more.Err != nil || more.Provider != "second" || len(attempts) != 1 || attempts[0].Number != 2 {
		t.Errorf("found %+v by %+v", more, attempts)
	}
	if !slices.Equal(journal.begun, []string{"second"}) || len(journal.done) != 1 || journal.done[0].Provider != "first" || journal.done[0].Outcome != "ok" {
		t.Errorf("journal %+v", journal)
	}
	// Lost to another worker: nothing is called.
	b = newBureau(t)
	asking := b.lookups.Queued(uuid.New(), delivery.Run{Journal: &ledger{refuse: true}})
	if found := asking.Ask(t.Context(), "", samsung); fault.Of(found.Err) != fault.Cancelled || b.first.calls()+b.second.calls() != 0 {
		t.Errorf("found %+v after %d calls", found, b.first.calls()+b.second.calls())
	}
}

// Somebody who waits: the next provider at once, the last one again in place.
func TestLookupForWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBureau(t)
		defer b.cache.Close()
		b.first.say(failing(fault.Unavailable))
		b.second.say(failing(fault.Unavailable), failing(fault.Timeout), fine)
		started := time.Now()
		found := b.lookups.Waiting(2*time.Second).Ask(t.Context(), "", samsung)
		if took := time.Since(started); found.Err != nil || found.Provider != "second" || took > 2*time.Second {
			t.Errorf("found %+v after %s", found, took)
		}
		if b.first.calls() != 1 || b.second.calls() != 3 {
			t.Errorf("%d and %d calls", b.first.calls(), b.second.calls())
		}
		b.second.say(failing(fault.Unavailable))
		started = time.Now()
		found = b.lookups.Waiting(2*time.Second).Ask(t.Context(), "", providers.Company{RegistrationNumber: "1208147521"})
		if took := time.Since(started); fault.Of(found.Err) != fault.Unavailable || took > 2*time.Second {
			t.Errorf("found %+v after %s", found, took)
		}
		if n := b.second.calls(); n > 3+4 {
			t.Errorf("%d calls for one who waits open the breaker for all", n-3)
		}
	})
}
