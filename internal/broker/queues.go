package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/command"
)

// Queue is what lies in the streams for one lane of a kind.
type Queue struct {
	Kind command.Kind
	Lane command.Lane
	// Pending has not been handed to any worker; InFlight has, and is not settled:
	// it is executed, or waits in a worker or for its next round.
	Pending, InFlight int
	// Oldest is when the oldest of both was published; zero without any.
	Oldest time.Time
}

// Queues looks into the streams of commands and of schedules that are due.
func (c *Conn) Queues(ctx context.Context) ([]Queue, error) {
	var list []Queue
	for _, kind := range command.Kinds() {
		for _, lane := range lanesOf(kind) {
			q := Queue{Kind: kind, Lane: lane.Shown()}
			if n := len(list) - 1; n >= 0 && list[n].Kind == q.Kind && list[n].Lane == q.Lane {
				q, list = list[n], list[:n] // what waits in our own lane is counted with high
			}
			for _, source := range []struct{ stream, consumer, subject string }{
				{StreamCommands, ConsumerName(kind, lane), kind.Subject(lane)},
				{StreamScheduled, DueConsumerName(kind, lane), scheduledDue(kind, lane)},
			} {
				if err := c.look(ctx, source.stream, source.consumer, source.subject, &q); err != nil {
					return nil, fmt.Errorf("broker: queue of %s %s: %w", kind, lane, err)
				}
			}
			list = append(list, q)
		}
	}
	return list, nil
}

func (c *Conn) look(ctx context.Context, stream, consumer, subject string, q *Queue) error {
	found, err := c.js.Consumer(ctx, stream, consumer)
	if err != nil {
		return err
	}
	info := found.CachedInfo()
	q.Pending += int(info.NumPending)
	q.InFlight += info.NumAckPending
	if info.NumPending == 0 && info.NumAckPending == 0 {
		return nil
	}
	// Whatever is settled leaves its stream: the first of the subject is the oldest.
	held, err := c.js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	first, err := held.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(subject))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound): // settled meanwhile
	case err != nil:
		return err
	case q.Oldest.IsZero() || first.Time.Before(q.Oldest):
		q.Oldest = first.Time
	}
	return nil
}
