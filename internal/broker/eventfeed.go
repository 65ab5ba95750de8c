package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/command"
)

// EventFeed is a subscriber's place in the event stream: the events of some kinds
// that it has yet to take. It lasts in the server, whoever reads it.
type EventFeed struct{ consumer jetstream.Consumer }

// EventFeedName names the durable consumer of a subscriber on [StreamEvents].
func EventFeedName(subscriber string) string { return "webhook-out-" + subscriber }

const (
	// feedAckWait is longer than any attempt may take.
	feedAckWait = 2 * time.Minute
	// feedWait is how long a fetch waits for the first event.
	feedWait = 2 * time.Second
	// feedPending bounds the events that wait for another attempt; while so many do,
	// no new one is handed out.
	feedPending = 10_000
)

// OpenEventFeed opens the place of a subscriber; a new one begins with what is
// published from now on.
func OpenEventFeed(ctx context.Context, conn *Conn, subscriber string, kinds []command.Kind) (*EventFeed, error) {
	subjects := make([]string, len(kinds))
	for i, kind := range kinds {
		subjects[i] = subjectEvent + string(kind) + ".>"
	}
	consumer, err := conn.js.CreateOrUpdateConsumer(ctx, StreamEvents, jetstream.ConsumerConfig{
		Durable:        EventFeedName(subscriber),
		Description:    "Events to be pushed to webhooks_out." + subscriber,
		FilterSubjects: subjects,
		DeliverPolicy:  jetstream.DeliverNewPolicy,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        feedAckWait,
		MaxDeliver:     unlimited,
		MaxAckPending:  feedPending,
	})
	if err != nil {
		return nil, fmt.Errorf("broker: events for %s: %w", subscriber, err)
	}
	return &EventFeed{consumer}, nil
}

// Fetch returns at most so many events as soon as there is one, none after a few
// seconds without.
func (f *EventFeed) Fetch(ctx context.Context, most int) ([]*FedEvent, error) {
	batch, err := f.consumer.FetchNoWait(most)
	if err != nil {
		return nil, fmt.Errorf("broker: fetch events: %w", err)
	}
	var events []*FedEvent
	for m := range batch.Messages() {
		events = append(events, &FedEvent{m})
	}
	if err := batch.Error(); err != nil && len(events) == 0 {
		return nil, fmt.Errorf("broker: fetch events: %w", err)
	}
	if len(events) > 0 {
		return events, nil
	}
	ctx, cancel := context.WithTimeout(ctx, feedWait)
	defer cancel()
	m, err := f.consumer.Next(jetstream.FetchContext(ctx))
	switch {
	case err == nil:
		return []*FedEvent{{m}}, nil
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, nil
	default:
		return nil, fmt.Errorf("broker: fetch events: %w", err)
	}
}

// Waiting counts the events that were not acknowledged yet.
func (f *EventFeed) Waiting(ctx context.Context) (int, error) {
	info, err := f.consumer.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("broker: waiting events: %w", err)
	}
	return int(info.NumPending) + info.NumAckPending, nil //nolint:gosec // a stream holds fewer
}

// FedEvent is one event of a feed.
type FedEvent struct{ msg jetstream.Msg }

// Body is the CloudEvent.
func (e *FedEvent) Body() []byte { return e.msg.Data() }

// Attempt counts how often the event was handed out, from 1.
func (e *FedEvent) Attempt() int {
	meta, err := e.msg.Metadata()
	if err != nil {
		return 1
	}
	return int(meta.NumDelivered) //nolint:gosec // a handful
}

// Done ends the event: the subscriber took it.
func (e *FedEvent) Done() error { return settled(e.msg.Ack()) }

// Again has the event handed out once more, not before a while has passed.
func (e *FedEvent) Again(after time.Duration) error {
	if after <= 0 {
		return settled(e.msg.Nak())
	}
	return settled(e.msg.NakWithDelay(after))
}

// Drop ends the event without success.
func (e *FedEvent) Drop(why string) error { return settled(e.msg.TermWithReason(oneLine(why, 200))) }

func settled(err error) error {
	if err != nil {
		return fmt.Errorf("broker: settle an event: %w", err)
	}
	return nil
}
