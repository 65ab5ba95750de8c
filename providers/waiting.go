package providers

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

// Asking is one look-up on its way along a route: several questions may follow
// each other, and every call becomes one attempt.
type Asking[P Keyed] struct {
	lookups *Lookups[P]
	id      uuid.UUID
	run     delivery.Run
	// intended is the provider whose call was committed with the claim.
	intended string
	number   int
	last     delivery.Attempt // not journalled yet

	// until bounds the repetitions of a look-up that somebody waits for; zero for
	// a queued command.
	until time.Time
}

// Waiting asks for somebody who waits: nothing is journalled, and what fails is
// tried again in place until budget is spent.
func (l *Lookups[P]) Waiting(budget time.Duration) *Asking[P] {
	return &Asking[P]{lookups: l, id: uuid.New(), until: time.Now().Add(budget)}
}

// Ask puts a question to the route. Whatever another round might mend, the next
// provider may mend now; everything else is definite.
func (a *Asking[P]) Ask(ctx context.Context, pinned string, request P) Found {
	in := a.lookups.route.enter()
	defer in.leave()
	candidates, err := serving(in, pinned, request)
	if err != nil {
		return Found{Err: err}
	}
	if a.intended != "" {
		start := slices.IndexFunc(candidates, func(g *Guard[P]) bool { return g.Name() == a.intended })
		if start < 0 {
			return Found{Err: fault.New(fault.Cancelled, "route", "provider %q has left the route", a.intended)}
		}
		candidates = candidates[start:]
	}
	var found, passed Found
	for i, g := range candidates {
		next, asked := a.one(ctx, g, request, i == len(candidates)-1)
		switch {
		case asked:
			found = next
		case passed.Err == nil:
			passed = next
		}
		if asked && (found.Err == nil || !goesOn(found.Err)) {
			return found
		}
	}
	if found.Provider == "" {
		return passed // nobody was asked: what is in the way of the first choice
	}
	return found
}

// Also puts a further question to one provider of the route.
func (a *Asking[P]) Also(ctx context.Context, provider string, request P) Found {
	in := a.lookups.route.enter()
	defer in.leave()
	g := in.find(provider)
	if g == nil {
		return Found{Err: fault.New(fault.Cancelled, "route", "provider %q has left the route", provider)}
	}
	found, _ := a.one(ctx, g, request, true)
	return found
}

// Attempts are the calls that are not journalled yet: the last one.
func (a *Asking[P]) Attempts() []delivery.Attempt {
	if a.last.Provider == "" {
		return nil
	}
	return []delivery.Attempt{a.last}
}

// one asks one provider: its kept answer, else the provider itself. asked is
// false when it cannot be called now.
func (a *Asking[P]) one(ctx context.Context, g *Guard[P], request P, last bool) (found Found, asked bool) {
	intended := a.intended == g.Name()
	if found, ok := a.lookups.kept(ctx, g, request, false); ok {
		a.lookups.count(g, request, resilience.Hit)
		if intended { // somebody else asked in the meantime; the committed intent ends here
			a.finish(delivery.Attempt{Number: a.number, Provider: g.Name(), Endpoint: FromCache, Outcome: "ok", StartedAt: time.Now()})
		}
		return found, true
	}
	if err := a.admitted(ctx, g, last); err != nil && !intended {
		return Found{Err: err}, false
	}
	a.lookups.count(g, request, resilience.Miss)
	if err := a.begin(ctx, g.Name(), intended); err != nil {
		return Found{Err: err, Provider: g.Name()}, true
	}
	call := Call[P]{ID: a.id, Attempt: a.number, Request: request, Lane: a.lane()}
	got := a.lookups.call(ctx, g, call, func(ctx context.Context, call Call[P]) (Answer, delivery.Attempt, error) {
		if last && !a.until.IsZero() {
			return g.Retry(ctx, call, time.Until(a.until))
		}
		return g.Call(ctx, call)
	})
	a.finish(got.attempt)
	return Found{Result: got.answer.Result, Provider: g.Name(), Err: got.err}, true
}

// admitted returns why a provider cannot be called now. One that asked for a
// moment of peace is given it, rather than an answer that knows less: a queued
// command has the time, and whoever waits has it when nobody else is left.
func (a *Asking[P]) admitted(ctx context.Context, g *Guard[P], last bool) error {
	standing := g.live.Standing()
	if !standing.Ready && brief(standing) && (a.until.IsZero() || last) && pause(ctx, standing.Wait) {
		standing = g.live.Standing()
	}
	if standing.Ready {
		return nil
	}
	g.live.Note(a.id.String(), false, standing.Why)
	return &fault.Error{Reason: standing.Reason, Op: g.Name(), Message: standing.Why, RetryAfter: standing.Wait}
}

// lane is the command's; whoever waits goes first.
func (a *Asking[P]) lane() command.Lane {
	if a.until.IsZero() {
		return a.run.Row.Lane
	}
	return command.High
}

// begin commits the intent of a call, unless the claim has committed it already.
func (a *Asking[P]) begin(ctx context.Context, provider string, intended bool) error {
	if a.run.Journal == nil {
		a.number++
		return nil
	}
	if intended {
		return nil
	}
	number, err := a.run.Journal.Begin(ctx, provider, a.last)
	if err != nil {
		return err
	}
	a.number, a.last = number, delivery.Attempt{}
	return nil
}

func (a *Asking[P]) finish(attempt delivery.Attempt) {
	attempt.Round = a.run.Row.Round + 1
	a.last, a.intended = attempt, ""
}

// brief reports whether what is in the way is over in a moment.
func brief(s resilience.Standing) bool {
	return s.Reason == fault.RateLimited && s.Wait > 0 && s.Wait <= lookupPatience
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// goesOn reports whether the next provider is asked after a failure.
func goesOn(err error) bool {
	reason := fault.Of(err)
	return reason.Rule().Retry && reason != fault.Cancelled
}
