package broker

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
)

// Unschedule removes the waiting schedule of id, if there is one. A command
// that has fired already is not affected: the row decides.
func (c *Conn) Unschedule(ctx context.Context, id uuid.UUID) error {
	stream, err := c.js.Stream(ctx, StreamScheduled)
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(scheduledAt(id)))
	}
	if err != nil {
		return fmt.Errorf("broker: unschedule %s: %w", id, err)
	}
	return nil
}
