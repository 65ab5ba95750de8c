package fleet

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// counter is the provider's side of a limit: it remembers when each call came.
type counter struct {
	mu    sync.Mutex
	times []time.Time
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

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.times)
}

// late is how long after its admission a call may be counted on a busy machine.
// The first call of a window that is counted late makes the window look shorter.
const late = 20 * time.Millisecond

// within checks that no window of time held more than burst + rate·t calls: for
// every first and every last call.
func (c *counter) within(t testing.TB, rate, burst float64) {
	t.Helper()
	calls := c.calls()
	worst, over := 0.0, ""
	for i := range calls {
		for j := i; j < len(calls); j++ {
			window := calls[j].Sub(calls[i]) + late
			if excess := float64(j-i+1) - burst - rate*window.Seconds(); excess > worst {
				worst = excess
				over = window.String()
			}
		}
	}
	if worst > 0 {
		t.Errorf("%.1f calls too many within %s", worst, over)
	}
}

// used checks that at least a part of the limit was used from the first call on
// for as long as there was work.
func (c *counter) used(t testing.TB, rate, part float64, until time.Time) {
	t.Helper()
	calls := c.calls()
	if len(calls) == 0 {
		t.Fatal("no call was made")
	}
	limit := rate * until.Sub(calls[0]).Seconds()
	if got := float64(len(calls)) / limit; got < part {
		t.Errorf("%d calls are %.1f%% of the limit, want %.0f%%", len(calls), 100*got, 100*part)
	}
}
