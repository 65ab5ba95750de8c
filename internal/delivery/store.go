package delivery

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Claim asks the store for the right to execute a command. Committed, it is the
// intent: attempt n at Provider is about to be made.
type Claim struct {
	Command *command.Command
	// Token identifies this claim. A claim retried after an ambiguous COMMIT
	// succeeds on an equal token.
	Token  uuid.UUID
	Worker uuid.UUID
	// Provider of the first call; "" for commands that call none.
	Provider string
	// Due postpones instead of claiming: the row becomes Status (scheduled or
	// retrying) until then, and nothing may be called.
	Due    time.Time
	Status Status
	Reason fault.Reason
	// Takeover is the token of a dead claim that this one replaces.
	Takeover uuid.UUID
	// Unsure says that the dead claim's provider may have sent: the claim then
	// intends no call, and the row remembers that provider.
	Unsure bool
}

// Claimed is the store's answer.
type Claimed struct {
	// Won reports that this claim holds the row, as Row now shows it.
	Won bool
	Row Row
}

// Record commits what became of a claim.
type Record struct {
	// Row is the claimed row as the claim showed it: its id, generation, and the
	// columns that a record does not change.
	Row    Row
	Token  uuid.UUID
	Status Status
	Reason fault.Reason
	// Round is the number of rounds spent so far.
	Round int
	// Due is when a retry is to run.
	Due               time.Time
	Provider          string
	ProviderMessageID string
	Subject           string // as rendered; "" keeps what stands
	ErrorCode         string
	ErrorMessage      string
	Result            jsontext.Value
	Attempts          []Attempt
	Recipients        []Recipient
	// Unsure is the provider that may have sent; the row keeps it until a record
	// without one.
	Unsure string
	// Letter keeps the command as a dead letter, in the same transaction.
	Letter *LetterContent
	// Next keeps the claim for another call in the same round: the intent of
	// failover, committed before that provider is called.
	Next string
}

// Recorded is the store's answer: the row after the record, or as it stands
// when another writer was ahead (Applied false).
type Recorded struct {
	Applied bool
	Row     Row
}

// Plan is a handler's choice before anything is written: the provider of the
// first call, or when to come back because none can be called now.
type Plan struct {
	Provider string
	// Wait or Due, with Status and Reason, postpone the command: by so long, or to
	// a time. Zero means now.
	Wait   time.Duration
	Due    time.Time
	Status Status
	Reason fault.Reason
	// Instead is the provider of first choice where another one is called because
	// it is not ready; "" when the first choice is called.
	Instead string
	// End is the outcome of a command that needs no call, with a reason in its
	// Err: it is invalid, or nobody is left to send it to.
	End *Result
	// Ready is what the handler made on the way. Only the handler knows what it
	// is; it comes back in [Run], so that nothing is made twice.
	Ready any
	// Undo gives back what the plan reserved and no call has used, such as a token
	// of a rate limit; nil for nothing. It is called once, when the command has
	// been processed, also after the call.
	Undo func()
	// InsteadReason is why Instead is not ready; empty means circuit_open.
	InsteadReason fault.Reason
}

// Journal commits the intent of every call after the first.
type Journal interface {
	// Begin records the finished call (none when done is zero) and commits the
	// intent to call provider next. It returns the number of the attempt that may now be made. An error
	// means that nothing may be called: the claim is lost or ctx has ended.
	Begin(ctx context.Context, provider string, done Attempt) (int, error)
}

// Run is one claimed execution of a command.
type Run struct {
	Row     Row
	Journal Journal
	// Provider of the first call, whose intent is committed.
	Provider string
	// Ready is that of the plan.
	Ready any
	// Last says that no further round will follow this one.
	Last bool
	// Unsure is the provider that may have sent already, since UnsureSince. Only
	// Recover sees it. Died says that the worker which called it is gone, so that
	// the attempt is not recorded yet.
	Unsure      string
	UnsureSince time.Time
	Died        bool
}

// Result is what a handler made of one command.
type Result struct {
	// Status is the outcome of a success: sent, completed, …; on failure the
	// failure table decides from Err.
	Status            Status
	Err               error
	Provider          string
	ProviderMessageID string
	Subject           string
	Result            jsontext.Value
	Recipients        []Recipient
	// Attempts holds the calls not yet journalled: the last one, none when no
	// provider was called.
	Attempts []Attempt
}

// Headers of dead letters. The first two name, with commas, the variables of the
// command whose values nobody is to see.
const (
	// HeaderSensitive: the values are still in the body, because the command may
	// have to be sent again. Listings mask them.
	HeaderSensitive = "Gangway-Sensitive"
	// HeaderWiped: the values are gone. Such a letter cannot be replayed.
	HeaderWiped = "Gangway-Wiped"
	// HeaderSealed: the body is encrypted, under the key with this id.
	HeaderSealed = "Gangway-Sealed"
)

// LetterContent is what only the message has of a dead letter.
type LetterContent struct {
	Body    []byte
	Headers map[string][]string
}

// Letter is a dead letter: a command that ends without success, kept whole so
// that a person can look at it and replay it.
type Letter struct {
	ID   uuid.UUID
	Kind command.Kind
	Lane command.Lane
	// Key tells letters of one id apart and is the same when a settle is repeated:
	// the row's version, or the digest of a body that conflicts with it.
	Key     string
	Body    []byte
	Headers map[string][]string
	Reason  fault.Reason
	Error   string
	// Row is the delivery as it stood; zero when the command has none of its own.
	Row       Row
	Attempts  []Attempt
	FirstSeen time.Time
}

// Postponed is a command that is to come back later through a schedule.
type Postponed struct {
	Command *command.Command
	Version int
	Due     time.Time
	// Again tells several schedules of one version apart: the stream would silently
	// drop the second under the first one's id. "" for the version's own schedule.
	Again string
}
