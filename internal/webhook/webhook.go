// Package webhook is how providers report: a request is verified, stored on the
// bus and only then answered; a worker applies it later, like any command.
//
//	POST /webhooks/{provider} → room → body → Source.Verify → Source.Split → bus → 200 or 202
//	                                                                          │
//	delivery ← Book.Apply ← Confirm ← Source.Parse ← Processor ← webhook.process
//
// A sender that hears an error sends again, so that nothing is lost in front of
// the bus; behind it the rules of commands hold: retried, dead-lettered, replayed.
// The package also pushes our own events out to the portal (see [Pusher]).
package webhook

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Source knows the webhooks of one vendor.
type Source interface {
	// Verify reports whether a request is the provider's. Its fault says what to
	// answer: unauthorized when there is no signature, refused when it is wrong or
	// outdated, invalid when the request cannot be read. With any other fault it
	// could not be decided, and the sender is asked to try again.
	Verify(ctx context.Context, header http.Header, body []byte, now time.Time) error
	// Split returns the events in a verified request; none when there is nothing to
	// process. Its faults are those of Verify.
	Split(header http.Header, body []byte) ([]delivery.Notice, error)
	// Parse says what one event means for deliveries. An event that cannot be read
	// is an invalid fault.
	Parse(event jsontext.Value) ([]delivery.Report, error)
}

// Confirmer is implemented by sources whose signature proves little: what was
// reported is a hint, and the provider is asked. A report that it does not
// confirm comes back as the provider has it, or as an error.
type Confirmer interface {
	Confirm(ctx context.Context, reports []delivery.Report) ([]delivery.Report, error)
}

// Follower is implemented by sources with events that ask for something, such as
// to confirm a subscription. It reports whether the event was of that sort.
type Follower interface {
	Follow(ctx context.Context, event jsontext.Value) (bool, error)
}

// Invalidator is implemented by sources with events that make cached answers out
// of date.
type Invalidator interface {
	Invalidates(event jsontext.Value) delivery.Invalidation
}

// Endpoint is where one configured provider reports.
type Endpoint struct {
	Source Source
	// Accepted is the answer once the events are stored: 200 for senders that want
	// exactly that, else 202.
	Accepted int
	// MaxBody bounds a request, in bytes.
	MaxBody int64
	// AllowFrom lists the networks that may send; empty allows all.
	AllowFrom []netip.Prefix
}

// Bounds of requests, in bytes.
const (
	MaxBody         = 1 << 20
	MaxBodySendGrid = 2 << 20
)

// Receipt describes one request for the log and for metrics, refused ones too.
type Receipt struct {
	Provider string // as the path names it
	Client   string // address, without port
	Status   int    // of the answer
	Outcome  Outcome
	Events   int
	Bytes    int
	Took     time.Duration
	Err      error
}

// Outcome sums a request up.
type Outcome string

// The outcomes of a request.
const (
	Accepted  Outcome = "accepted"
	Duplicate Outcome = "duplicate" // every event was here before
	Refused   Outcome = "refused"   // the sender's fault
	Failed    Outcome = "failed"    // ours
)
