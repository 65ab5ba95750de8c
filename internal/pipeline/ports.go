// Package pipeline is the one path of a command: decode, plan, claim, handle,
// judge, record, settle. It knows neither NATS nor Postgres nor any vendor; it
// meets them through the small interfaces of this file.
package pipeline

import (
	"context"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Message is one delivery of a stored message. Exactly one of Ack, RetryIn and
// Terminate is called, last; the broker carries it out when Process has returned.
type Message interface {
	Subject() string
	Body() []byte
	Headers() map[string][]string
	// Source says where the message came from, with the identity, generation and
	// trace that its headers carry.
	Source() command.Source
	// Deliveries counts how often the broker handed it out, from 1.
	Deliveries() int

	Ack()
	// CanRetryIn reports whether the broker may hold the message for d. Longer
	// delays, and messages handed out too often already, come back by schedule.
	CanRetryIn(d time.Duration) bool
	RetryIn(d time.Duration)
	Terminate(reason string)
}

// Last is implemented by messages that may be the last delivery of their command.
type Last interface {
	// Exhausted reports that the broker will not hand the message out again.
	Exhausted() bool
}

// Handler executes one kind of command.
type Handler interface {
	// Plan chooses the provider of the first call. It writes nothing.
	Plan(ctx context.Context, cmd *command.Command) delivery.Plan
	// Handle makes the calls of one round and reports what came of them.
	Handle(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result
	// Recover finishes a command whose worker died around a call.
	Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result
}

// Confidant is implemented by handlers whose commands may carry values that are
// not to be kept: reset links, codes.
type Confidant interface {
	// Sensitive names the variables of a command whose values nobody is to see and
	// that are wiped when it ends. The payload is nil when it could not be decoded.
	Sensitive(cmd *command.Command) []string
}

// Observer is told of what happens, for metrics and the log.
type Observer interface {
	// Began and Ended enclose the processing of one message.
	Began(kind command.Kind)
	Ended(kind command.Kind)
	// Settled follows every committed status but queued and processing.
	Settled(ctx context.Context, row delivery.Row)
	// FailedOver reports a call that goes to another provider than it should have.
	FailedOver(ctx context.Context, failover delivery.Failover)
	// Trouble reports what a person may have to look at; the command goes on later.
	Trouble(ctx context.Context, cmd *command.Command, doing string, err error)
}

// Store commits claims and records. Both return only after COMMIT. While the
// database is away they wait and retry until ctx ends: an outcome is never
// dropped because it could not be written at once.
type Store interface {
	Claim(ctx context.Context, claim delivery.Claim) (delivery.Claimed, error)
	// Record may read on after ctx has ended: the record must not be changed then.
	Record(ctx context.Context, record *delivery.Record) (delivery.Recorded, error)
	// Adopt gives the row of a command that was cancelled before it came what only
	// the command knows.
	Adopt(ctx context.Context, cmd *command.Command) (delivery.Row, error)
	// Conflict keeps a letter about a second body under a known id.
	Conflict(ctx context.Context, letter delivery.Letter) error
}

// Outlet publishes what a settled command gives rise to. Each call returns when
// the stream has acknowledged; ids are deterministic, so that a repeat is harmless.
type Outlet interface {
	Event(ctx context.Context, row delivery.Row) error
	Failover(ctx context.Context, failover delivery.Failover) error
	Schedule(ctx context.Context, postponed delivery.Postponed) error
	DeadLetter(ctx context.Context, letter delivery.Letter) error
}
