package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/command"
)

// Exhausted is a message that the broker no longer hands out, because it was
// handed out so often: it most likely kills whoever takes it. It lies in its
// stream until it is settled; being settled in any way removes it.
type Exhausted struct {
	msg        *jetstream.RawStreamMsg
	stream     string
	deliveries int
	settled    bool
}

// Subject implements the pipeline's message, as do the methods below.
func (e *Exhausted) Subject() string { return e.msg.Subject }

// Body is the payload.
func (e *Exhausted) Body() []byte { return e.msg.Data }

// Headers are the message's own.
func (e *Exhausted) Headers() map[string][]string { return e.msg.Header }

// Deliveries counts how often it was handed out.
func (e *Exhausted) Deliveries() int { return e.deliveries }

// Exhausted tells the pipeline that no further delivery will come.
func (e *Exhausted) Exhausted() bool { return true }

// Source says where the message came from.
func (e *Exhausted) Source() command.Source {
	return sourceOf(e.msg.Header, e.stream, e.msg.Sequence, e.msg.Time)
}

// Ack, Terminate and RetryIn all end it: nobody will be handed it again.
func (e *Exhausted) Ack() { e.settled = true }

// Terminate is Ack.
func (e *Exhausted) Terminate(string) { e.settled = true }

// RetryIn leaves it in the stream; the advisory comes back.
func (e *Exhausted) RetryIn(time.Duration) {}

// CanRetryIn is false: what is to come back must come by a schedule.
func (e *Exhausted) CanRetryIn(time.Duration) bool { return false }

// advisory is the part of a MAX_DELIVERIES advisory that matters.
type advisory struct {
	Stream     string `json:"stream"`
	Sequence   uint64 `json:"stream_seq"`
	Deliveries int    `json:"deliveries"`
}

const (
	advisoryConsumer = "exhausted"
	advisoryRetry    = 10 * time.Second
)

// WatchExhausted gives every message that reached its delivery limit to settle
// until ctx ends, one at a time, and removes what settle has settled. One worker
// of the fleet runs it.
func (c *Conn) WatchExhausted(ctx context.Context, settle func(context.Context, *Exhausted) error) error {
	consumer, err := c.js.CreateOrUpdateConsumer(ctx, StreamAdvisories, jetstream.ConsumerConfig{
		Durable: advisoryConsumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Minute,
		FilterSubject: "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
	})
	if err != nil {
		return fmt.Errorf("broker: advisories: %w", err)
	}
	for ctx.Err() == nil {
		// A fetch that did not know ctx would hold up the end of the worker.
		fetching, stop := context.WithTimeout(ctx, 5*time.Second)
		batch, err := consumer.Fetch(16, jetstream.FetchContext(fetching))
		if err != nil {
			stop()
			_ = sleep(ctx, time.Second) // the loop sees the end of ctx
			continue
		}
		for msg := range batch.Messages() {
			if err := c.exhausted(ctx, msg.Data(), settle); err != nil {
				c.log.Warn("exhausted message not settled; it comes back", zap.Error(err))
				_ = msg.NakWithDelay(advisoryRetry)
				continue
			}
			_ = msg.Ack()
		}
		stop()
	}
	return nil
}

func (c *Conn) exhausted(ctx context.Context, data []byte, settle func(context.Context, *Exhausted) error) error {
	var a advisory
	if err := json.Unmarshal(data, &a); err != nil {
		return nil //nolint:nilerr // not ours to understand
	}
	stream, err := c.js.Stream(ctx, a.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	msg, err := stream.GetMsg(ctx, a.Sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil // settled meanwhile
	}
	if err != nil {
		return err
	}
	e := &Exhausted{msg: msg, stream: a.Stream, deliveries: a.Deliveries}
	if err := settle(ctx, e); err != nil {
		return err
	}
	if !e.settled {
		return fmt.Errorf("broker: message %d of %s was not settled", a.Sequence, a.Stream)
	}
	err = stream.DeleteMsg(ctx, a.Sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, nats.ErrMsgNotFound) {
		return nil
	}
	return err
}
