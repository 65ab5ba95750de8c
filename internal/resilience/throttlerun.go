package resilience

import (
	"context"
	"time"
)

// run leases tokens while somebody waits, until ctx ends.
func (t *Throttle) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var next [2]time.Time // not to lease before: usual calls, urgent ones
	for {
		select {
		case <-timer.C:
		case <-t.roused:
		case <-ctx.Done():
			t.giveBack(context.WithoutCancel(ctx), true)
			return
		}
		timer.Reset(t.step(ctx, &next))
	}
}

// step does what can be done now and returns when to look again.
func (t *Throttle) step(ctx context.Context, next *[2]time.Time) time.Duration {
	const idle = time.Minute
	t.mu.Lock()
	now := t.now()
	if blocked := t.blockedUntil.Sub(now); blocked > 0 {
		t.limitAll(now, blocked)
		t.mu.Unlock()
		return blocked
	}
	if t.news {
		*next, t.news = [2]time.Time{}, false
	}
	t.handOut(now, 0)
	waiting, urgent, spare, limit := t.waiting, t.urgent(), t.spare, t.limit
	t.active.Store(!limit.none() || waiting > 0)
	t.mu.Unlock()

	if waiting == 0 && spare == 0 {
		return idle
	}
	if waiting == 0 {
		return t.giveBack(ctx, false)
	}
	lane := 0
	if urgent > 0 {
		lane, waiting = 1, urgent // what is kept for them is for them alone
	}
	if wait := next[lane].Sub(now); wait > 0 {
		return wait
	}
	tokens, wait := t.bucket.lease(ctx, waiting, urgent > 0)
	t.mu.Lock()
	defer t.mu.Unlock()
	now = t.now()
	next[lane] = now.Add(wait)
	t.handOut(now, tokens)
	if t.waiting == 0 {
		return idle
	}
	if tokens == 0 {
		t.limitAll(now, wait)
	}
	return wait
}

// handOut gives tokens to those who wait, urgent calls first. The lock is held.
func (t *Throttle) handOut(now time.Time, tokens int) {
	t.pace.add(now, tokens)
	t.spare += tokens
	for line := range t.lines {
		for len(t.lines[line]) > 0 {
			w := t.lines[line][0]
			if !w.gone && t.spare == 0 {
				return
			}
			t.lines[line] = t.lines[line][1:]
			if !w.gone {
				close(w.token)
				t.spare--
				t.waiting--
			}
		}
		t.lines[line] = nil
	}
	if tokens > 0 {
		t.spareSince = now
	}
}

// urgent counts the urgent calls that wait. The lock is held.
func (t *Throttle) urgent() (n int) {
	for _, w := range t.lines[Urgent] {
		if !w.gone {
			n++
		}
	}
	return n
}

// limitAll marks who was not served, and says so once in a while. The lock is
// held.
func (t *Throttle) limitAll(now time.Time, wait time.Duration) {
	if t.waiting == 0 {
		return
	}
	for _, line := range t.lines {
		for _, w := range line {
			w.limited = true
		}
	}
	if now.Sub(t.saidAt) >= sayAgain {
		t.saidAt = now
		t.fleet.hooks().throttled(t.provider, t.waiting, wait)
	}
}

// giveBack returns what nobody took to the bucket, and when to look again.
func (t *Throttle) giveBack(ctx context.Context, all bool) time.Duration {
	t.mu.Lock()
	wait := spareFor - t.now().Sub(t.spareSince)
	if wait > 0 && !all {
		t.mu.Unlock()
		return wait
	}
	tokens := t.spare
	t.spare = 0
	t.mu.Unlock()
	if tokens > 0 {
		t.bucket.giveBack(ctx, tokens)
	}
	return time.Minute
}

// pace is how many tokens a second this worker has been getting.
type pace struct {
	rate  float64
	count int
	since time.Time
}

func (p *pace) add(now time.Time, tokens int) {
	if p.since.IsZero() {
		p.since = now
	}
	if passed := now.Sub(p.since).Seconds(); passed >= 1 {
		p.rate = (p.rate + float64(p.count)/passed) / 2
		p.count, p.since = 0, now
	}
	p.count += tokens
}

// each is the time that one call takes at this pace, or at that of a fair share
// when it is faster.
func (p *pace) each(now time.Time, share float64) time.Duration {
	p.add(now, 0)
	rate := max(p.rate, share)
	if rate <= 0 {
		return 10 * time.Millisecond
	}
	return time.Duration(float64(time.Second) / rate)
}
