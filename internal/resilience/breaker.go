// Package resilience holds what protects a provider and us from each other, in
// one worker and across the fleet: breakers whose trips are shared, throttles
// that draw on one bucket, holds by operators, and the cache of answers.
//
//	Fleet ── what the workers tell each other, over a SharedState
//	  └─ Live, one for each provider: may it be called now, and if not, why
//	       ├─ Breaker    trips here, open everywhere, one probe in the fleet
//	       ├─ Throttle   tokens of the shared bucket, urgent commands first
//	       └─ holds      paused, out of quota, not authorised
package resilience

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/sony/gobreaker/v2"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// BreakerOptions are one provider's breaker settings.
type BreakerOptions struct {
	// Failures in a row that open it; default 5.
	Failures int
	// Cooldown until one probe is let through; default 60 s.
	Cooldown time.Duration
	// ProbeFor is the longest that a probe takes: the time-out of a call. After
	// that a probe whose worker died is another's to make. Default 30 s.
	ProbeFor time.Duration
	// Changed is told of every change of state that this worker sees, on the
	// goroutine that made or noticed it. It must not call the breaker.
	Changed func(provider string, state State)
}

// State is a breaker's state.
type State string

// The three states.
const (
	Closed   State = "closed"
	HalfOpen State = "half_open"
	Open     State = "open"
)

// Breaker stops calls to a provider that keeps failing. What counts as a failure
// is the failure table's; a gobreaker counts. Within a fleet the trip of one
// worker opens the breaker of all, and one worker makes the probe for all.
//
//	closed ── failures ──► open ── cooldown ──► half open ── probe succeeds ──► closed
//	                        ▲                       │
//	                        └──── probe fails ──────┘
type Breaker struct {
	provider string
	fleet    *Fleet // nil: this worker alone

	mu         sync.Mutex
	options    BreakerOptions
	inner      *gobreaker.TwoStepCircuitBreaker[struct{}] // counts while closed
	generation int                                        // of inner: a trip of an earlier one is no trip
	trip       *tripRecord                                // nil while closed
	gate       *gateRecord                                // nil once a probe may be made
	gateUntil  time.Time                                  // by our clock, should the server be away
	probe      *probe                                     // reserved or under way in this worker
	seeking    bool
	unanswered time.Time // since when nobody has answered who asks for the probe
	told       State     // what Changed was told last
	share      shareTask
}

// probe is the permission to make the one call that decides.
type probe struct {
	revision uint64 // of the gate; 0 when it was taken without the server
	until    time.Time
	calling  bool
}

// The ratio rule: a provider that fails half of its calls never fails five times
// in a row for long.
const (
	ratioWindow  = 10 * time.Second
	ratioMinimum = 20
	ratioShare   = 0.5
)

const (
	// reservedFor is how long a probe waits for the command it was reserved for.
	reservedFor = 5 * time.Second
	// seekAgain is the pause after somebody else was found probing.
	seekAgain = 250 * time.Millisecond
)

// NewBreaker returns a closed breaker of this worker alone.
func NewBreaker(provider string, options BreakerOptions) *Breaker {
	return newBreaker(provider, options, nil)
}

func newBreaker(provider string, options BreakerOptions, fleet *Fleet) *Breaker {
	b := &Breaker{provider: provider, fleet: fleet, told: Closed}
	b.configure(options)
	return b
}

// configure puts options into force. The state stands; only counting begins anew
// when the rule has changed.
func (b *Breaker) configure(options BreakerOptions) {
	if options.Failures <= 0 {
		options.Failures = 5
	}
	if options.Cooldown <= 0 {
		options.Cooldown = time.Minute
	}
	if options.ProbeFor <= 0 {
		options.ProbeFor = 30 * time.Second
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	same := b.inner != nil && b.options.Failures == options.Failures
	b.options = options
	if !same {
		b.renew()
	}
}

// renew begins to count afresh. The lock is held.
func (b *Breaker) renew() {
	b.generation++
	generation, failures := b.generation, b.options.Failures
	b.inner = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: b.provider, MaxRequests: 1, Timeout: time.Hour, // its own half-open state is never reached
		Interval: ratioWindow, BucketPeriod: time.Second,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			if int(c.ConsecutiveFailures) >= failures {
				return true
			}
			return c.Requests >= ratioMinimum && float64(c.TotalFailures) >= ratioShare*float64(c.Requests)
		},
		IsSuccessful: func(err error) bool { return !fault.Of(err).Rule().Breaker },
		IsExcluded:   excluded,
		// It runs under the lock of inner, which is never called with ours held.
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.tripped(generation)
			}
		},
	})
}

// excluded: a cancelled call says nothing about the provider.
func excluded(err error) bool { return err != nil && fault.Of(err) == fault.Cancelled }

// Allow asks for a call. When it is granted, done must be called once with the
// call's error, whatever happens: a probe that never reports would keep the
// breaker half-open until its lease has run out.
func (b *Breaker) Allow(ctx context.Context) (done func(error), err error) {
	b.mu.Lock()
	if b.trip == nil {
		inner := b.inner
		b.mu.Unlock()
		done, err = inner.Allow()
		if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
			return nil, b.refusal() // it trips at this very moment
		}
		return done, err
	}
	b.mu.Unlock()
	if !b.Reserve(ctx) {
		return nil, b.refusal()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.probe
	switch {
	case b.trip == nil: // closed meanwhile
		return b.inner.Allow()
	case p == nil || p.calling:
		return nil, b.refused()
	}
	p.calling = true
	return func(err error) { b.probed(p, err) }, nil
}

// Reserve reports whether a call would be let through, and keeps the probe for
// it when the breaker is half-open. What is reserved and not used falls back.
func (b *Breaker) Reserve(ctx context.Context) bool {
	b.mu.Lock()
	now := b.now()
	switch {
	case b.trip == nil:
		b.mu.Unlock()
		return true
	case b.probe != nil:
		free := !b.probe.calling && now.Before(b.probe.until)
		b.mu.Unlock()
		return free
	case b.seeking || b.gate != nil && now.Before(b.gateUntil):
		b.mu.Unlock()
		return false
	}
	b.seeking = true
	id, probeFor := b.trip.ID, b.options.ProbeFor
	b.mu.Unlock()

	revision, won := b.seek(ctx, probeFor)

	b.mu.Lock()
	defer b.note()
	defer b.mu.Unlock()
	b.seeking = false
	switch {
	case b.trip == nil:
		return true
	case !won:
		b.gateUntil = b.now().Add(seekAgain)
		if b.gate == nil {
			b.gate = &gateRecord{}
		}
		return false
	case b.trip.ID != id: // tripped anew while we asked
		b.later(shareTask{release: revision})
		return false
	}
	b.probe = &probe{revision: revision, until: b.now().Add(reservedFor)}
	return true
}

// Ready reports whether a call would be let through, without asking anybody.
func (b *Breaker) Ready() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	switch {
	case b.trip == nil:
		return true
	case b.probe != nil:
		return !b.probe.calling && now.Before(b.probe.until)
	default:
		return !b.seeking && (b.gate == nil || !now.Before(b.gateUntil))
	}
}

// State returns the state now.
func (b *Breaker) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state()
}

// state is State; the lock is held.
func (b *Breaker) state() State {
	switch {
	case b.trip == nil:
		return Closed
	case b.gate != nil && b.gate.Probes == "" && b.now().Before(b.gateUntil):
		return Open
	default:
		return HalfOpen
	}
}

// Wait is how long the breaker will stay as it is, at least; 0 when a call may be
// tried.
func (b *Breaker) Wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wait()
}

func (b *Breaker) wait() time.Duration {
	if b.trip == nil || b.gate == nil {
		return 0
	}
	return max(0, b.gateUntil.Sub(b.now()))
}

func (b *Breaker) refusal() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused()
}

func (b *Breaker) refused() error {
	return &fault.Error{
		Reason: fault.CircuitOpen, Op: b.provider, RetryAfter: b.wait(), Message: "the breaker is open after repeated failures",
	}
}

// tripped opens the breaker because of what inner has counted.
func (b *Breaker) tripped(generation int) {
	b.mu.Lock()
	if generation != b.generation || b.trip != nil {
		b.mu.Unlock()
		return
	}
	b.open("failures")
	b.mu.Unlock()
	b.note()
	if b.fleet != nil {
		b.fleet.hooks().tripped(b.provider)
	}
}

// open begins a cooldown here and has it shared. The lock is held.
func (b *Breaker) open(reason string) {
	worker := ""
	if b.fleet != nil {
		worker = b.fleet.options.Worker
	}
	cooldown := b.options.Cooldown
	b.trip = &tripRecord{
		ID: uuid.NewString(), Worker: worker, CooldownMS: cooldown.Milliseconds(), Since: b.now().UTC(), Reason: reason,
	}
	b.gate = &gateRecord{ForMS: cooldown.Milliseconds(), ID: b.trip.ID}
	b.gateUntil, b.probe, b.unanswered = b.now().Add(cooldown), nil, time.Time{}
	b.later(shareTask{trip: b.trip, gate: b.gate})
}

// probed judges the one call. A cancelled one leaves the decision to the next.
func (b *Breaker) probed(p *probe, err error) {
	defer b.note()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.probe != p {
		return // decided elsewhere, or by an operator
	}
	b.probe = nil
	switch {
	case excluded(err):
		b.gate = nil
		b.later(shareTask{release: p.revision})
	case fault.Of(err).Rule().Breaker:
		b.open("probe failed")
	default:
		b.close()
		b.later(shareTask{closed: true})
	}
}

// close forgets the trip. The lock is held.
func (b *Breaker) close() {
	b.trip, b.gate, b.probe, b.unanswered = nil, nil, nil, time.Time{}
	b.renew()
}

// note tells of a change of state, outside all locks.
func (b *Breaker) note() {
	b.mu.Lock()
	state, changed := b.state(), b.options.Changed
	same := state == b.told
	b.told = state
	b.mu.Unlock()
	if !same && changed != nil {
		changed(b.provider, state)
	}
}

func (b *Breaker) now() time.Time {
	if b.fleet == nil {
		return time.Now()
	}
	return b.fleet.options.Now()
}
