// Package resilience holds what protects a provider and us from each other: the
// breaker and, shared by the fleet, its trips.
package resilience

import (
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// BreakerOptions are one provider's breaker settings.
type BreakerOptions struct {
	// Failures in a row that open it; default 5.
	Failures int
	// Cooldown until one probe is let through; default 60 s.
	Cooldown time.Duration
	// Changed is told of every change of state, on a goroutine of the caller's
	// choice: it runs under the breaker's lock and must not call the breaker.
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
// is the failure table's.
type Breaker struct {
	provider string
	options  BreakerOptions
	inner    *gobreaker.TwoStepCircuitBreaker[struct{}]
}

// The ratio rule: a provider that fails half of its calls never fails five times
// in a row for long.
const (
	ratioWindow  = 10 * time.Second
	ratioMinimum = 20
	ratioShare   = 0.5
)

// NewBreaker returns a closed breaker.
func NewBreaker(provider string, options BreakerOptions) *Breaker {
	if options.Failures <= 0 {
		options.Failures = 5
	}
	if options.Cooldown <= 0 {
		options.Cooldown = time.Minute
	}
	b := &Breaker{provider: provider, options: options}
	b.inner = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: provider, MaxRequests: 1, Timeout: options.Cooldown,
		Interval: ratioWindow, BucketPeriod: time.Second,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			if int(c.ConsecutiveFailures) >= options.Failures {
				return true
			}
			return c.Requests >= ratioMinimum && float64(c.TotalFailures) >= ratioShare*float64(c.Requests)
		},
		IsSuccessful: func(err error) bool { return !fault.Of(err).Rule().Breaker },
		// A cancelled call says nothing about the provider: it neither counts nor
		// keeps the probe's place.
		IsExcluded: func(err error) bool { return err != nil && fault.Of(err) == fault.Cancelled },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if options.Changed != nil {
				options.Changed(provider, stateOf(to))
			}
		},
	})
	return b
}

// Allow asks for a call. When it is granted, done must be called with the call's
// error, whatever happens: a probe that never reports would keep the breaker
// half-open for ever.
func (b *Breaker) Allow() (done func(error), err error) {
	done, err = b.inner.Allow()
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, &fault.Error{Reason: fault.CircuitOpen, Op: b.provider, Message: "the breaker is open after repeated failures"}
	}
	return done, err
}

// State returns the state now.
func (b *Breaker) State() State { return stateOf(b.inner.State()) }

func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateOpen:
		return Open
	case gobreaker.StateHalfOpen:
		return HalfOpen
	default:
		return Closed
	}
}
