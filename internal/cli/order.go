package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// order publishes a command about another delivery, the target, and asks for
// both until over says that the target's row is the outcome, or the command
// itself was refused.
func (d *dispatch) order(ctx context.Context, bus Bus, deliveries Deliveries, target uuid.UUID, message Message,
	over func(delivery.View) (bool, error)) error {
	patient, release := outlive(ctx, settling)
	defer release()
	if errs := bus.Publish(patient, []Message{message}); len(errs) > 0 && errs[0] != nil {
		return fmt.Errorf("publish %s for %s: %w", message.Kind, target, errs[0])
	}
	bar := d.p.spinner("waiting for a worker")
	defer bar.end()
	ctx, stop := context.WithTimeoutCause(ctx, d.timeout, errWaited)
	defer stop()
	var row, own delivery.View
	for pause := askFirst; ; pause = min(pause*3/2, askLast) {
		views, err := deliveries.Statuses(ctx, []uuid.UUID{target, message.ID})
		if err != nil && ctx.Err() == nil && !passing(err) {
			return err
		}
		for _, view := range views {
			switch view.ID {
			case target:
				row = view
			case message.ID:
				own = view
			}
		}
		if row.ID != uuid.Nil {
			if done, err := over(row); done {
				bar.end()
				return err
			}
		}
		// Both rows come from one statement, and the worker moves the target first:
		// when the order has ended, the target is seen as it left it.
		switch {
		case own.Status.Final() && !own.Status.Good():
			return fmt.Errorf("%s of %s was refused: %s", message.Kind, target, either(cause(own), string(own.Status)))
		case tooLate(own):
			return fmt.Errorf("too late: %s", d.p.ending(row))
		}
		bar.add(0)
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %s; see publisher status %s",
				whyStopped(context.Cause(ctx), d.timeout), undecided(message, row, own), target)
		case <-time.After(pause):
		}
	}
}

// tooLate reports whether a cancellation says of itself that it changed nothing:
// the target is not final, but may have been sent.
func tooLate(own delivery.View) bool {
	var result struct {
		Outcome string `json:"outcome"`
	}
	return own.Status.Final() && len(own.Result) > 0 && json.Unmarshal(own.Result, &result) == nil && result.Outcome == "too_late"
}

// undecided says where an order stands that has no outcome yet.
func undecided(message Message, row, own delivery.View) string {
	switch {
	case own.ID == uuid.Nil:
		return fmt.Sprintf("%s is published, but no worker has taken it yet", message.Kind)
	case row.ID == uuid.Nil:
		return fmt.Sprintf("%s is taken, and its target is not known", message.Kind)
	case row.Status == delivery.Processing:
		return fmt.Sprintf("%s is taken, but an attempt is being made right now, and it counts only if that fails", message.Kind)
	}
	return fmt.Sprintf("%s is taken, and its target is still %s", message.Kind, underway(row))
}
