package broker

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

type failoverData struct {
	Provider  string       `json:"provider"`
	Fallback  string       `json:"fallback"`
	Reason    fault.Reason `json:"reason"`
	ErrorCode string       `json:"error_code,omitzero"`
	CommandID uuid.UUID    `json:"command_id"`
	Kind      command.Kind `json:"kind"`
	Attempt   int          `json:"attempt"`
}

// Failover publishes on event.provider.failover that a command goes to another
// provider; the event's subject is the one that was passed over. The id is made of
// command and attempt.
func (o *Outlet) Failover(ctx context.Context, f delivery.Failover) error {
	message, err := cloudEvent{
		ID: f.ID.String() + "." + strconv.Itoa(f.Attempt) + ".failover", Subject: f.From, Time: f.At, TraceParent: traceOf(ctx, f.TraceID),
		Data: failoverData{
			Provider: f.From, Fallback: f.To, Reason: f.Reason, ErrorCode: oneLine(f.ErrorCode, 120),
			CommandID: f.ID, Kind: f.Kind, Attempt: f.Attempt,
		},
	}.on("provider.failover", "provider.failover")
	if err == nil {
		err = o.publisher.Send(ctx, message)
	}
	if err != nil {
		return fmt.Errorf("broker: failover event of %s: %w", f.ID, err)
	}
	return nil
}
