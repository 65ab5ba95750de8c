package handlers

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

const (
	// inPlace is how long a look-up that somebody waits for is tried again.
	inPlace = 2 * time.Second
	// answerWithin is when somebody who waits gets an answer at the latest.
	answerWithin = 8 * time.Second
	// freeWait is the longest wait that a provider may ask of a queued look-up, and
	// freeFor how long such waits may go on. Beyond either the look-up makes do with
	// less.
	freeWait = 30 * time.Second
	freeFor  = 2 * time.Minute
)

// ladder is what remains when every provider of a route has failed: a stale
// answer, then a configured one.
type ladder[P providers.Keyed] struct {
	// lookups returns the route as it is now configured.
	lookups func() *providers.Lookups[P]
	// fallback returns the configured answer of last resort, nil for none.
	fallback func() jsontext.Value
}

// exhausted reports whether a queued look-up that failed is to step down now:
// no round follows, or waiting would hold it back for nothing. An open breaker or
// a used-up quota never does.
func exhausted(cmd *command.Command, run delivery.Run, err error) bool {
	failure := fault.As(err)
	rule := failure.Reason.Rule()
	switch {
	case !rule.Retry || failure.Reason == fault.Cancelled:
		return false // definite, or about this worker
	case run.Last:
		return true
	case !rule.Free:
		return false
	case failure.Reason != fault.RateLimited || failure.RetryAfter > freeWait:
		return true
	}
	asked := cmd.RequestedAt
	if at := cmd.Envelope().SendAt; at.After(asked) {
		asked = at
	}
	return time.Since(asked) > freeFor
}

// step goes down the ladder. It returns found as it is when nothing is left.
func (l ladder[P]) step(ctx context.Context, pinned string, request P, found providers.Found) (_ providers.Found, source string) {
	if stale, ok := l.lookups().Stale(ctx, pinned, request); ok {
		return stale, providers.FromCache
	}
	if value := l.fallback(); value != nil {
		return providers.Found{Result: value}, providers.FromDefault
	}
	return found, ""
}

// read decodes an answer that a driver, or this package, has encoded. A default
// of the configuration may leave things out.
func read[R any](value jsontext.Value) (result R, err error) {
	if err = json.Unmarshal(value, &result); err != nil {
		err = fault.Wrap(fault.Internal, "look-up: read the answer", err)
	}
	return result, err
}

func encoded(result any) (jsontext.Value, error) {
	value, err := json.Marshal(result)
	return value, fault.Wrap(fault.Internal, "look-up: encode the answer", err)
}

// completed is the result of a look-up that has an answer.
func completed(result any, provider string, attempts []delivery.Attempt) delivery.Result {
	value, err := encoded(result)
	if err != nil {
		return delivery.Result{Err: err, Attempts: attempts}
	}
	return delivery.Result{Status: delivery.Completed, Result: value, Provider: provider, Attempts: attempts}
}
