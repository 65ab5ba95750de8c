package fleet

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func limited(rate float64, burst int) resilience.Settings {
	return resilience.Settings{Limit: resilience.Limit{Rate: rate, Burst: burst}}
}

// busy keeps every provider's queue full until ctx ends: each call goes to the
// counter.
func busy(ctx context.Context, c *counter, queues int, ses ...*resilience.Live) *sync.WaitGroup {
	var wg sync.WaitGroup
	for _, l := range ses {
		for range queues {
			wg.Go(func() {
				for ctx.Err() == nil {
					done, err := l.Admit(ctx, uuid.New(), resilience.Usual, 30*time.Second)
					if err != nil {
						continue
					}
					c.called()
					done(nil, time.Millisecond)
				}
			})
		}
	}
	return &wg
}

// Whatever the rate and however small the burst: never too much, and next to all
// of it while there is work.
func TestLimitIsShared(t *testing.T) {
	testkit.NoLeaks(t)
	// The clocks of the workers are off by two seconds in both directions.
	skews := []time.Duration{0, 2 * time.Second, -2 * time.Second, time.Second}
	members := four(t, testkit.NATS(t).URL(), func(i int, o *resilience.FleetOptions) {
		o.Now = func() time.Time { return time.Now().Add(skews[i]) }
	})
	for _, limit := range []resilience.Limit{{Rate: 50, Burst: 20}, {Rate: 50, Burst: 1}, {Rate: 10, Burst: 2}, {Rate: 300, Burst: 5}} {
		t.Run(fmt.Sprintf("%v a second, %d at once", limit.Rate, limit.Burst), func(t *testing.T) {
			t.Parallel()
			var ses []*resilience.Live
			for _, m := range members {
				ses = append(ses, m.Provider(fmt.Sprintf("ses-%v-%d", limit.Rate, limit.Burst), resilience.Settings{Limit: limit}))
			}
			ctx, stop := context.WithTimeout(t.Context(), time.Duration(testkit.Size(3, 60))*time.Second)
			defer stop()
			c := count(t)
			busy(ctx, c, 16, ses...).Wait()
			c.limited(t, limit.Rate, float64(limit.Burst))
			c.used(t, limit.Rate, 0.95, time.Now())
		})
	}
}

// One worker that has all the work gets the whole limit.
func TestLimitIsNotSplit(t *testing.T) {
	testkit.NoLeaks(t)
	members := four(t, testkit.NATS(t).URL(), nil)
	ses := lives(members, limited(100, 50))
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	c := count(t)
	busy(ctx, c, 16, ses[2]).Wait()
	c.limited(t, 100, 50)
	c.used(t, 100, 0.95, time.Now())
}

func TestLimitWhileTheServerIsAway(t *testing.T) {
	testkit.NoLeaks(t)
	const rate, burst = 50, 20
	server := testkit.NATS(t)
	members := four(t, server.URL(), nil)
	ses := lives(members, limited(rate, burst))
	ctx, stop := context.WithCancel(t.Context())
	c := count(t)
	wg := busy(ctx, c, 16, ses...)
	testkit.Eventually(t, patience, func() bool { return c.number() > rate }, "the limit is reached")
	server.Stop()
	began, before := time.Now(), c.number()
	testkit.Eventually(t, patience, func() bool { return time.Since(began) > 2*time.Second }, "two seconds without the server")
	if got := c.number() - before; got < rate {
		t.Errorf("%d calls in two seconds without the server: the fair shares are not used", got)
	}
	server.Start()
	testkit.Eventually(t, patience, func() bool { return time.Since(began) > 4*time.Second }, "two seconds with it")
	stop()
	wg.Wait()
	c.limited(t, rate, burst)
	c.used(t, rate, 0.8, time.Now())
}

// What a worker has leased when it dies is lost; the limit is not.
func TestLimitAfterADeath(t *testing.T) {
	testkit.NoLeaks(t)
	const rate, burst = 50, 20
	members := four(t, testkit.NATS(t).URL(), nil)
	ses := lives(members, limited(rate, burst))
	for range burst / 4 {
		if s := ses[3].Reserve(t.Context(), uuid.New(), resilience.Usual, time.Second); !s.Ready {
			t.Fatal(s.Why)
		}
	}
	members[3].dies()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	c := count(t)
	busy(ctx, c, 16, ses[:3]...).Wait()
	c.limited(t, rate, burst)
	c.used(t, rate, 0.95, time.Now())
}

func TestTokensAreGivenBack(t *testing.T) {
	testkit.NoLeaks(t)
	members := four(t, testkit.NATS(t).URL(), nil)
	ses := lives(members, limited(0.1, 8)) // four at once, then one in ten seconds
	var ids []uuid.UUID
	for range 4 {
		ids = append(ids, uuid.New())
		if s := ses[0].Reserve(t.Context(), ids[len(ids)-1], resilience.Urgent, time.Second); !s.Ready {
			t.Fatal(s.Why)
		}
	}
	if s := ses[1].Reserve(t.Context(), uuid.New(), resilience.Urgent, 100*time.Millisecond); s.Ready || s.Reason != fault.RateLimited || s.Wait < time.Second {
		t.Fatalf("a fifth token: %+v", s)
	}
	for _, id := range ids { // four duplicates: nobody called
		ses[0].Release(id)
		ses[0].Release(id) // once more does nothing
	}
	for range 4 {
		testkit.Eventually(t, 3*time.Second, func() bool {
			return ses[1].Reserve(t.Context(), uuid.New(), resilience.Urgent, 100*time.Millisecond).Ready
		}, "another worker gets what was given back")
	}
	if s := ses[2].Reserve(t.Context(), uuid.New(), resilience.Urgent, 100*time.Millisecond); s.Ready {
		t.Error("more was given back than was taken")
	}
}

// Urgent calls do not wait behind a flood of others, here or in another worker.
func TestUrgentCallsGoFirst(t *testing.T) {
	testkit.NoLeaks(t)
	members := four(t, testkit.NATS(t).URL(), nil)
	ses := lives(members, limited(20, 20))
	ctx, stop := context.WithCancel(t.Context())
	c := count(t)
	wg := busy(ctx, c, 50, ses[:2]...) // five seconds' worth waits
	testkit.Eventually(t, patience, func() bool { return c.number() > 30 }, "the flood")
	var waits []time.Duration
	for i := range 8 {
		began := time.Now()
		if s := ses[i%3].Reserve(t.Context(), uuid.New(), resilience.Urgent, 5*time.Second); !s.Ready {
			t.Fatal(s.Why)
		}
		waits = append(waits, time.Since(began))
	}
	stop()
	wg.Wait()
	slices.Sort(waits)
	c.within(t, waits[len(waits)/2], 250*time.Millisecond, "the wait of an urgent call")
}

func TestQuotaOfADay(t *testing.T) {
	testkit.NoLeaks(t)
	members := four(t, testkit.NATS(t).URL(), nil)
	ses := lives(members, resilience.Settings{Limit: resilience.Limit{Quota: 25}})
	var got int
	for i := range 40 {
		if call(t.Context(), ses[i%4], nil) == nil {
			got++
		}
	}
	if got > 25 {
		t.Errorf("%d calls with a quota of 25", got)
	}
	for _, l := range ses {
		testkit.Eventually(t, patience, func() bool {
			err := call(t.Context(), l, nil)
			if err == nil {
				got++
			}
			s := l.Standing()
			return !s.Ready && s.Reason == fault.QuotaExhausted && s.Wait > 0
		}, "out of quota everywhere")
	}
	if got != 25 {
		t.Errorf("%d of 25 calls were made", got)
	}
}

// A pause that the provider asked for holds every worker's tokens back.
func TestRateLimitedByTheProvider(t *testing.T) {
	testkit.NoLeaks(t)
	members := four(t, testkit.NATS(t).URL(), nil)
	var machine strain
	machine.watch(t)
	for name, settings := range map[string]resilience.Settings{"with a limit": limited(100, 20), "without": {}} {
		ses := lives(members, settings)
		pause := 2 * time.Second
		_ = call(t.Context(), ses[0], &fault.Error{Reason: fault.RateLimited, RetryAfter: pause})
		began := time.Now()
		for _, l := range ses {
			testkit.Eventually(t, patience, func() bool { return l.Throttle().Blocked() > 0 }, "every worker hears of the pause")
			if !l.Standing().Ready {
				t.Errorf("%s: the provider is skipped instead of waited for", name)
			}
		}
		machine.within(t, time.Since(began), 100*time.Millisecond, name+": the way of a pause to every worker")
		c := count(t)
		ctx, stop := context.WithCancel(t.Context())
		wg := busy(ctx, c, 4, ses...)
		testkit.Eventually(t, patience, func() bool { return c.number() > 10 }, "calls go on after the pause")
		stop()
		wg.Wait()
		first := c.calls()[0].Sub(began)
		machine.within(t, first, pause+time.Second, name+": the pause")
		if sum, _ := machine.felt(); first < pause-150*time.Millisecond-sum {
			t.Errorf("%s: the first call came after %v", name, first)
		}
		fmt.Fprintln(t.Output(), name, c.number(), "calls")
	}
}
