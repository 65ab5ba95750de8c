package app

import (
	"context"

	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/outbox"
)

// manualEntries keeps what people entered; its events leave through the outbox.
type manualEntries struct{ *postgres.Operator }

// Contradict implements [handlers.ManualEntries].
func (m manualEntries) Contradict(ctx context.Context, c delivery.Contradiction) error {
	out, err := broker.ContradictionOf(c)
	if err != nil {
		return err
	}
	return m.Operator.Contradict(ctx, c, outboxMessage(out))
}

func outboxMessage(out broker.Outgoing) outbox.Message {
	headers := make(map[string]string, len(out.Headers))
	for name, values := range out.Headers {
		headers[name] = values[0]
	}
	return outbox.Message{Subject: out.Subject, ID: out.MsgID, Headers: headers, Payload: out.Body}
}

var _ handlers.ManualEntries = manualEntries{}
