package providers

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// OnUnknown is what follows when a send left and no answer came. Another
// provider is never tried: the message may be on its way.
type OnUnknown string

// The three policies.
const (
	// Confirm asks the vendor, or waits for its event with our id. What the vendor
	// does not have is an ordinary time-out; what stays open is held.
	Confirm OnUnknown = "confirm"
	// Again sends once more through the same provider under the same Message-ID,
	// and holds when that too stays unanswered.
	Again OnUnknown = "retry"
	// Hold leaves it to a person.
	Hold OnUnknown = "hold"
)

const (
	// confirmFirst is when the vendor is first asked, or its event first looked
	// for; the pause then grows with the time that has passed.
	confirmFirst = 2 * time.Second
	// confirmFor is how long a vendor has to confirm.
	confirmFor = 2 * time.Minute
	// againAfter is the pause before a repetition.
	againAfter = 5 * time.Second
	// againFor is how long it is repeated while the provider does not take it.
	againFor = 30 * time.Second
)

// unsure gives a fresh unknown outcome the time at which it is to be recovered;
// none means that it is held at once.
func (g *Guard[P]) unsure(err error) error {
	failure := fault.As(err)
	if failure == nil || failure.Reason != fault.UnknownOutcome {
		return err
	}
	waiting := *failure
	switch g.options.OnUnknown {
	case Confirm:
		waiting.RetryAfter = confirmFirst
	case Again:
		waiting.RetryAfter = againAfter
	default:
		waiting.RetryAfter = 0
	}
	return &waiting
}

// Recover finishes a message that run.Unsure may have sent, by that provider's
// policy.
func (r *Route[P]) Recover(ctx context.Context, id uuid.UUID, request P, run delivery.Run) Outcome {
	out := Outcome{Provider: run.Unsure}
	if run.Died {
		out.Attempts = []delivery.Attempt{died(run)}
	}
	in := r.enter()
	defer in.leave()
	candidates, err := in.from(run.Unsure)
	if err != nil {
		out.Err = fault.New(fault.UnknownOutcome, run.Unsure, "it may have been sent, and the provider has left the route")
		return out
	}
	guard := candidates[0]
	call := Call[P]{ID: id, Attempt: run.Row.Attempts, Request: request}
	switch {
	case guard.options.OnUnknown == Confirm:
		out.Answer, out.Err = guard.confirm(ctx, call, time.Since(run.UnsureSince))
	case guard.options.OnUnknown == Again && run.Row.DeadIntents < 2:
		return guard.again(ctx, call, run, out)
	default:
		out.Err = fault.New(fault.UnknownOutcome, run.Unsure, "it may have been sent; a person has to find out")
	}
	return out
}

// confirm asks the vendor. One that cannot be asked reports by itself: its event
// settles the row, and until then, or until the time is up, it is waited for.
func (g *Guard[P]) confirm(ctx context.Context, call Call[P], waited time.Duration) (Answer, error) {
	if confirmer, ok := g.provider.(Confirmer[P]); ok {
		ctx, cancel := context.WithTimeout(ctx, g.options.Timeout)
		defer cancel()
		ctx, exchange := WithExchange(ctx)
		started := time.Now()
		answer, err := confirmer.Confirm(ctx, call)
		if g.options.Observer != nil {
			g.options.Observer.Called(ctx, Report{
				Provider: g.Name(), CommandID: call.ID, Attempt: call.Attempt, Mock: g.options.Mock,
				Started: started, Took: time.Since(started), Exchange: exchange, Err: err,
			})
		}
		switch {
		case err == nil:
			return answer, nil
		case fault.Of(err) == fault.NotFound && waited >= confirmFirst:
			return Answer{}, fault.New(fault.Timeout, g.Name(), "no answer came, and the provider does not have the message")
		}
	}
	failure := fault.New(fault.UnknownOutcome, g.Name(), "no answer came; waiting for the provider to confirm")
	if waited >= confirmFor {
		failure.Message = "no answer came, and the provider did not confirm"
		return Answer{}, failure
	}
	failure.RetryAfter = min(max(waited/2, confirmFirst), confirmFor-waited+time.Second)
	return Answer{}, failure
}

// again sends once more, when the provider may be called. The intent is committed
// first, and with it the attempt of a worker that died.
func (g *Guard[P]) again(ctx context.Context, call Call[P], run delivery.Run, out Outcome) Outcome {
	waited := time.Since(run.UnsureSince)
	if s := g.live.Standing(); !s.Ready {
		out.Err = g.unanswered(&fault.Error{Reason: s.Reason, RetryAfter: s.Wait}, waited)
		return out
	}
	var done delivery.Attempt
	if len(out.Attempts) > 0 {
		done = out.Attempts[0]
	}
	number, err := run.Journal.Begin(ctx, g.Name(), done)
	if err != nil {
		return Outcome{Provider: g.Name(), Err: err}
	}
	call.Attempt = number
	answer, attempt, err := g.Call(ctx, call)
	attempt.Round = run.Row.Round + 1
	return Outcome{Answer: answer, Provider: g.Name(), Attempts: []delivery.Attempt{attempt}, Err: g.unanswered(err, waited)}
}

// unanswered keeps an outcome unknown when the repetition did not leave: that says
// nothing of the first call, and as an ordinary failure it would bring the message
// to the next provider. What was not let through waits, what failed is tried for
// half a minute; then a person decides.
func (g *Guard[P]) unanswered(err error, waited time.Duration) error {
	failure := fault.As(err)
	if failure == nil || !failure.Reason.Rule().Retry {
		return err
	}
	unknown := fault.New(fault.UnknownOutcome, g.Name(), "no answer came, and it could not be sent again: %s", failure.Reason)
	if failure.Reason.Rule().Free || waited < againFor {
		unknown.RetryAfter = max(failure.RetryAfter, againAfter)
	}
	return unknown
}

// died is the attempt of a worker that did not live to record it.
func died(run delivery.Run) delivery.Attempt {
	return delivery.Attempt{
		Number: run.Row.Attempts, Round: run.Row.Round + 1, Provider: run.Unsure, Endpoint: "unknown",
		Outcome: "unknown", Reason: fault.UnknownOutcome, StartedAt: run.UnsureSince,
	}
}
