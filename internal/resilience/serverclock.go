package resilience

import "time"

// serverClock tells the time of the server that stores the shared state, which
// is the same for all workers, from when it stored what we hear. News takes a
// while, so the estimate is never ahead; the quickest news of late is the best.
type serverClock struct {
	window   time.Time // when best began to be collected
	best     time.Duration
	before   time.Duration // the best of the window before
	sampled  bool
	hasPrior bool
}

// clockWindow lets the estimate follow a server whose clock was set back.
const clockWindow = 5 * time.Second

// sample learns from a message that was stored at stored and heard of at local.
func (c *serverClock) sample(stored, local time.Time) {
	ahead := stored.Sub(local)
	switch {
	case !c.sampled:
		c.sampled, c.window, c.best = true, local, ahead
	case local.Sub(c.window) > clockWindow:
		c.before, c.hasPrior = c.best, true
		c.window, c.best = local, ahead
	default:
		c.best = max(c.best, ahead)
	}
}

// at is the server's time when ours is local.
func (c *serverClock) at(local time.Time) time.Time {
	if !c.sampled {
		return local
	}
	ahead := c.best
	if c.hasPrior {
		ahead = max(ahead, c.before)
	}
	return local.Add(ahead).Round(0)
}
