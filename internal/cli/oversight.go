package cli

import (
	"context"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
)

// Cache is the response cache of the fleet.
type Cache interface {
	// Purge removes entries and returns how many there were.
	Purge(ctx context.Context, purge Purge) (int, error)
	Stats(ctx context.Context) ([]CacheStat, error)
}

// Purge says which entries to remove: by pattern of keys, or those of one
// company. Exactly one of Pattern and Kind is set.
type Purge struct {
	Pattern            string // "nicednb.*", "*"
	Kind               command.Kind
	RegistrationNumber string // ten digits, with Kind business.verify
	By                 string
}

// CacheStat counts one cache: a provider's call.
type CacheStat struct {
	Cache   string `json:"cache"`
	Entries int    `json:"entries"`
	Hits    int64  `json:"hits"`
	Stale   int64  `json:"stale"`
	Misses  int64  `json:"misses"`
}

// Alerts are the alerts of the fleet.
type Alerts interface {
	// List returns those that are firing; with resolved also those of the last days.
	List(ctx context.Context, resolved bool) ([]Alert, error)
	Silences(ctx context.Context) ([]Silence, error)
	Silence(ctx context.Context, silence Silence) error
	// Unsilence reports whether there was such a silence.
	Unsilence(ctx context.Context, alert, subject, by string) (bool, error)
}

// Silence keeps people from being told of alerts; "" stands for every alert, and
// for whatever it is about.
type Silence struct {
	Alert   string    `json:"alert"`
	Subject string    `json:"subject"`
	Until   time.Time `json:"until"`
	By      string    `json:"by"`
	Note    string    `json:"note,omitzero"`
}

// Alert is one alert.
type Alert struct {
	Alert      string    `json:"alert"`
	Subject    string    `json:"subject,omitzero"` // provider, kind or lane it is about
	Severity   string    `json:"severity"`         // warning or critical
	Message    string    `json:"message"`
	RaisedAt   time.Time `json:"raised_at"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	// SilencedUntil is until when nobody is told of it.
	SilencedUntil time.Time `json:"silenced_until,omitzero"`
}

// Audit is the log of what people did.
type Audit interface {
	List(ctx context.Context, filter AuditFilter, page Page) (records []AuditRecord, next string, err error)
	// Write adds what somebody orders otherwise than in the database.
	Write(ctx context.Context, by, action, target string, detail map[string]string) error
}

// AuditFilter narrows the audit log. Zero fields do not narrow.
type AuditFilter struct {
	Since  time.Time
	By     string
	Action string
	Target string
}

// AuditRecord is a row of gangway.audit_log.
type AuditRecord struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Action string    `json:"action"`
	Target string    `json:"target"`
	Detail string    `json:"detail,omitzero"`
}

// Eraser removes one person's data.
type Eraser interface {
	// Forget removes recipient, content and what providers said of every command
	// to one address or number; ids and statuses stay. With dryRun it only counts.
	Forget(ctx context.Context, recipient string, dryRun bool, by, note string) (Erased, error)
}

// Erased counts what was removed.
type Erased struct {
	Deliveries int `json:"deliveries"`
	Attempts   int `json:"attempts"`
	Events     int `json:"events"`
	Letters    int `json:"dead_letters"`
	// Messages are the events and dead letters that the bus still held.
	Messages int `json:"messages"`
	// Waiting are commands that could not be forgotten yet: a worker has them, or
	// others wait for them.
	Waiting int `json:"waiting"`
	// Unread are dead letters that were not searched: no key that is known here
	// opens them.
	Unread int `json:"unread,omitzero"`
}
