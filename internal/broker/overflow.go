package broker

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/outbox"
)

// Overflow keeps durably what a full stream refuses, until it is published.
type Overflow interface {
	// Keep returns when the message about a command is committed.
	Keep(ctx context.Context, id uuid.UUID, message outbox.Message) error
}

// OverflowTo sets where events, schedules and dead letters go that their stream
// refuses, and returns the outlet. Without it such a command is not settled, its
// message stays, and a store that commands have filled never has room again:
// every acknowledgement would wait for an event that does not fit.
func (o *Outlet) OverflowTo(overflow Overflow) *Outlet {
	o.overflow = overflow
	return o
}

// send publishes what the settling of a command must not lose.
func (o *Outlet) send(ctx context.Context, id uuid.UUID, message Outgoing) error {
	err := o.publisher.Send(ctx, message)
	if o.overflow == nil || !errors.Is(err, ErrStreamRefused) {
		return err
	}
	if kept := o.overflow.Keep(ctx, id, rowOf(message)); kept != nil {
		return errors.Join(err, kept)
	}
	return nil
}

// rowOf is a message as a row of the outbox, whose headers have one value each
// and fit into JSON.
func rowOf(m Outgoing) outbox.Message {
	headers := make(map[string]string, len(m.Headers))
	for name, values := range m.Headers {
		if name != HeaderMsgID {
			headers[name] = oneLine(strings.ToValidUTF8(strings.Join(values, ", "), ""), maxLetterHeaders)
		}
	}
	return outbox.Message{Subject: m.Subject, ID: m.MsgID, Headers: headers, Payload: m.Body}
}
