package providers

import (
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

// Lookups is a route whose answers are kept. Each provider's answer is kept by
// itself: a question goes to the first provider that has a fresh answer or can be
// called, and on to the next one only when that fails.
type Lookups[P Keyed] struct {
	route   *Route[P]
	cache   *resilience.Cache
	lives   func(provider, call string) Lives
	flights resilience.Flights[flown]
}

// Lives are how long a provider's answers to one call are kept.
type Lives struct {
	TTL      time.Duration // fresh
	Stale    time.Duration // beyond that, when every provider fails
	Negative time.Duration // fresh, when the answer says no
}

// Found is what a look-up came to.
type Found struct {
	// Result is the answer as its provider gave it, whoever keeps it now.
	Result   jsontext.Value
	Provider string
	// Cached and Stale say that nobody was called for it.
	Cached, Stale bool
	Err           error
}

// flown is one call and its attempt, as callers who wanted the same share it.
type flown struct {
	answer  Answer
	attempt delivery.Attempt
	err     error
}

// NewLookups keeps the answers of a route in cache, for as long as lives says.
func NewLookups[P Keyed](route *Route[P], cache *resilience.Cache, lives func(provider, call string) Lives) *Lookups[P] {
	return &Lookups[P]{route: route, cache: cache, lives: lives}
}

// Plan says who would be asked first: a provider to call, or one whose fresh
// answer is found. Neither when no provider can be called now.
func (l *Lookups[P]) Plan(ctx context.Context, pinned string, request P) (provider string, found Found, err error) {
	candidates, err := serving(l.roster(), pinned, request)
	if err != nil {
		return "", Found{}, err
	}
	for _, g := range candidates {
		if found, ok := l.kept(ctx, g, request, false); ok {
			return "", found, nil
		}
		if standing := g.live.Standing(); standing.Ready || brief(standing) {
			return g.Name(), Found{}, nil
		}
	}
	return "", Found{}, nil
}

// Stale finds an answer that is no longer fresh, for when every provider has
// failed.
func (l *Lookups[P]) Stale(ctx context.Context, pinned string, request P) (Found, bool) {
	candidates, err := serving(l.roster(), pinned, request)
	if err != nil {
		return Found{}, false
	}
	for _, g := range candidates {
		if found, ok := l.kept(ctx, g, request, true); ok {
			l.count(g, request, resilience.Stale)
			return found, true
		}
	}
	return Found{}, false
}

// Fresh finds one provider's fresh answer.
func (l *Lookups[P]) Fresh(ctx context.Context, provider string, request P) (Found, bool) {
	if g := l.roster().find(provider); g != nil && serves(g, request) {
		return l.kept(ctx, g, request, false)
	}
	return Found{}, false
}

// Hit counts an answer that Plan or Fresh found and that is used.
func (l *Lookups[P]) Hit(found Found, request P) {
	if g := l.roster().find(found.Provider); g != nil {
		l.count(g, request, resilience.Hit)
	}
}

// Serves reports whether a provider is in the route and can answer request.
func (l *Lookups[P]) Serves(provider string, request P) bool {
	g := l.roster().find(provider)
	return g != nil && serves(g, request)
}

// kept looks an answer up, fresh or else, when stale is asked for, in its stale
// window. An entry that became fresh meanwhile serves both.
func (l *Lookups[P]) kept(ctx context.Context, g *Guard[P], request P, stale bool) (Found, bool) {
	entry, ok := l.cache.Get(ctx, keyOf(g, request))
	fresh := ok && entry.Fresh(l.cache.Now())
	if !ok || !fresh && !stale {
		return Found{}, false
	}
	return Found{Result: entry.Value, Provider: g.Name(), Cached: true, Stale: !fresh}, true
}

// call makes one call, which callers who ask the same meanwhile share, and keeps
// its answer. Everyone gets an attempt of their own.
func (l *Lookups[P]) call(ctx context.Context, g *Guard[P], call Call[P], do func(context.Context, Call[P]) (Answer, delivery.Attempt, error)) flown {
	key := keyOf(g, call.Request)
	got, _, err := l.flights.Do(ctx, key, func() (flown, bool) {
		ticket := l.cache.Ticket()
		answer, attempt, err := do(ctx, call)
		if err == nil {
			l.keep(ctx, ticket, g, call.Request, answer.Result)
		}
		return flown{answer, attempt, err}, fault.Of(err) != fault.Cancelled
	})
	if err != nil {
		got.err = fault.As(err)
		got.attempt = delivery.Attempt{Provider: g.Name(), Endpoint: "shared", Outcome: "failed", Reason: fault.Of(err), StartedAt: time.Now()}
	}
	got.attempt.Number = call.Attempt
	return got
}

func (l *Lookups[P]) keep(ctx context.Context, ticket resilience.Ticket, g *Guard[P], request P, result jsontext.Value) {
	name, _, _ := request.Question()
	lives := l.lives(g.Name(), name)
	life := resilience.Life{TTL: lives.TTL, Stale: lives.Stale}
	if request.Negative(result) {
		life.TTL = min(lives.TTL, lives.Negative)
	}
	l.cache.Put(ctx, ticket, keyOf(g, request), result, life)
}

// keyOf is the key of a provider's answer. What the simulator made up stands apart:
// once the provider is live it must answer nothing.
func keyOf[P Keyed](g *Guard[P], request P) string {
	key := CacheKey(g.Name(), request)
	if g.options.Mock {
		key += "-mock"
	}
	return key
}

func (l *Lookups[P]) count(g *Guard[P], request P, result string) {
	call, _, _ := request.Question()
	l.cache.Count(g.Name()+"."+call, result)
}

func (l *Lookups[P]) roster() *roster[P] { return l.route.current.Load() }

// serving lists the providers to ask: the pinned one alone, or those that can
// answer the request. Where none can, the first says what it misses.
func serving[P Keyed](in *roster[P], pinned string, request P) ([]*Guard[P], error) {
	candidates, err := in.from(pinned)
	if err != nil || pinned != "" {
		return candidates, err
	}
	able := slices.DeleteFunc(slices.Clone(candidates), func(g *Guard[P]) bool { return !serves(g, request) })
	if len(able) == 0 {
		return candidates[:1], nil
	}
	return able, nil
}

func serves[P any](g *Guard[P], request P) bool {
	selective, ok := g.provider.(Selective[P])
	return !ok || selective.Serves(request)
}

// Queued asks for a queued command: the intent of every call is committed before
// it is made, and a failure is tried again by a later round.
func (l *Lookups[P]) Queued(id uuid.UUID, run delivery.Run) *Asking[P] {
	return &Asking[P]{lookups: l, id: id, run: run, intended: run.Provider, number: run.Row.Attempts}
}
