package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/command"
)

// clocksApart is how far the server's clock may be ahead of the database's, which
// says when a row changed: a row is often claimed milliseconds after its message
// was stored.
const clocksApart = time.Minute

// HasMessage reports whether a message may be left that will bring a command
// forward whose row last changed at changed. It errs on the side of true.
//
// A work queue keeps a message until it is settled, so one that was published
// before the oldest that the stream still holds is gone. A schedule is found by
// the command's own subject; one that has fired waits with a due consumer.
func (c *Conn) HasMessage(ctx context.Context, id uuid.UUID, kind command.Kind, lane command.Lane, changed time.Time) (bool, error) {
	fail := func(err error) (bool, error) { return true, fmt.Errorf("broker: message of %s: %w", id, err) }
	commands, err := c.js.Stream(ctx, StreamCommands)
	if err != nil {
		return fail(err)
	}
	if state := commands.CachedInfo().State; state.Msgs > 0 && !state.FirstTime.After(changed.Add(clocksApart)) {
		return true, nil
	}
	scheduled, err := c.js.Stream(ctx, StreamScheduled)
	if err != nil {
		return fail(err)
	}
	_, err = scheduled.GetLastMsgForSubject(ctx, scheduledAt(id))
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fail(err)
	}
	if !kind.Producer() {
		return false, nil
	}
	for _, l := range lanesOf(kind) {
		if l.Shown() != lane {
			continue
		}
		due, err := scheduled.Consumer(ctx, DueConsumerName(kind, l))
		if err != nil {
			return fail(err)
		}
		if info := due.CachedInfo(); info.NumPending > 0 || info.NumAckPending > 0 {
			return true, nil
		}
	}
	return false, nil
}
