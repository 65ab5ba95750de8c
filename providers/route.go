package providers

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Route is the order in which the providers of one kind are tried. It may be
// changed while it is used: a call ends with the providers it began with.
type Route[P any] struct {
	current atomic.Pointer[roster[P]]
}

// NewRoute returns a route over guards, first choice first.
func NewRoute[P any](guards ...*Guard[P]) *Route[P] {
	r := new(Route[P])
	r.current.Store(newRoster(guards))
	return r
}

// Replace puts other guards into force, first choice first, with their settings.
// The returned channel is closed when no call uses those before any more.
func (r *Route[P]) Replace(guards ...*Guard[P]) (unused <-chan struct{}) {
	for _, g := range guards {
		g.enforce()
	}
	before := r.current.Swap(newRoster(guards))
	before.replace()
	return before.unused
}

// enter returns the roster in force, with the caller counted in it until leave.
func (r *Route[P]) enter() *roster[P] {
	for {
		if current := r.current.Load(); current.enter() {
			return current
		}
	}
}

// Check asks a provider's driver whether it is usable.
func (r *Route[P]) Check(ctx context.Context, provider string) error {
	in := r.enter()
	defer in.leave()
	g := in.find(provider)
	if g == nil {
		return fault.New(fault.Cancelled, "route", "provider %q has left the route", provider)
	}
	return g.Check(ctx)
}

// Outcome is what a route made of one round.
type Outcome struct {
	Answer   Answer
	Provider string
	// Attempts holds the last call, which the caller records; earlier ones are
	// journalled already. Empty when no call was made.
	Attempts []delivery.Attempt
	Err      error
}

// Plan chooses the provider of the first call: the pinned one, else the first
// that is ready. It is "" when none is ready.
func (r *Route[P]) Plan(pinned string) (string, error) {
	candidates, err := r.from(pinned)
	if err != nil {
		return "", err
	}
	for _, g := range candidates {
		if g.Ready() {
			return g.Name(), nil
		}
	}
	return "", nil
}

// Names lists the providers that may be called, first choice first: the pinned one
// alone, or all. Its error is that of Plan.
func (r *Route[P]) Names(pinned string) ([]string, error) {
	candidates, err := r.from(pinned)
	names := make([]string, len(candidates))
	for i, g := range candidates {
		names[i] = g.Name()
	}
	return names, err
}

// Do makes the calls of one round: run.Provider first, then, where the failure
// table says so, the ready ones after it. The intent of each further call is
// committed through the journal before it is made.
func (r *Route[P]) Do(ctx context.Context, id uuid.UUID, pinned string, request P, run delivery.Run) Outcome {
	in := r.enter()
	defer in.leave()
	candidates, err := in.from(pinned)
	if err != nil {
		return Outcome{Err: err}
	}
	start := slices.IndexFunc(candidates, func(g *Guard[P]) bool { return g.Name() == run.Provider })
	if start < 0 {
		// The route was changed between plan and call; the next round plans anew.
		return Outcome{Err: fault.New(fault.Cancelled, "route", "provider %q has left the route", run.Provider)}
	}
	guard, candidates := candidates[start], candidates[start+1:]
	for number := run.Row.Attempts; ; {
		answer, attempt, err := guard.Call(ctx, Call[P]{ID: id, Attempt: number, Request: request, Lane: run.Row.Lane})
		attempt.Round = run.Row.Round + 1
		if err == nil || !fault.Of(err).Rule().Failover {
			return Outcome{Answer: answer, Provider: guard.Name(), Attempts: []delivery.Attempt{attempt}, Err: guard.unsure(err)}
		}
		next := fallback(candidates, id, guard.Name(), fault.Of(err))
		if next == nil {
			return Outcome{Answer: answer, Provider: guard.Name(), Attempts: []delivery.Attempt{attempt}, Err: guard.unsure(err)}
		}
		if number, err = run.Journal.Begin(ctx, next.Name(), attempt); err != nil {
			return Outcome{Provider: guard.Name(), Err: err}
		}
		guard, candidates = next, candidates[slices.Index(candidates, next)+1:]
	}
}

// from lists the providers to try: the pinned one alone, or all.
func (r *Route[P]) from(pinned string) ([]*Guard[P], error) { return r.current.Load().from(pinned) }
