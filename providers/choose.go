package providers

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

// Choice is which provider a queued command goes to first, and what was reserved
// there for it; or how long to wait, because none can be called now.
type Choice struct {
	// Provider is "" when the command has to wait.
	Provider string
	// Instead is the provider of first choice where it was skipped, for Reason.
	Instead string
	// Wait and Reason say when to come back, and why.
	Wait   time.Duration
	Reason fault.Reason
	// Undo gives back what was reserved and not used; it may be called at any time,
	// also after the call. It is never nil.
	Undo func()
}

const (
	// sendPatience is how long a queued command waits in place for a token, holding
	// nothing but its own slot; after that it comes back later.
	sendPatience = time.Second
	// lookupPatience is the same for a look-up, just before its call.
	lookupPatience = 2 * time.Second
	// closedWait and longestWait bound how long a command stays away while no
	// provider of its route can be called.
	closedWait  = time.Second
	longestWait = time.Minute
)

// Choose takes the first provider that may be called now, for a command that is
// to be sent: the pinned one, else along the route. The probe of a half-open
// breaker and a token of a limited provider are reserved for it.
func (r *Route[P]) Choose(ctx context.Context, id uuid.UUID, pinned string, lane command.Lane) (Choice, error) {
	candidates, err := r.from(pinned)
	if err != nil {
		return Choice{}, err
	}
	first := resilience.Standing{}
	for i, g := range candidates {
		standing := g.live.Reserve(ctx, id, priority(lane), sendPatience)
		if standing.Ready {
			choice := Choice{Provider: g.Name(), Undo: func() { g.live.Release(id) }}
			why := "first choice"
			if i > 0 {
				choice.Instead, choice.Reason = candidates[0].Name(), first.Reason
				why = "instead of " + choice.Instead
			}
			g.live.Note(id.String(), true, why)
			return choice, nil
		}
		g.live.Note(id.String(), false, standing.Why)
		if standing.Reason == fault.RateLimited {
			// Its tokens come back soon; another provider is for failures.
			return Choice{Wait: standing.Wait, Reason: fault.RateLimited, Undo: func() {}}, nil
		}
		if i == 0 || sooner(standing.Wait, first.Wait) {
			reason := standing.Reason
			if i > 0 {
				reason = first.Reason
			}
			first = resilience.Standing{Reason: reason, Wait: standing.Wait}
		}
	}
	wait := min(max(first.Wait, closedWait), longestWait)
	return Choice{Wait: wait + rand.N(wait/4), Reason: first.Reason, Undo: func() {}}, nil
}

// Closed reports whether no provider of the route may be called, so that there
// is no use in taking commands for it. A route without providers is not closed:
// its commands have to be told.
func (r *Route[P]) Closed() bool {
	guards := r.current.Load().guards
	for _, g := range guards {
		if g.Ready() {
			return false
		}
	}
	return len(guards) > 0
}

// sooner reports whether wait a ends before wait b; 0 has no known end.
func sooner(a, b time.Duration) bool { return a > 0 && (b == 0 || a < b) }

// fallback is the provider that is called next after one has failed; nil when
// none is ready.
func fallback[P any](candidates []*Guard[P], id uuid.UUID, failed string, reason fault.Reason) *Guard[P] {
	for _, g := range candidates {
		standing := g.live.Standing()
		if standing.Ready {
			g.live.Note(id.String(), true, failed+" failed: "+string(reason))
			return g
		}
		g.live.Note(id.String(), false, standing.Why)
	}
	return nil
}

// priority is the place of a lane in the line for tokens.
func priority(lane command.Lane) resilience.Priority {
	switch lane {
	case command.Alerts:
		return resilience.Foremost
	case command.High:
		return resilience.Urgent
	case command.Bulk:
		return resilience.Patient
	default:
		return resilience.Usual
	}
}
