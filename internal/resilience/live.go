package resilience

import (
	"context"
	"sync"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Live is how one provider stands right now, wherever in the fleet that was
// learned: whether it may be called, and if not, why and for how long.
type Live struct {
	name     string
	fleet    *Fleet
	breaker  *Breaker
	throttle *Throttle
	recent   recent
	choices  choices

	mu         sync.Mutex
	settings   Settings
	configured bool
	holds      map[Cause]heldUntil
	prepaid    map[[16]byte]time.Time // commands that have a token already
	pending    map[Cause]*Hold        // to be written; nil lifts
}

// Settings are what the configuration says about a provider's protection, and
// what it is.
type Settings struct {
	Breaker      BreakerOptions
	Limit        Limit
	Driver, Mode string
}

// Standing says whether a provider may be called.
type Standing struct {
	Ready bool
	// Reason and Why say what is in the way; Wait how long it will be, at least.
	Reason fault.Reason
	Why    string
	Wait   time.Duration
}

// prepaidFor is how long a token that a plan took waits for the call.
const prepaidFor = time.Minute

func newLive(name string, fleet *Fleet) *Live {
	l := &Live{
		name: name, fleet: fleet, holds: map[Cause]heldUntil{}, prepaid: map[[16]byte]time.Time{}, pending: map[Cause]*Hold{},
	}
	l.breaker = newBreaker(name, BreakerOptions{}, fleet)
	l.throttle = newThrottle(name, fleet)
	return l
}

// Configure puts settings into force. Breaker, tokens and holds stand as they do.
func (l *Live) Configure(settings Settings) {
	told := settings.Breaker.Changed
	settings.Breaker.Changed = func(provider string, state State) {
		l.fleet.hooks().breaker(provider, state)
		l.fleet.hooks().changed()
		if told != nil {
			told(provider, state)
		}
	}
	l.mu.Lock()
	l.settings, l.configured = settings, true
	l.mu.Unlock()
	l.breaker.configure(settings.Breaker)
	l.retune()
	l.fleet.tell()
}

// dismiss forgets the settings.
func (l *Live) dismiss() {
	l.mu.Lock()
	l.settings, l.configured = Settings{}, false
	l.mu.Unlock()
	l.throttle.set(Limit{})
}

// retune puts the configured limit into force, or what an operator set over it.
func (l *Live) retune() {
	l.mu.Lock()
	configured := l.settings.Limit
	l.mu.Unlock()
	l.throttle.set(l.fleet.tunedLimit(l.name, configured))
}

func (l *Live) isConfigured() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.configured
}

// Name is the provider's name.
func (l *Live) Name() string { return l.name }

// Breaker is the provider's breaker.
func (l *Live) Breaker() *Breaker { return l.breaker }

// Throttle is the provider's throttle.
func (l *Live) Throttle() *Throttle { return l.throttle }

// Standing reports whether the provider may be called now. A throttle does not
// count: its tokens are waited for.
func (l *Live) Standing() Standing {
	if standing, held := l.heldBack(); held {
		return standing
	}
	if !l.breaker.Ready() {
		why := "the breaker is open"
		if l.breaker.State() == HalfOpen {
			why = probeTaken
		}
		return Standing{Reason: fault.CircuitOpen, Why: why, Wait: l.breaker.Wait()}
	}
	return Standing{Ready: true}
}

// probeTaken is why a half-open breaker refuses.
const probeTaken = "the breaker is half open and another call is the probe"

// heldBack is what is in the way beside the breaker.
func (l *Live) heldBack() (Standing, bool) {
	if held, cause, ok := l.held(); ok {
		standing := Standing{Reason: cause.reason(), Why: cause.says()}
		if !held.until.IsZero() {
			standing.Wait = held.until.Sub(l.fleet.options.Now())
		}
		if held.Note != "" {
			standing.Why += ": " + held.Note
		}
		return standing, true
	}
	if exhausted, wait := l.throttle.Exhausted(); exhausted {
		return Standing{Reason: fault.QuotaExhausted, Why: "today's quota is used up", Wait: wait}, true
	}
	return Standing{}, false
}

// Reserve prepares the call of a command: a probe where the breaker is half-open,
// a token where calls are limited. It waits at most patience. What is reserved is
// used by Admit or given back by Release.
func (l *Live) Reserve(ctx context.Context, id [16]byte, priority Priority, patience time.Duration) Standing {
	if standing := l.Standing(); !standing.Ready {
		return standing
	}
	if !l.breaker.Reserve(ctx) {
		return Standing{Reason: fault.CircuitOpen, Why: probeTaken, Wait: l.breaker.Wait()}
	}
	if !l.throttle.active.Load() {
		return Standing{Ready: true}
	}
	if ok, again := l.throttle.Take(ctx, priority, patience); !ok {
		return Standing{Reason: fault.RateLimited, Why: "the rate limit is reached", Wait: again}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prepaid[id] = l.fleet.options.Now()
	return Standing{Ready: true}
}

// Release gives back what was reserved for a command and not used.
func (l *Live) Release(id [16]byte) {
	if l.usePrepaid(id) {
		l.throttle.Return()
	}
}

// usePrepaid takes the token that was reserved for a command. One that lay too
// long, such as while the database did not answer, is lost: all that lay would be
// used at once, beside what has flowed in since.
func (l *Live) usePrepaid(id [16]byte) bool {
	good := l.throttle.Limit().lies()
	l.mu.Lock()
	defer l.mu.Unlock()
	at, paid := l.prepaid[id]
	delete(l.prepaid, id)
	return paid && l.fleet.options.Now().Sub(at) <= good
}

// Admit asks for the call of a command that follows at once. It waits at most
// patience for a token that was not reserved. When it is granted, done must be
// called once with the call's error and the time it took.
func (l *Live) Admit(ctx context.Context, id [16]byte, priority Priority, patience time.Duration) (done func(error, time.Duration), err error) {
	paid := l.usePrepaid(id)
	refuse := func(err error) (func(error, time.Duration), error) {
		if paid {
			l.throttle.Return()
		}
		return nil, err
	}
	if standing, held := l.heldBack(); held && (!paid || standing.Reason != fault.QuotaExhausted) {
		return refuse(l.refusal(standing))
	}
	judge, err := l.breaker.Allow(ctx)
	if err != nil {
		return refuse(err)
	}
	if !paid {
		if ok, again := l.throttle.Take(ctx, priority, patience); !ok {
			// Nothing was called: for the breaker it is as if nobody had asked.
			judge(fault.New(fault.Cancelled, l.name, "no token"))
			return nil, &fault.Error{Reason: fault.RateLimited, Op: l.name, Message: "our own rate limit is reached", RetryAfter: again}
		}
	}
	return func(err error, took time.Duration) {
		judge(err)
		l.learn(err, took)
	}, nil
}

func (l *Live) refusal(s Standing) error {
	return &fault.Error{Reason: s.Reason, Op: l.name, Message: s.Why, RetryAfter: s.Wait}
}

// learn draws the consequences of a finished call.
func (l *Live) learn(err error, took time.Duration) {
	failure := fault.As(err)
	if failure == nil || failure.Reason != fault.Cancelled {
		l.recent.add(l.fleet.options.Now(), took, counts(failure))
	}
	if failure != nil {
		l.Refused(failure)
	}
}

// Refused draws the consequences of a failure outside of a command's call, such
// as that of a check.
func (l *Live) Refused(failure *fault.Error) {
	if cause, pause, ok := follows(failure); ok {
		l.Hold(cause, Hold{By: l.fleet.options.Worker, ForMS: pause.Milliseconds(), Detail: failure.Code})
	}
}

// counts reports whether a failure speaks against the provider: a refused
// recipient does not.
func counts(failure *fault.Error) (failed bool) {
	return failure != nil && failure.Reason.AgainstProvider()
}
