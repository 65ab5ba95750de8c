package delivery

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// View is one row of gangway.delivery_status: what the portal queries, what
// events carry as data, and what CLI and API print.
type View struct {
	ID                uuid.UUID         `json:"id"`
	Kind              command.Kind      `json:"kind"`
	Lane              command.Lane      `json:"lane"`
	Status            Status            `json:"status"`
	Reason            fault.Reason      `json:"reason,omitzero"`
	Provider          string            `json:"provider,omitzero"`
	ProviderMessageID string            `json:"provider_message_id,omitzero"`
	Recipient         string            `json:"recipient,omitzero"`
	Subject           string            `json:"subject,omitzero"`
	Template          string            `json:"template,omitzero"`
	Attempts          int               `json:"attempts"`
	Replays           int               `json:"replays"`
	ErrorCode         string            `json:"error_code,omitzero"`
	ErrorMessage      string            `json:"error_message,omitzero"`
	Result            jsontext.Value    `json:"result,omitzero"`
	Metadata          map[string]string `json:"metadata,omitzero"`
	CorrelationID     string            `json:"correlation_id,omitzero"`
	TraceID           string            `json:"trace_id,omitzero"`
	RequestedAt       time.Time         `json:"requested_at"`
	SendAt            time.Time         `json:"send_at,omitzero"`
	UpdatedAt         time.Time         `json:"updated_at"`
	CompletedAt       time.Time         `json:"completed_at,omitzero"`
}

// Row is a delivery as the pipeline needs it: the view and the columns that
// decide whether and how it may be executed.
type Row struct {
	View
	Version         int
	Digest          command.Digest
	Round           int       // rounds along the route begun so far in this generation
	Due             time.Time // not to be executed before; zero when it may run now
	Token           uuid.UUID // of the live claim; zero when nobody holds it
	Worker          uuid.UUID // that made the claim
	ClaimProvider   string    // provider of the open intent
	Unsure          string    // provider that may have sent, since UnsureSince
	UnsureSince     time.Time
	OwnerAlive      bool // whether the claim's worker still reports itself alive
	DeadIntents     int  // intents whose worker died
	CancelRequested bool
	// Recipients are the outcomes so far of a command with several: a retry leaves
	// out those that are settled.
	Recipients []Recipient
}

// Attempt is one provider call, a row of gangway.delivery_attempts.
type Attempt struct {
	Number    int // counts every call of the delivery, from 1
	Round     int // from 1
	Provider  string
	Endpoint  string // the driver's name of the call: "smtp", "publish"
	Outcome   string // "ok", "failed" or "unknown"
	Reason    fault.Reason
	ErrorCode string
	MessageID string // the provider's, when it took the message
	Duration  time.Duration
	StartedAt time.Time
	// Request and Response are bounded and redacted JSON; nil when not kept.
	Request, Response jsontext.Value
}

// Recipient is the outcome for one address of a command with several.
type Recipient struct {
	Address string       `json:"address"`
	Status  Status       `json:"status"`
	Reason  fault.Reason `json:"reason,omitzero"`
	// MessageID is the provider's, where it differs by recipient.
	MessageID string `json:"-"`
}
