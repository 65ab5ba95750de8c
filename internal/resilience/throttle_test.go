package resilience_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

// alone is a provider of a worker that shares nothing, with a limit.
func alone(t *testing.T, limit resilience.Limit, hooks resilience.Hooks) *resilience.Live {
	t.Helper()
	fleet := resilience.StartFleet(t.Context(), resilience.FleetOptions{Worker: "w", Hooks: hooks})
	t.Cleanup(fleet.Stop)
	return fleet.Provider("ses", resilience.Settings{Limit: limit})
}

func TestThrottleAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var limited, said atomic.Int64
		var waited atomic.Int64
		live := alone(t, resilience.Limit{Rate: 10, Burst: 10}, resilience.Hooks{
			Limited:   func(string) { limited.Add(1) },
			Waited:    func(_ string, d time.Duration) { waited.Add(int64(d)) },
			Throttled: func(string, int, time.Duration) { said.Add(1) },
		})
		began := time.Now()
		var wg sync.WaitGroup
		for range 105 {
			wg.Go(func() {
				done, err := live.Admit(t.Context(), uuid.New(), resilience.Usual, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				done(nil, 0)
			})
		}
		wg.Wait()
		took := time.Since(began)
		if took < 9500*time.Millisecond || took > 11*time.Second {
			t.Errorf("105 calls at 10/s took %v", took)
		}
		if limited.Load() < 95 || waited.Load() == 0 {
			t.Errorf("%d were limited, they waited %v", limited.Load(), time.Duration(waited.Load()))
		}
		if lines := said.Load(); lines < 5 || lines > int64(took.Seconds())+1 {
			t.Errorf("%d lines in %v", lines, took)
		}
	})
}

// Commands whose claims are committed late, all at the same moment, do not use the
// tokens of all that time at once; whoever comes soon keeps its token.
func TestReservedTokensLapse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := alone(t, resilience.Limit{Rate: 10, Burst: 10}, resilience.Hooks{})
		admitted := func(id uuid.UUID) bool {
			done, err := live.Admit(t.Context(), id, resilience.Usual, 0)
			if err == nil {
				done(nil, 0)
			}
			return err == nil
		}
		var ids []uuid.UUID
		for len(ids) < 50 {
			ids = append(ids, uuid.New())
			if s := live.Reserve(t.Context(), ids[len(ids)-1], resilience.Usual, time.Second); !s.Ready {
				t.Fatalf("%+v", s)
			}
		}
		if last := ids[len(ids)-1]; !admitted(last) {
			t.Error("a token taken just now is not good")
		}
		calls := 0
		for _, id := range ids[:len(ids)-1] {
			if admitted(id) {
				calls++
			}
		}
		if calls == 0 || calls > 10 {
			t.Errorf("%d calls at once, want at most the burst of 10", calls)
		}
		for _, id := range ids {
			live.Release(id) // nothing is left of them
		}
		if admitted(uuid.New()) {
			t.Error("a token that lapsed was given back to be used at once")
		}
	})
}

// Commands that cannot wait in place come back one after the other, not all at once.
func TestThrottleAppointments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := alone(t, resilience.Limit{Rate: 10, Burst: 10}, resilience.Hooks{})
		var mu sync.Mutex
		var waits []time.Duration
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				s := live.Reserve(t.Context(), uuid.New(), resilience.Usual, time.Second)
				if !s.Ready {
					if s.Reason != fault.RateLimited {
						t.Errorf("not ready: %+v", s)
					}
					mu.Lock()
					waits = append(waits, s.Wait)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(waits) < 180 {
			t.Fatalf("%d of 200 left", len(waits))
		}
		longest := time.Duration(0)
		seen := map[time.Duration]int{}
		for _, wait := range waits {
			longest = max(longest, wait)
			seen[wait.Round(100*time.Millisecond)]++
		}
		if longest < 10*time.Second || longest > 30*time.Second {
			t.Errorf("the last one comes back after %v", longest)
		}
		for at, n := range seen {
			if n > 4 {
				t.Errorf("%d come back at the same time, in %v", n, at)
			}
		}
	})
}

func TestThrottleObeysTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := alone(t, resilience.Limit{Rate: 0.01, Burst: 1}, resilience.Hooks{})
		if s := live.Reserve(t.Context(), uuid.New(), resilience.Usual, time.Second); !s.Ready {
			t.Fatal(s.Why)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		began := time.Now()
		if _, err := live.Admit(ctx, uuid.New(), resilience.Usual, time.Hour); fault.Of(err) != fault.RateLimited || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held, lifted atomic.Int64
		live := alone(t, resilience.Limit{}, resilience.Hooks{
			Held:   func(string, resilience.Cause, resilience.Hold) { held.Add(1) },
			Lifted: func(string, resilience.Cause) { lifted.Add(1) },
		})
		call := func(err error) error {
			done, refused := live.Admit(t.Context(), uuid.New(), resilience.Usual, 0)
			if refused != nil {
				return refused
			}
			done(err, time.Millisecond)
			return nil
		}
		for _, c := range []struct {
			err   *fault.Error
			lasts time.Duration
		}{
			{&fault.Error{Reason: fault.QuotaExhausted, RetryAfter: time.Hour}, time.Hour},
			{&fault.Error{Reason: fault.QuotaExhausted}, 15 * time.Minute},
			{&fault.Error{Reason: fault.Unauthorized, Code: "401"}, 5 * time.Minute},
		} {
			if err := call(c.err); err != nil {
				t.Fatal(err)
			}
			s := live.Standing()
			if s.Ready || s.Reason != c.err.Reason || s.Wait != c.lasts {
				t.Errorf("%s: %+v", c.err.Reason, s)
			}
			if err := call(nil); fault.Of(err) != c.err.Reason {
				t.Errorf("%s: a call while held: %v", c.err.Reason, err)
			}
			time.Sleep(c.lasts + time.Second)
			if s := live.Standing(); !s.Ready {
				t.Errorf("%s does not end: %+v", c.err.Reason, s)
			}
		}
		if held.Load() != 3 || lifted.Load() != 3 {
			t.Errorf("told of %d holds and %d ends", held.Load(), lifted.Load())
		}
		_ = call(&fault.Error{Reason: fault.Unauthorized})
		live.Lift(resilience.NoEntry) // a check succeeded
		if err := call(nil); err != nil {
			t.Errorf("after it was lifted: %v", err)
		}
	})
}

func TestRecentTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet := resilience.StartFleet(t.Context(), resilience.FleetOptions{Worker: "w"})
		defer fleet.Stop()
		live := fleet.Provider("ses", resilience.Settings{})
		add := func(n int, took time.Duration, err error) {
			for range n {
				done, refused := live.Admit(t.Context(), uuid.New(), resilience.Usual, 0)
				if refused != nil {
					t.Fatal(refused)
				}
				done(err, took)
			}
		}
		add(90, 10*time.Millisecond, nil)
		add(4, 20*time.Millisecond, fault.New(fault.Refused, "", "no such mailbox")) // says nothing against the provider
		add(4, 3*time.Second, fault.New(fault.Timeout, "", "late"))
		add(2, 3*time.Second, nil)
		traffic := fleet.Report().Providers["ses"].Traffic
		if traffic.Calls != 100 || traffic.Failures != 4 || traffic.FailedShare() != 0.04 {
			t.Errorf("%+v", traffic)
		}
		if p95 := traffic.P95(); p95 < 2500*time.Millisecond || p95 > 4200*time.Millisecond {
			t.Errorf("p95 is %v", p95)
		}
		if both := traffic.Plus(traffic); both.Calls != 200 || both.P95() != traffic.P95() {
			t.Errorf("two workers: %+v", both)
		}
		time.Sleep(6 * time.Minute)
		if traffic := fleet.Report().Providers["ses"].Traffic; traffic.Calls != 0 {
			t.Errorf("six minutes later: %+v", traffic)
		}
	})
}

// deaf is a shared state that never answers in time.
type deaf struct{ resilience.SharedState }

func (deaf) Watch(ctx context.Context, _ []string, _ func(string, []byte, uint64, time.Time), _ func()) error {
	<-ctx.Done()
	return ctx.Err()
}

func (deaf) Put(ctx context.Context, _ string, _ []byte, _ time.Duration) (uint64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func (deaf) Get(ctx context.Context, _ string) ([]byte, uint64, time.Time, error) {
	<-ctx.Done()
	return nil, 0, time.Time{}, ctx.Err()
}

func (deaf) Swap(ctx context.Context, _ string, _ []byte, _ uint64, _ time.Duration) (uint64, bool, error) {
	<-ctx.Done()
	return 0, false, ctx.Err()
}

func (deaf) Delete(context.Context, string, uint64) (bool, error) { return false, errors.New("deaf") }

// A state that hangs instead of failing costs a worker little of its share.
func TestThrottleWithAStateThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var trouble atomic.Int64
		fleet := resilience.StartFleet(t.Context(), resilience.FleetOptions{
			Worker: "w", State: deaf{}, Hooks: resilience.Hooks{Trouble: func(error) { trouble.Add(1) }},
		})
		defer fleet.Stop()
		live := fleet.Provider("ses", resilience.Settings{Limit: resilience.Limit{Rate: 100, Burst: 100}})
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		var calls atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if done, err := live.Admit(ctx, uuid.New(), resilience.Usual, time.Second); err == nil {
						calls.Add(1)
						done(nil, 0)
					}
				}
			})
		}
		wg.Wait()
		if n := calls.Load(); n < 700 || n > 1050 {
			t.Errorf("%d calls in ten seconds at 100/s", n)
		}
		if trouble.Load() != 1 {
			t.Errorf("told %d times of the same trouble", trouble.Load())
		}
	})
}

// A state that hangs may have given the probe to another worker: only when it goes
// on hanging does a worker probe for itself.
func TestProbeWithAStateThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet := resilience.StartFleet(t.Context(), resilience.FleetOptions{Worker: "w", State: deaf{}})
		defer fleet.Stop()
		live := fleet.Provider("ses", resilience.Settings{Breaker: resilience.BreakerOptions{Failures: 1, Cooldown: time.Minute}})
		call := func(err error) error {
			done, refused := live.Admit(t.Context(), uuid.New(), resilience.Usual, 0)
			if refused != nil {
				return refused
			}
			done(err, 0)
			return err
		}
		_ = call(fault.New(fault.Unavailable, "ses", "503"))
		time.Sleep(time.Minute)
		began := time.Now()
		for call(nil) != nil {
			if waited := time.Since(began); waited > 10*time.Second {
				t.Fatal("nobody ever probes")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if waited := time.Since(began); waited < 2*time.Second || waited > 5*time.Second {
			t.Errorf("it probed after %v without an answer", waited)
		}
	})
}
