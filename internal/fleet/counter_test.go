package fleet

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// counter is the provider's side of a limit: it remembers when each call came.
type counter struct {
	mu    sync.Mutex
	times []time.Time
	strain
}

// count starts a counter.
func count(t testing.TB) *counter {
	c := new(counter)
	c.watch(t)
	return c
}

// strain is how long this machine, busy with other things, let a goroutine wait
// that had something to do. What a test sees is late by as much: without this a
// busy machine fails the tests.
type strain struct {
	mu        sync.Mutex
	sum, most time.Duration
}

// watch measures until the test ends.
func (s *strain) watch(t testing.TB) {
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { s.measure(ctx) })
	t.Cleanup(func() { stop(); ended.Wait() })
}

// within fails the test when something took longer than it should on a machine
// that is free.
func (s *strain) within(t testing.TB, took, most time.Duration, what string) {
	t.Helper()
	sum, _ := s.felt()
	if took > most+sum {
		t.Errorf("%s took %v, want %v at most on a machine that was late by %v in all", what, took, most, sum)
	}
}

func (s *strain) measure(ctx context.Context) {
	const every, usual = time.Millisecond, 10 * time.Millisecond
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for last := time.Now(); ctx.Err() == nil; last = time.Now() {
		<-ticker.C
		if late := time.Since(last) - every; late > usual {
			s.mu.Lock()
			s.sum, s.most = s.sum+late, max(s.most, late)
			s.mu.Unlock()
		}
	}
}

func (s *strain) felt() (sum, most time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum, s.most
}

func (c *counter) called() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times = append(c.times, time.Now())
}

func (c *counter) calls() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.times)
}

func (c *counter) number() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.times)
}

// late is how long after its admission a call may be counted. The first call of a
// window that is counted late makes the window look shorter.
const late = 20 * time.Millisecond

// limited checks that no window of time held more than burst + rate·t calls: for
// every first and every last call.
func (c *counter) limited(t testing.TB, rate, burst float64) {
	t.Helper()
	calls := c.calls()
	_, most := c.felt()
	worst, over := 0.0, ""
	for i := range calls {
		for j := i; j < len(calls); j++ {
			window := calls[j].Sub(calls[i]) + late + 2*most
			if excess := float64(j-i+1) - burst - rate*window.Seconds(); excess > worst {
				worst = excess
				over = window.String()
			}
		}
	}
	if worst > 0 {
		t.Errorf("%.1f calls too many within %s, on a machine that was late by %s at most", worst, over, most)
	}
}

// used checks that at least a part of the limit was used from the first call on
// for as long as there was work. Tokens come from the server: what this machine
// holds up, it holds up on the way there and on the way back.
func (c *counter) used(t testing.TB, rate, part float64, until time.Time) {
	t.Helper()
	calls := c.calls()
	if len(calls) == 0 {
		t.Fatal("no call was made")
	}
	sum, _ := c.felt()
	limit := rate * max(0, until.Sub(calls[0])-2*sum).Seconds()
	got := float64(len(calls)) / limit
	fmt.Fprintf(t.Output(), "%d calls are %.1f%% of the limit, on a machine that was late by %s in all\n", len(calls), 100*got, sum)
	if got < part {
		t.Errorf("%d calls are %.1f%% of the limit, want %.0f%%", len(calls), 100*got, 100*part)
	}
}
