package command

import (
	"time"

	"github.com/google/uuid"
)

// MaxBody is the largest command body in bytes. The server takes more, so that
// headers fit beside a body of this size.
const MaxBody = 1 << 20

// Version is the newest body version this worker understands.
const Version = 1

// Envelope holds the fields that every body may carry.
type Envelope struct {
	V             int               `json:"v,omitzero"`
	ID            string            `json:"id,omitzero"`
	SendAt        time.Time         `json:"send_at,omitzero"`
	ExpiresAt     time.Time         `json:"expires_at,omitzero"`
	Provider      string            `json:"provider,omitzero"`
	Metadata      map[string]string `json:"metadata,omitzero"`
	CorrelationID string            `json:"correlation_id,omitzero"`
}

// Payload is the body of one kind: *Email, *SMS, *Business, *Address, *Cancel,
// *Complete or *Webhook.
type Payload interface {
	// Common returns the fields shared by all kinds.
	Common() *Envelope
	// Summary returns what the status row shows of the body.
	Summary() Summary
	// validate reports the first mistake, naming field and value.
	validate() error
}

// Common makes every payload that embeds Envelope one half of a [Payload].
func (e *Envelope) Common() *Envelope { return e }

// Summary is what the status row shows of a command.
type Summary struct {
	// Recipient is every address joined with commas, To first; for look-ups the
	// number or keyword asked for.
	Recipient string
	Subject   string
	Template  string
}

// Command is one decoded command.
type Command struct {
	ID      uuid.UUID
	Kind    Kind
	Lane    Lane
	Payload Payload
	// Body is the raw body as it arrived; schedules and dead letters carry it on.
	Body []byte
	// Digest tells bodies apart; see [DigestOf].
	Digest Digest
	// Generation counts replays: 0 for the first publication.
	Generation int
	// RequestedAt is when the producer published it.
	RequestedAt time.Time
	// TraceParent and TraceState are the W3C trace headers, "" when none came.
	TraceParent, TraceState string
}

// Envelope returns the fields shared by all kinds.
func (c *Command) Envelope() *Envelope { return c.Payload.Common() }

// Expired reports whether expires_at has passed at now.
func (c *Command) Expired(now time.Time) bool {
	at := c.Envelope().ExpiresAt
	return !at.IsZero() && !now.Before(at)
}

// namespace is the UUIDv5 namespace of ids that Gangway derives from text.
var namespace = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("gangway.gangwon.kr"))

// ParseID returns the id that text names: the UUID itself, or a UUIDv5 of any
// other text, so that every producer's own identifiers work.
func ParseID(text string) uuid.UUID {
	if id, err := uuid.Parse(text); err == nil && len(text) == 36 {
		return id
	}
	return uuid.NewSHA1(namespace, []byte(text))
}
