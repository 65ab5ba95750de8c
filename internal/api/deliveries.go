package api

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Deliveries reads what became of commands.
type Deliveries interface {
	// Find reads one row and reports whether there is one.
	Find(ctx context.Context, id uuid.UUID) (delivery.Row, bool, error)
	// List returns a page, newest first, and the cursor of the next, "" on the last.
	List(ctx context.Context, filter DeliveryFilter, page Page) (views []delivery.View, next string, err error)
	// History returns the provider calls and what providers reported, oldest first.
	History(ctx context.Context, id uuid.UUID) ([]delivery.Attempt, []Event, error)
}

// DeliveryFilter narrows a list of deliveries. Zero fields do not narrow; several
// values of one field mean any of them.
type DeliveryFilter struct {
	Kinds     []command.Kind
	Statuses  []delivery.Status
	Reasons   []fault.Reason
	Recipient string    // one address or number, whole, in any letter case
	Since     time.Time // requested_at at or after
}

// Event is what a provider reported: a row of gangway.delivery_events.
type Event struct {
	OccurredAt time.Time       `json:"occurred_at"`
	ReceivedAt time.Time       `json:"received_at"`
	Provider   string          `json:"provider"`
	Type       string          `json:"type"` // the provider's word
	Status     delivery.Status `json:"status,omitzero"`
	Recipient  string          `json:"recipient,omitzero"`
	Reason     fault.Reason    `json:"reason,omitzero"`
	ErrorCode  string          `json:"error_code,omitzero"`
	Message    string          `json:"message,omitzero"`
}

// Desk changes deliveries for people and writes down who did it.
type Desk interface {
	// Cancel stops what has not been sent yet. The outcome is cancelled, requested
	// (in flight), recorded (not known yet) or too_late.
	Cancel(ctx context.Context, id uuid.UUID, reason, by string) (outcome string, status delivery.Status, err error)
	// SettleUnknown records that an unknown outcome was sent, or sends it again.
	SettleUnknown(ctx context.Context, id uuid.UUID, sent bool, by, note string) (delivery.View, error)
}

// attempt is a row of gangway.delivery_attempts.
type attempt struct {
	DeliveryID uuid.UUID      `json:"delivery_id"`
	Attempt    int            `json:"attempt"`
	Round      int            `json:"round"`
	Provider   string         `json:"provider"`
	Endpoint   string         `json:"endpoint"`
	Outcome    string         `json:"outcome"`
	Reason     fault.Reason   `json:"reason,omitzero"`
	ErrorCode  string         `json:"error_code,omitzero"`
	DurationMS int64          `json:"duration_ms"`
	StartedAt  time.Time      `json:"started_at"`
	Request    jsontext.Value `json:"request,omitzero"`
	Response   jsontext.Value `json:"response,omitzero"`
}

type deliveryDetail struct {
	delivery.View
	AttemptLog []attempt `json:"attempt_log"`
	Events     []Event   `json:"events"`
}

// messages registers what is about commands and deliveries.
func (a *API) messages() {
	if a.parts.Deliveries == nil {
		return
	}
	a.serve("GET /api/v1/deliveries", a.listDeliveries)
	a.serve("GET /api/v1/deliveries/{id}", a.showDelivery)
	if a.parts.Bus != nil {
		a.serve("POST /api/v1/commands/{kind}", a.publish)
		a.serve("POST /api/v1/deliveries/{id}/complete", a.complete)
	}
	if a.parts.Desk != nil {
		a.serve("POST /api/v1/deliveries/{id}/cancel", a.cancel)
		a.serve("POST /api/v1/deliveries/{id}/settle", a.settle)
	}
}

func (a *API) listDeliveries(r *http.Request) (answer, error) {
	q := queryOf(r)
	filter := DeliveryFilter{
		Kinds: words(q, "kind", command.Kinds()), Statuses: words(q, "status", delivery.Statuses()),
		Reasons: words(q, "reason", fault.Reasons()), Recipient: q.text("recipient"), Since: q.time("since"),
	}
	page := q.page()
	if err := q.done(); err != nil {
		return answer{}, err
	}
	views, next, err := a.parts.Deliveries.List(r.Context(), filter, page)
	return listOf(views, next), err
}

// find returns the row that the path names.
func (a *API) find(r *http.Request) (delivery.Row, error) {
	text := r.PathValue("id")
	row, known, err := a.parts.Deliveries.Find(r.Context(), command.ParseID(text))
	if err == nil && !known {
		err = fault.New(fault.NotFound, "find", "No delivery has the id %s.", clip(text))
	}
	return row, err
}

func (a *API) showDelivery(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	row, err := a.find(r)
	if err != nil {
		return answer{}, err
	}
	attempts, events, err := a.parts.Deliveries.History(r.Context(), row.ID)
	return answer{body: deliveryDetail{View: row.View, AttemptLog: attemptsOf(row.ID, attempts), Events: events}}, err
}

func attemptsOf(id uuid.UUID, attempts []delivery.Attempt) []attempt {
	rows := make([]attempt, len(attempts))
	for i, a := range attempts {
		rows[i] = attempt{
			DeliveryID: id, Attempt: a.Number, Round: a.Round, Provider: a.Provider, Endpoint: a.Endpoint, Outcome: a.Outcome, Reason: a.Reason,
			ErrorCode: a.ErrorCode, DurationMS: a.Duration.Milliseconds(), StartedAt: a.StartedAt, Request: a.Request, Response: a.Response,
		}
	}
	return rows
}

func (a *API) cancel(r *http.Request) (answer, error) {
	var order struct {
		Reason string `json:"reason"`
	}
	if err := decode(r, &order); err != nil {
		return answer{}, err
	}
	id := command.ParseID(r.PathValue("id"))
	outcome, status, err := a.parts.Desk.Cancel(r.Context(), id, order.Reason, CallerOf(r.Context()).Name)
	if err != nil {
		return answer{}, err
	}
	out := struct {
		ID      uuid.UUID       `json:"id"`
		Outcome string          `json:"outcome"`
		Status  delivery.Status `json:"status,omitzero"`
	}{id, outcome, status}
	switch outcome {
	case "too_late":
		return answer{}, conflict("It is too late to cancel " + id.String() + ": its status is " + string(status) + ".")
	case "cancelled":
		return answer{body: out}, nil
	default: // it takes effect later, unless it is sent before
		return answer{status: http.StatusAccepted, body: out}, nil
	}
}

func (a *API) settle(r *http.Request) (answer, error) {
	var verdict struct {
		Sent *bool  `json:"sent"`
		Note string `json:"note"`
	}
	if err := decode(r, &verdict); err != nil {
		return answer{}, err
	}
	if verdict.Sent == nil {
		return answer{}, fault.InvalidField("sent", "is missing: true when it was sent, false to send it again")
	}
	row, err := a.find(r)
	if err != nil {
		return answer{}, err
	}
	if row.Status != delivery.Unknown {
		return answer{}, conflict("The outcome of " + row.ID.String() + " is not unknown: its status is " + string(row.Status) + ".")
	}
	view, err := a.parts.Desk.SettleUnknown(r.Context(), row.ID, *verdict.Sent, CallerOf(r.Context()).Name, verdict.Note)
	return answer{body: view}, err
}

// complete publishes business.complete: entry by hand takes the same way whoever
// asks for it.
func (a *API) complete(r *http.Request) (answer, error) {
	var entry struct {
		Company   command.Company `json:"company"`
		EnteredBy string          `json:"entered_by"`
		Note      string          `json:"note"`
	}
	if err := decode(r, &entry); err != nil {
		return answer{}, err
	}
	row, err := a.find(r)
	if err != nil {
		return answer{}, err
	}
	if row.Status != delivery.ManualReview {
		return answer{}, conflict(row.ID.String() + " does not wait for a person: its status is " + string(row.Status) + ".")
	}
	if entry.EnteredBy == "" {
		entry.EnteredBy = CallerOf(r.Context()).Name
	}
	body, err := json.Marshal(command.Complete{DeliveryID: row.ID.String(), Company: entry.Company, EnteredBy: entry.EnteredBy, Note: entry.Note})
	if err != nil {
		return answer{}, err
	}
	out, err := a.hand(r.Context(), command.BusinessComplete, command.Normal, body, r.Header.Get("Idempotency-Key"))
	return answer{status: http.StatusAccepted, body: out}, err
}
