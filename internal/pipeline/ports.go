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

// Handler executes one kind of command.
type Handler interface {
	// Plan chooses the provider of the first call. It writes nothing.
	Plan(ctx context.Context, cmd *command.Command) delivery.Plan
	// Handle makes the calls of one round and reports what came of them.
	Handle(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result
	// Recover finishes a command whose worker died around a call.
	Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result
}

// Observer is told of what happens, for metrics and the log.
type Observer interface {
	// Began and Ended enclose the processing of one message.
	Began(kind command.Kind)
	Ended(kind command.Kind)
	// Settled follows every committed status but queued and processing.
	Settled(ctx context.Context, row delivery.Row)
	// Trouble reports what a person may have to look at; the command goes on later.
	Trouble(ctx context.Context, cmd *command.Command, doing string, err error)
}

// Store commits claims and records. Both return only after COMMIT. While the
// database is away they wait and retry until ctx ends: an outcome is never
// dropped because it could not be written at once.
type Store interface {
	Claim(ctx context.Context, claim delivery.Claim) (delivery.Claimed, error)
	Record(ctx context.Context, record delivery.Record) (delivery.Recorded, error)
}

// Outlet publishes what a settled command gives rise to. Each call returns when
// the stream has acknowledged; ids are deterministic, so that a repeat is harmless.
type Outlet interface {
	Event(ctx context.Context, row delivery.Row) error
	Schedule(ctx context.Context, postponed delivery.Postponed) error
	DeadLetter(ctx context.Context, letter delivery.Letter) error
}
