package handlers

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Canceller stops a delivery that has not been sent.
type Canceller interface {
	// Cancel returns "cancelled", "requested" (in flight: takes effect unless it is
	// sent), "recorded" (not known yet: refused when it comes) or "too_late", and
	// the delivery's status.
	Cancel(ctx context.Context, target uuid.UUID, reason string) (outcome string, status delivery.Status, err error)
}

// Cancel executes delivery.cancel.
type Cancel struct{ canceller Canceller }

// NewCancel returns the handler of delivery.cancel.
func NewCancel(canceller Canceller) Cancel { return Cancel{canceller} }

// Plan implements the pipeline's handler: a cancellation calls no provider.
func (Cancel) Plan(context.Context, *command.Command) delivery.Plan { return delivery.Plan{} }

// Handle cancels. Too late is an answer, not a failure: the result says so.
func (h Cancel) Handle(ctx context.Context, cmd *command.Command, _ delivery.Run) delivery.Result {
	body := cmd.Payload.(*command.Cancel)
	target := command.ParseID(body.DeliveryID)
	outcome, status, err := h.canceller.Cancel(ctx, target, body.Reason)
	if err != nil {
		return delivery.Result{Err: err}
	}
	result, err := json.Marshal(struct {
		DeliveryID uuid.UUID       `json:"delivery_id"`
		Outcome    string          `json:"outcome"`
		Status     delivery.Status `json:"status,omitzero"`
	}{target, outcome, status})
	if err != nil {
		return delivery.Result{Err: err}
	}
	return delivery.Result{Status: delivery.Completed, Result: result}
}

// Recover cancels again: that changes nothing.
func (h Cancel) Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	return h.Handle(ctx, cmd, run)
}
