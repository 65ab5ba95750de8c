package resilience

import (
	"context"
	"time"
)

// Hold holds the provider back here at once and across the fleet as soon as it is
// written.
func (l *Live) Hold(cause Cause, hold Hold) {
	hold.Since = l.fleet.options.Now().UTC().Truncate(time.Millisecond)
	l.mu.Lock()
	standing, was := l.holds[cause]
	now := l.fleet.options.Now()
	held := since(hold, now)
	if was && !standing.until.IsZero() && !held.until.IsZero() && standing.until.After(held.until) {
		l.mu.Unlock()
		return // the longer one stands
	}
	l.holds[cause] = held
	l.pending[cause] = &hold
	l.mu.Unlock()
	l.took(cause, held, was)
	l.fleet.wake()
}

// Lift ends a hold here at once and across the fleet as soon as it is written.
func (l *Live) Lift(cause Cause) {
	l.mu.Lock()
	_, was := l.holds[cause]
	delete(l.holds, cause)
	if was {
		l.pending[cause] = nil
	}
	l.mu.Unlock()
	if was {
		l.gone(cause)
		l.fleet.wake()
	}
}

// Holds lists what holds the provider back.
func (l *Live) Holds() map[Cause]Hold {
	now := l.fleet.options.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	holds := map[Cause]Hold{}
	for cause, held := range l.holds {
		if !held.over(now) {
			holds[cause] = held.Hold
		}
	}
	return holds
}

// held returns the hold that keeps calls back, the gravest first. A provider that
// asked for a pause is not held back: its tokens wait.
func (l *Live) held() (heldUntil, Cause, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.holds) == 0 {
		return heldUntil{}, "", false
	}
	now := l.fleet.options.Now()
	for _, cause := range [...]Cause{ByOperator, NoEntry, NoQuota} {
		if held, ok := l.holds[cause]; ok && !held.over(now) {
			return held, cause, true
		}
	}
	return heldUntil{}, "", false
}

// heardHold takes over what the fleet says; nil lifts.
func (l *Live) heardHold(cause Cause, hold *Hold) {
	l.mu.Lock()
	if _, ours := l.pending[cause]; ours {
		l.mu.Unlock()
		return // what is heard is older than what we are about to write
	}
	standing, was := l.holds[cause]
	if hold == nil {
		delete(l.holds, cause)
		l.mu.Unlock()
		if was {
			l.gone(cause)
		}
		return
	}
	held := since(*hold, l.fleet.options.Now())
	if was && standing.Hold == *hold {
		held = standing // our own, come back
	}
	l.holds[cause] = held
	l.mu.Unlock()
	l.took(cause, held, was)
}

func (l *Live) took(cause Cause, held heldUntil, before bool) {
	if cause == SlowedDown {
		l.throttle.block(held.until)
	}
	if !before {
		l.fleet.hooks().held(l.name, cause, held.Hold)
	}
	l.fleet.hooks().changed()
}

func (l *Live) gone(cause Cause) {
	if cause == SlowedDown {
		l.throttle.block(l.fleet.options.Now())
	}
	l.fleet.hooks().lifted(l.name, cause)
	l.fleet.hooks().changed()
}

// tidy ends holds whose time is over by our own clock, should the server be away,
// and forgets tokens whose command never called.
func (l *Live) tidy() {
	now, good := l.fleet.options.Now(), l.throttle.Limit().lies()
	var over []Cause
	unused := 0
	l.mu.Lock()
	for cause, held := range l.holds {
		if held.over(now) {
			delete(l.holds, cause)
			over = append(over, cause)
		}
	}
	for id, at := range l.prepaid {
		if lay := now.Sub(at); lay > prepaidFor {
			delete(l.prepaid, id)
			if lay <= good {
				unused++
			}
		}
	}
	l.mu.Unlock()
	for range unused {
		l.throttle.Return()
	}
	for _, cause := range over {
		l.gone(cause)
	}
}

// sync writes holds that began or ended here.
func (l *Live) sync(ctx context.Context) error {
	state := l.fleet.options.State
	for _, cause := range [...]Cause{ByOperator, NoEntry, NoQuota, SlowedDown} {
		l.mu.Lock()
		hold, waits := l.pending[cause]
		l.mu.Unlock()
		if !waits {
			continue
		}
		var err error
		switch {
		case state == nil:
		case hold == nil:
			_, err = state.Delete(ctx, keyHold+l.name+"."+string(cause), 0)
		default:
			_, err = state.Put(ctx, keyHold+l.name+"."+string(cause), encode(hold), hold.lasts())
		}
		if err != nil {
			return err
		}
		l.mu.Lock()
		if l.pending[cause] == hold {
			delete(l.pending, cause)
		}
		l.mu.Unlock()
	}
	return nil
}
