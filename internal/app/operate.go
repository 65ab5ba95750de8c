package app

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/outbox"
)

// newOperator returns what changes deliveries for people.
func newOperator(pool *pgxpool.Pool) *postgres.Operator { return postgres.NewOperator(pool, eventRow) }

// eventRow makes the outbox's message that tells of a row.
func eventRow(row delivery.Row) (outbox.Message, error) {
	out, err := broker.EventOf(row)
	if err != nil {
		return outbox.Message{}, fmt.Errorf("app: event of %s: %w", row.ID, err)
	}
	return rowOf(out), nil
}

// rowOf is a message of ours as a row of the outbox.
func rowOf(out broker.Outgoing) outbox.Message {
	headers := make(map[string]string, len(out.Headers))
	for name, values := range out.Headers {
		headers[name] = values[0]
	}
	return outbox.Message{Subject: out.Subject, ID: out.MsgID, Headers: headers, Payload: out.Body}
}

// canceller cancels rows and the schedules that would wake them.
type canceller struct {
	operator *postgres.Operator
	conn     *broker.Conn
}

// Cancel implements handlers.Canceller.
func (c canceller) Cancel(ctx context.Context, target uuid.UUID, reason string) (string, delivery.Status, error) {
	outcome, row, err := c.operator.Cancel(ctx, target, reason)
	if err != nil {
		return "", "", err
	}
	if outcome == postgres.CancelDone {
		// The row has decided; a schedule left behind would only find it cancelled.
		err = c.conn.Unschedule(ctx, target)
	}
	return string(outcome), row.Status, err
}
