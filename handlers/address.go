package handlers

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Address executes address.search.
type Address struct{ ladder[providers.Address] }

// NewAddress returns the handler of address.search. fallback is the configured
// answer of last resort, nil for none.
func NewAddress(lookups func() *providers.Lookups[providers.Address], fallback func() jsontext.Value) *Address {
	return &Address{ladder[providers.Address]{lookups: lookups, fallback: fallback}}
}

// Plan ends a search whose answer is kept; else it chooses the first provider
// that is ready. A search never waits for one.
func (h *Address) Plan(ctx context.Context, cmd *command.Command) delivery.Plan {
	body := cmd.Payload.(*command.Address)
	provider, found, err := h.lookups().Plan(ctx, body.Provider, addressOf(body))
	if err != nil || found.Provider == "" {
		return delivery.Plan{Provider: provider} // Handle reports the error
	}
	h.lookups().Hit(found, addressOf(body))
	end := h.result(found, providers.FromCache, nil)
	return delivery.Plan{End: &end}
}

// Handle searches along the route.
func (h *Address) Handle(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	body := cmd.Payload.(*command.Address)
	asking := h.lookups().Queued(cmd.ID, run)
	found := asking.Ask(ctx, body.Provider, addressOf(body))
	failure, source := found.Err, ""
	if found.Cached {
		source = providers.FromCache
	}
	if failure != nil && exhausted(cmd, run, failure) {
		found, source = h.step(ctx, body.Provider, addressOf(body), found)
	}
	result := h.result(found, source, asking.Attempts())
	if found.Err != nil && exhausted(cmd, run, failure) {
		result.Status = delivery.Ends(fault.Of(failure))
	}
	return result
}

// Recover searches again: that is harmless.
func (h *Address) Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	return h.Handle(ctx, cmd, run)
}

// Answer searches for somebody who waits.
func (h *Address) Answer(ctx context.Context, body *command.Address) (jsontext.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	found := h.lookups().Waiting(inPlace).Ask(ctx, body.Provider, addressOf(body))
	source := ""
	if found.Cached {
		source = providers.FromCache
	}
	if found.Err != nil && fault.Of(found.Err).Rule().Retry {
		found, source = h.step(context.WithoutCancel(ctx), body.Provider, addressOf(body), found)
	}
	result := h.result(found, source, nil)
	return result.Result, result.Err
}

func (h *Address) result(found providers.Found, source string, attempts []delivery.Attempt) delivery.Result {
	if found.Err != nil {
		return delivery.Result{Err: found.Err, Provider: found.Provider, Attempts: attempts}
	}
	result, err := read[providers.AddressResult](found.Result)
	if err != nil {
		return delivery.Result{Err: err, Attempts: attempts}
	}
	provider := found.Provider
	if source != "" {
		result.Mark(source, found.Stale)
		provider = ""
	}
	if source == providers.FromDefault {
		result.AsOf, result.Page = time.Now().UTC().Truncate(time.Second), max(result.Page, 1)
		result.Items = append([]providers.AddressItem{}, result.Items...)
	}
	return completed(result, provider, attempts)
}

func addressOf(body *command.Address) providers.Address {
	return providers.Address{Keyword: body.Keyword, Page: body.Page, Size: body.Size, English: body.English}
}
