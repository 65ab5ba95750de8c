package cli

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

// DeadLetters reads and settles dead letters: the index in
// gangway.dead_letters, payload and headers in the stream.
type DeadLetters interface {
	// List returns a page of the letters that are still open, newest first, and
	// the cursor of the next page, "" on the last.
	List(ctx context.Context, filter LetterFilter, page Page) (letters []Letter, next string, err error)
	// Show returns one letter whole: by its number, or the newest of a delivery.
	// An unknown one is a not_found fault.
	Show(ctx context.Context, ref LetterRef) (LetterDetail, error)
	// Settle replays or discards what the filter matches. A letter that was
	// settled before does not match any more, so that a run that was killed is
	// continued by the same call. progress is called from one goroutine and may be
	// called often. The report is true up to where an error or ctx stopped it.
	Settle(ctx context.Context, order LetterOrder, progress func(done LetterReport)) (LetterReport, error)
}

// Dead letters are those of [deadletter].
type (
	Letter       = deadletter.Letter
	LetterRef    = deadletter.Ref
	LetterFilter = deadletter.Filter
)

// narrow reports whether the filter leaves anything out.
func narrow(f LetterFilter) bool {
	return len(f.Refs)+len(f.Kinds)+len(f.Reasons)+len(f.Providers) > 0 ||
		!f.Since.IsZero() || !f.Until.IsZero() || f.Contains != ""
}

// LetterOrder says what to do with dead letters.
type LetterOrder struct {
	Discard bool // else replay
	Filter  LetterFilter
	DryRun  bool    // only count
	Limit   int     // at most so many; 0 for all
	Rate    float64 // replays a second; 0 for no limit
	By      string  // who, for the audit log
	Note    string  // why
}

// LetterReport counts what was done. Matched is the number of letters that the
// filter matched, within the limit.
type LetterReport struct {
	Matched   int
	Replayed  int
	Discarded int
	Skipped   int // succeeded meanwhile, or settled by someone else
	Failed    int
	Wiped     int // of Failed: the values of their sensitive variables are gone
	Sealed    int // of Failed: no key that is known here opens them
}

// LetterDetail is a dead letter with what the stream keeps of it.
type LetterDetail struct {
	Letter
	Headers map[string][]string
	Body    []byte // as it arrived; need not be JSON
	History []delivery.Attempt
}

// Unknowns settles deliveries whose outcome is unknown.
type Unknowns interface {
	// Settle records what a person found out and returns the row after it: sent,
	// or queued again. A delivery that is not unknown is an invalid fault.
	Settle(ctx context.Context, verdict Verdict) (delivery.View, error)
}

// Verdict is what a person found out about an unknown outcome.
type Verdict struct {
	ID   uuid.UUID
	Sent bool // else it is sent again
	By   string
	Note string
}

// Suppressions are the addresses and numbers that get nothing more.
type Suppressions interface {
	// List returns a page, newest first; containing narrows by a part of the
	// recipient.
	List(ctx context.Context, containing string, page Page) (list []Suppression, next string, err error)
	// Add adds one; one that exists already is changed.
	Add(ctx context.Context, suppression Suppression, by string) error
	// Remove takes a recipient off one list, "" for every list, and reports whether
	// it was on one.
	Remove(ctx context.Context, recipient, list, by string) (bool, error)
}

// Suppression is a row of gangway.suppressions.
type Suppression struct {
	Recipient string    `json:"recipient"`
	List      string    `json:"list"`   // all, marketing, transactional
	Reason    string    `json:"reason"` // bounced, complained, unsubscribed, manual
	Provider  string    `json:"provider,omitzero"`
	Note      string    `json:"note,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	CreatedAt time.Time `json:"created_at"`
}

// Providers shows and controls the configured providers of the whole fleet.
type Providers interface {
	List(ctx context.Context) ([]ProviderState, error)
	// Control pauses, resumes or resets one; a kind of command can be paused and
	// resumed too. An unknown name is a not_found fault.
	Control(ctx context.Context, name string, action ProviderAction, by, note string) error
	// Tune changes the throttle of one.
	Tune(ctx context.Context, name string, tuning Tuning, by string) error
}

// ProviderAction is what can be done to a provider.
type ProviderAction string

// The actions: pause stops calls until resume; reset closes the breaker and
// forgets what held the provider back.
const (
	PauseProvider  ProviderAction = "pause"
	ResumeProvider ProviderAction = "resume"
	ResetProvider  ProviderAction = "reset"
)

// Tuning changes a throttle; nil leaves a value as it is.
type Tuning struct {
	Rate  *float64 // calls a second; 0 for no limit
	Burst *int
}

// ProviderState is how one provider stands across the fleet.
type ProviderState struct {
	Name     string    `json:"name"`
	Driver   string    `json:"driver"`
	Mode     string    `json:"mode"`   // live or mock
	Health   string    `json:"health"` // healthy, degraded, unhealthy; "" when not checked yet
	Since    time.Time `json:"since,omitzero"`
	Breaker  string    `json:"breaker"` // closed, open, half-open
	Paused   bool      `json:"paused"`
	Rate     float64   `json:"rate"`
	Burst    int       `json:"burst"`
	Calls    int64     `json:"calls"`    // in the last 5 minutes
	Failures int64     `json:"failures"` // of them
	P50MS    int64     `json:"p50_ms"`
	P95MS    int64     `json:"p95_ms"`
	P99MS    int64     `json:"p99_ms"`
	Reason   string    `json:"reason,omitzero"`
	// Quota is calls a day, 0 for no limit; Waiting counts the calls that wait for
	// the rate limit now.
	Quota     int64     `json:"quota,omitzero"`
	Waiting   int       `json:"waiting,omitzero"`
	CheckedAt time.Time `json:"checked_at,omitzero"` // the last check of its health
	LatencyMS int64     `json:"latency_ms,omitzero"` // that it took
	// Choices say why the last commands went to it or elsewhere, oldest first.
	Choices []ProviderChoice `json:"choices,omitzero"`
	// Workers are those that have it, and which configuration each runs with.
	Workers []ProviderWorker `json:"workers,omitzero"`
}

// ProviderWorker is a worker that has a provider.
type ProviderWorker struct {
	Host      string `json:"host"`
	PID       int    `json:"pid"`
	Config    string `json:"config"`    // tells configurations apart
	Overrides int    `json:"overrides"` // version of what was pushed to the fleet
	Refused   string `json:"refused,omitzero"`
}

// ProviderChoice is why a provider was chosen or skipped for one command.
type ProviderChoice struct {
	At        time.Time `json:"at"`
	CommandID string    `json:"command_id"`
	Chosen    bool      `json:"chosen"`
	Why       string    `json:"why"`
}
