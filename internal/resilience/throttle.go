package resilience

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Limit is how fast a provider may be called by the whole fleet.
type Limit struct {
	Rate  float64 `json:"rate"`  // calls a second; 0 for no limit
	Burst int     `json:"burst"` // at once; 0 for as many as a second's rate
	Quota int64   `json:"quota"` // calls a day, Korean time; 0 for no limit
}

// none reports whether nothing is limited.
func (l Limit) none() bool { return l.Rate <= 0 && l.Quota <= 0 }

// burst is how many calls may be made at once.
func (l Limit) burst() float64 {
	if l.Burst > 0 {
		return float64(l.Burst)
	}
	return max(1, l.Rate)
}

// Priority is the order in which waiting calls get tokens.
type Priority int

// The priorities, most urgent first.
const (
	Foremost Priority = iota // our own: a handful that tells of trouble
	Urgent
	Usual
	Patient
	priorities
)

// Throttle hands out the tokens of one provider: one for each call. Tokens are
// leased from the fleet's bucket when somebody waits for them, so that none lie
// about; one that is given back goes to whoever waits next.
type Throttle struct {
	provider string
	fleet    *Fleet
	bucket   *bucket
	// active is false while nothing is limited: then a call costs one load.
	active atomic.Bool

	mu           sync.Mutex
	limit        Limit
	blockedUntil time.Time // the provider asked for a pause
	spare        int       // tokens that nobody has: given back, or come of age
	spareSince   time.Time
	unripe       []time.Time // leased tokens and when they may be used, soonest first
	lines        [priorities][]*waiter
	waiting      int
	appointments [priorities]time.Time
	pace         pace
	saidAt       time.Time
	news         bool // there may be tokens before they were expected
	roused       chan struct{}
	stopped      chan struct{} // closed when the goroutine that leases has ended; nil before its start
}

// waiter is a call that waits for a token.
type waiter struct {
	token   chan struct{} // closed when it has one
	limited bool          // it was not served at once
	gone    bool          // it waits no more
}

const (
	// spareFor is how long a token that was given back waits for another call here.
	spareFor = 50 * time.Millisecond
	// sayAgain bounds the log to one line in this time.
	sayAgain = time.Second
	// farthest is the latest appointment.
	farthest = 5 * time.Minute
)

func newThrottle(provider string, fleet *Fleet) *Throttle {
	return &Throttle{provider: provider, fleet: fleet, bucket: newBucket(provider, fleet), roused: make(chan struct{}, 1)}
}

// set puts a limit into force.
func (t *Throttle) set(limit Limit) {
	t.mu.Lock()
	if limit == t.limit {
		t.mu.Unlock()
		return
	}
	t.limit, t.news = limit, true
	t.bucket.set(limit)
	t.activate()
	t.mu.Unlock()
	t.rouse()
}

// block keeps every token back for pause: the provider asked for it.
func (t *Throttle) block(until time.Time) {
	t.mu.Lock()
	t.blockedUntil, t.news = until, true
	t.unripe = nil // or they would all be used at once when the pause is over
	t.bucket.drained(until)
	t.activate()
	t.mu.Unlock()
	t.rouse()
}

// heard takes over what another worker wrote of the bucket.
func (t *Throttle) heard(record *bucketRecord, revision uint64) {
	if !t.bucket.heard(record, revision) {
		return
	}
	t.mu.Lock()
	t.news = true
	t.mu.Unlock()
	t.rouse()
}

// activate starts or lets rest the goroutine that leases. The lock is held.
func (t *Throttle) activate() {
	if t.fleet.base == nil {
		return // a provider on its own: nobody would end the goroutine
	}
	active := !t.limit.none() || t.now().Before(t.blockedUntil)
	t.active.Store(active)
	if active && t.stopped == nil {
		t.stopped = make(chan struct{})
		go t.run(t.fleet.base, t.stopped)
	}
}

// Take waits at most patience for a token. Without one it says when to come back:
// the commands that leave get appointments one after the other, so that they do
// not all return at once.
func (t *Throttle) Take(ctx context.Context, priority Priority, patience time.Duration) (ok bool, again time.Duration) {
	if !t.active.Load() {
		return true, 0
	}
	began := t.now()
	t.mu.Lock()
	if t.spare > 0 && !began.Before(t.blockedUntil) {
		t.spare--
		t.mu.Unlock()
		return true, 0
	}
	w := &waiter{token: make(chan struct{})}
	t.lines[priority] = append(t.lines[priority], w)
	t.waiting++
	t.mu.Unlock()
	t.rouse()

	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.token:
	case <-timer.C:
	case <-ctx.Done():
	}
	return t.leave(w, priority, began)
}

// leave ends a wait, with the token that may have come at the last moment.
func (t *Throttle) leave(w *waiter, priority Priority, began time.Time) (ok bool, again time.Duration) {
	t.mu.Lock()
	select {
	case <-w.token:
		ok = true
	default:
		w.gone = true
		t.waiting--
		again = t.appoint(priority)
	}
	limited := w.limited || !ok
	t.mu.Unlock()
	if limited {
		t.fleet.hooks().waited(t.provider, t.now().Sub(began))
		t.fleet.hooks().limited(t.provider)
	}
	return ok, again
}

// Return gives back a token that was not used.
func (t *Throttle) Return() {
	if !t.active.Load() {
		return
	}
	t.mu.Lock()
	if t.spare == 0 {
		t.spareSince = t.now()
	}
	t.spare++
	t.mu.Unlock()
	t.rouse()
}

// appoint is how long the next command of a priority stays away. The lock is
// held.
func (t *Throttle) appoint(priority Priority) time.Duration {
	now := t.now()
	first := now.Add(time.Second)
	if t.blockedUntil.After(first) {
		first = t.blockedUntil
	}
	at := t.appointments[priority]
	if at.Before(first) {
		at = first
	}
	at = at.Add(t.pace.each(now, t.bucket.share()))
	if at.Sub(now) > farthest {
		at = now.Add(farthest / 2) // begin again: by then most of them have gone
	}
	t.appointments[priority] = at
	return at.Sub(now)
}

// Exhausted reports whether today's quota is used up, and how long that lasts.
func (t *Throttle) Exhausted() (bool, time.Duration) {
	if !t.active.Load() {
		return false, 0
	}
	return t.bucket.exhausted()
}

// Blocked is how long the provider's own pause still lasts.
func (t *Throttle) Blocked() time.Duration {
	if !t.active.Load() {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, t.blockedUntil.Sub(t.now()))
}

// Waiting counts the calls that wait for tokens.
func (t *Throttle) Waiting() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting
}

// Limit is what is in force.
func (t *Throttle) Limit() Limit {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limit
}

// wait returns when the goroutine that leases has ended.
func (t *Throttle) wait() {
	t.mu.Lock()
	stopped := t.stopped
	t.mu.Unlock()
	if stopped != nil {
		<-stopped
	}
}

func (t *Throttle) rouse() {
	select {
	case t.roused <- struct{}{}:
	default:
	}
}

func (t *Throttle) now() time.Time { return t.fleet.options.Now() }
