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
	t.handOut(now)
	ripe := t.ripe(now)
	waiting, urgent, spare, unripe, limit := t.waiting, t.urgent(), t.spare, len(t.unripe), t.limit
	lane, want := 0, waiting-unripe // what is to come is for them already
	if urgent > 0 {
		lane, want = 1, urgent // what is kept for them is for them alone
	}
	t.active.Store(!limit.none() || waiting > 0)
	t.mu.Unlock()

	switch {
	case waiting == 0 && spare == 0:
		return ripe
	case waiting == 0:
		return min(ripe, t.giveBack(ctx, false))
	case want <= 0:
		return ripe
	}
	if wait := next[lane].Sub(now); wait > 0 {
		return min(ripe, wait)
	}
	got, wait := t.bucket.lease(ctx, want, unripe, urgent > 0)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lay(now, got)
	now = t.now()
	next[lane] = now.Add(wait)
	t.handOut(now)
	if t.waiting == 0 {
		return t.ripe(now)
	}
	if got.now == 0 {
		t.limitAll(now, max(wait, got.first))
	}
	return min(t.ripe(now), wait)
}

// idle is when to look again without any reason to.
const idle = time.Minute

// lay puts leased tokens by until they may be used. The lock is held.
func (t *Throttle) lay(now time.Time, got leased) {
	t.pace.add(now, got.tokens)
	if got.now > 0 {
		t.spare, t.spareSince = t.spare+got.now, now
	}
	for i := range got.tokens - got.now {
		t.unripe = append(t.unripe, now.Add(got.first+time.Duration(i)*got.each))
	}
}

// ripe is when the next leased token may be used. The lock is held.
func (t *Throttle) ripe(now time.Time) time.Duration {
	if len(t.unripe) == 0 {
		return idle
	}
	return max(0, t.unripe[0].Sub(now))
}

// handOut gives tokens to those who wait, urgent calls first. A token whose time
// passed while this worker had no processor is lost when it is late by more than
// the burst makes up for: used now it would be one too many. The lock is held.
func (t *Throttle) handOut(now time.Time) {
	for len(t.unripe) > 0 && !now.Before(t.unripe[0]) {
		if now.Sub(t.unripe[0]) <= t.limit.latest() {
			t.spare, t.spareSince = t.spare+1, now
		}
		t.unripe = t.unripe[1:]
	}
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
}

// urgent counts the urgent calls that wait. The lock is held.
func (t *Throttle) urgent() (n int) {
	for _, line := range t.lines[:Urgent+1] {
		for _, w := range line {
			if !w.gone {
				n++
			}
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
	if all {
		tokens += len(t.unripe)
		t.unripe = nil
	}
	t.mu.Unlock()
	if tokens > 0 {
		t.bucket.giveBack(ctx, tokens)
	}
	return idle
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
