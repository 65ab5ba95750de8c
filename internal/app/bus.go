package app

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/telemetry"
	"github.com/gangwon-portal/gangway/outbox"
)

// natsBus publishes commands straight to their stream.
type natsBus struct {
	publisher *broker.Publisher
	tracing   *telemetry.Tracing // nil for none
}

// Publish implements [cli.Bus].
func (b natsBus) Publish(ctx context.Context, messages []cli.Message) []error {
	outgoing := make([]broker.Outgoing, len(messages))
	sent := sends(b.tracing, messages)
	for i, m := range messages {
		headers := map[string][]string{}
		if m.TraceParent != "" {
			headers["traceparent"] = []string{m.TraceParent}
		}
		outgoing[i] = broker.Outgoing{Subject: m.Kind.Subject(m.Lane), Headers: headers, Body: m.Body, MsgID: m.MsgID}
	}
	errs := send(ctx, b.publisher, outgoing)
	sent(errs)
	return errs
}

// send publishes and spreads the error over the messages; nil when all are stored.
func send(ctx context.Context, publisher *broker.Publisher, outgoing []broker.Outgoing) []error {
	err := publisher.Send(ctx, outgoing...)
	if err == nil {
		return nil
	}
	errs := make([]error, len(outgoing))
	if partial, ok := errors.AsType[*broker.SendError](err); ok {
		copy(errs, partial.Errs)
		return errs
	}
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// publishRows publishes rows of the outbox.
func publishRows(publisher *broker.Publisher, seals *letterSeals) outbox.Publish {
	return func(ctx context.Context, messages []outbox.Message) []error {
		errs := make([]error, len(messages))
		outgoing, places := make([]broker.Outgoing, 0, len(messages)), make([]int, 0, len(messages))
		for i, m := range messages {
			m, err := seals.opened(m)
			if err != nil {
				errs[i] = err
				continue
			}
			headers := map[string][]string{}
			for name, value := range maps.All(m.Headers) {
				headers[name] = []string{value}
			}
			outgoing = append(outgoing, broker.Outgoing{Subject: m.Subject, Headers: headers, Body: m.Payload, MsgID: m.ID})
			places = append(places, i)
		}
		for i, err := range send(ctx, publisher, outgoing) {
			if err != nil && fault.Of(err) != fault.Invalid {
				err = fmt.Errorf("%w: %w", outbox.ErrUnreachable, err)
			}
			errs[places[i]] = err
		}
		return errs
	}
}

// outboxBus hands commands to gangway.enqueue, all of a call in one transaction.
type outboxBus struct{ pool *pgxpool.Pool }

// Publish implements [cli.Bus].
func (b outboxBus) Publish(ctx context.Context, messages []cli.Message) []error {
	errs := make([]error, len(messages))
	fail := func(err error) []error {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = err
			}
		}
		return errs
	}
	tx, err := b.pool.Begin(ctx)
	if err != nil {
		return fail(fmt.Errorf("app: outbox: %w", err))
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	for i, m := range messages {
		_, errs[i] = outbox.Enqueue(ctx, tx, outbox.Command{
			Kind: string(m.Kind), Payload: rawJSON(m.Body), ID: m.ID.String(), SendAt: m.SendAt, Lane: string(m.Lane),
		})
		if errs[i] != nil {
			return fail(errors.New("app: outbox: not enqueued because another command of the same batch was refused"))
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return fail(fmt.Errorf("app: outbox: %w", err))
	}
	return nil
}

// rawJSON is JSON that is already encoded.
type rawJSON []byte

// MarshalJSON returns the bytes as they are.
func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

var (
	_ cli.Bus = natsBus{}
	_ cli.Bus = outboxBus{}
)
