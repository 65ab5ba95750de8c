package handlers

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Business executes business.verify.
type Business struct {
	ladder[providers.Company]
	options BusinessOptions
}

// BusinessOptions are what a verification has beside its route.
type BusinessOptions struct {
	// Fallback returns the configured answer of last resort, nil for none.
	Fallback func() jsontext.Value
	// Register returns the provider whose register decides whether a company is
	// active (the National Tax Service), "" when the route has none.
	Register func() string
	// Manual are the answers that people entered.
	Manual ManualEntries
	// Trouble is told when an answer could not be compared with them.
	Trouble func(ctx context.Context, err error)
}

// NewBusiness returns the handler of business.verify.
func NewBusiness(lookups func() *providers.Lookups[providers.Company], options BusinessOptions) *Business {
	return &Business{ladder: ladder[providers.Company]{lookups: lookups, fallback: options.Fallback}, options: options}
}

// Plan ends a verification whose answer is kept whole; else it chooses the first
// provider that is ready. A verification never waits for one.
func (h *Business) Plan(ctx context.Context, cmd *command.Command) delivery.Plan {
	v := h.verification(cmd.Payload.(*command.Business))
	provider, found, err := h.lookups().Plan(ctx, v.pinned, v.request)
	if err != nil || found.Provider == "" {
		return delivery.Plan{Provider: provider} // Handle reports the error
	}
	if v.take(found); v.further != "" {
		more, ok := h.lookups().Fresh(ctx, v.further, v.request)
		if !ok {
			return delivery.Plan{}
		}
		h.lookups().Hit(more, v.request)
		v.add(more)
	}
	h.lookups().Hit(found, v.request)
	end := v.done(nil)
	return delivery.Plan{End: &end}
}

// Handle asks along the route, then the register that decides. When no provider
// has an answer, a kept or a configured one serves, and at last a person.
func (h *Business) Handle(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	v := h.verification(cmd.Payload.(*command.Business))
	asking := h.lookups().Queued(cmd.ID, run)
	v.take(asking.Ask(ctx, v.pinned, v.request))
	if v.further != "" {
		more := asking.Also(ctx, v.further, v.request)
		if more.Err != nil && fault.Of(more.Err).Rule().Retry && !exhausted(cmd, run, more.Err) {
			// The answer so far is kept: the next round asks for the rest alone.
			return delivery.Result{Err: more.Err, Provider: more.Provider, Attempts: asking.Attempts()}
		}
		v.add(more)
	}
	if v.err != nil && exhausted(cmd, run, v.err) {
		h.lastResort(ctx, v)
		if v.err != nil {
			return v.review(asking.Attempts())
		}
	}
	h.compare(ctx, v)
	return v.done(asking.Attempts())
}

// Recover asks again: that is harmless.
func (h *Business) Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	return h.Handle(ctx, cmd, run)
}

// Answer verifies for somebody who waits.
func (h *Business) Answer(ctx context.Context, body *command.Business) (jsontext.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	v := h.verification(body)
	asking := h.lookups().Waiting(inPlace)
	v.take(asking.Ask(ctx, v.pinned, v.request))
	if v.further != "" {
		v.add(asking.Also(ctx, v.further, v.request))
	}
	if v.err != nil && fault.Of(v.err).Rule().Retry {
		h.lastResort(context.WithoutCancel(ctx), v)
	}
	h.compare(ctx, v)
	result := v.done(nil)
	return result.Result, result.Err
}

// Review returns what a person is to find out when [Business.Answer] has failed
// with err; nil where the question is at fault, or where asking again soon helps.
func (h *Business) Review(body *command.Business, err error) (question jsontext.Value, failed error) {
	reason := fault.Of(err)
	if !reason.Rule().Retry || reason == fault.RateLimited || reason == fault.Cancelled {
		return nil, nil
	}
	return h.verification(body).question()
}

// lastResort replaces a failure by what is kept or configured.
func (h *Business) lastResort(ctx context.Context, v *verification) {
	found, source := h.step(ctx, v.pinned, v.request, providers.Found{Err: v.err, Provider: v.provider})
	if v.take(found); source == providers.FromDefault {
		v.byDefault()
		return
	}
	if v.further != "" {
		if more, ok := h.lookups().Stale(ctx, v.further, v.request); ok {
			v.add(more)
		}
	}
}
