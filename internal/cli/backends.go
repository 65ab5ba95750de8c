package cli

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Message is one command ready to be published. Its body has passed
// [command.Decode] and carries the id.
type Message struct {
	ID   uuid.UUID
	Kind command.Kind
	Lane command.Lane // Normal when none was asked for; the subject is Kind.Subject(Lane)
	Body []byte
	// MsgID is the Nats-Msg-Id header.
	MsgID string
	// TraceParent is the W3C traceparent header; every command has its own trace.
	TraceParent string
	// SendAt repeats send_at of the body for gangway.enqueue; zero for at once.
	SendAt time.Time
}

// Bus takes commands on their way: NATS, or the outbox.
type Bus interface {
	// Publish hands over at most a thousand messages at once and returns when each
	// is stored or refused: errs[i] belongs to messages[i], nil when all are
	// stored. It may be called again with the same messages.
	Publish(ctx context.Context, messages []Message) (errs []error)
}

// Page asks for one page of a list.
type Page struct {
	Cursor string // "" for the first page, else what the page before returned
	Size   int    // at most so many rows; from 1 to 500
}

// Deliveries reads the status of commands, from gangway.delivery_status and the
// tables beside it.
type Deliveries interface {
	// Statuses returns the rows of those ids that have one, in any order. At most
	// 500 ids are asked for at once.
	Statuses(ctx context.Context, ids []uuid.UUID) ([]delivery.View, error)
	// Log returns what happened to one delivery, oldest first; an unknown id has
	// an empty log.
	Log(ctx context.Context, id uuid.UUID) (Log, error)
	// List returns a page of rows, newest first, and the cursor of the next page,
	// "" on the last.
	List(ctx context.Context, filter Filter, page Page) (views []delivery.View, next string, err error)
}

// Filter narrows a list of deliveries. Zero fields do not narrow; several values
// of one field mean any of them.
type Filter struct {
	Kinds     []command.Kind
	Statuses  []delivery.Status
	Reasons   []fault.Reason
	Since     time.Time // requested_at at or after
	Recipient string    // one address or number, whole, in any letter case
}

// Log is the history of one delivery.
type Log struct {
	Attempts []delivery.Attempt
	Events   []Event
}

// Event is what a provider reported of a delivery: a row of
// gangway.delivery_events.
type Event struct {
	OccurredAt time.Time       `json:"occurred_at"`
	ReceivedAt time.Time       `json:"received_at,omitzero"`
	Provider   string          `json:"provider"`
	Type       string          `json:"type"` // the provider's word
	Status     delivery.Status `json:"status,omitzero"`
	Recipient  string          `json:"recipient,omitzero"`
	Reason     fault.Reason    `json:"reason,omitzero"`
	ErrorCode  string          `json:"error_code,omitzero"`
	Message    string          `json:"message,omitzero"`
}

// Templates lists and renders the templates of messages.
type Templates interface {
	List(ctx context.Context) ([]Template, error)
	// Render fills a template in. A missing variable or an unknown name is an
	// invalid fault.
	Render(ctx context.Context, name, locale string, variables map[string]jsontext.Value) (Rendered, error)
}

// Template is one template by name.
type Template struct {
	Name      string   `json:"name"`
	Locales   []string `json:"locales"`
	Parts     []string `json:"parts"`               // subject, text, html, sms
	Variables []string `json:"variables,omitzero"`  // that it uses
	Overrides bool     `json:"overridden,omitzero"` // comes from the folder, not from the program
}

// Rendered is a template filled in.
type Rendered struct {
	Subject string `json:"subject,omitzero"`
	Text    string `json:"text,omitzero"`
	HTML    string `json:"html,omitzero"`
	SMS     string `json:"sms,omitzero"`
}
