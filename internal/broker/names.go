package broker

import (
	"strings"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/gangwon-portal/gangway/internal/command"
)

// Streams of the contract, section 3.
const (
	StreamCommands    = "GANGWAY_COMMANDS"
	StreamScheduled   = "GANGWAY_SCHEDULED"
	StreamDeadLetters = "GANGWAY_DEADLETTERS"
	StreamEvents      = "GANGWAY_EVENTS"
	StreamAdvisories  = "GANGWAY_ADVISORIES"
)

// Buckets of the contract, section 3.
const (
	BucketState       = "gangway_state"
	BucketCache       = "gangway_cache"
	BucketAttachments = "gangway_attachments"
)

// Headers of messages on the bus.
const (
	HeaderMsgID       = nats.MsgIdHdr
	HeaderTraceParent = "traceparent"
	HeaderTraceState  = "tracestate"
	// HeaderID carries a command's identity where Nats-Msg-Id cannot: the server
	// strips that one from a fired schedule, and our own messages use it for
	// "<id>.<version>".
	HeaderID = "Gangway-Id"
	// HeaderGeneration counts replays; HeaderVersion is the row's version.
	HeaderGeneration = "Gangway-Generation"
	HeaderVersion    = "Gangway-Version"
	// HeaderRequestedAt is when the producer published the command (RFC 3339 with
	// nanoseconds): the timestamp of a fired schedule or a replay is later.
	HeaderRequestedAt = "Gangway-Requested-At"
)

// Headers of dead letters.
const (
	HeaderReason    = "Gangway-Reason"
	HeaderError     = "Gangway-Error"
	HeaderAttempts  = "Gangway-Attempts"
	HeaderFirstSeen = "Gangway-First-Seen"
	HeaderHistory   = "Gangway-History" // JSON list, one object an attempt
	HeaderLane      = "Gangway-Lane"
	// HeaderBodyLength stands only where the body had to be cut to fit the
	// server's limit: its full length in bytes.
	HeaderBodyLength = "Gangway-Body-Length"
)

// Headers that make the server hold a message until its time.
const (
	headerSchedule       = "Nats-Schedule"
	headerScheduleTarget = "Nats-Schedule-Target"
)

const (
	subjectScheduledAt  = "scheduled.at."
	subjectScheduledDue = "scheduled.due."
	subjectDeadLetter   = "deadletter."
	subjectEvent        = "event."
)

// ConsumerName names the durable consumer of a kind's lane on
// [StreamCommands]: "email-send-high".
func ConsumerName(kind command.Kind, lane command.Lane) string {
	return strings.ReplaceAll(string(kind), ".", "-") + "-" + string(lane)
}

// DueConsumerName names the durable consumer of a kind's fired schedules on
// [StreamScheduled]: "due-email-send-high".
func DueConsumerName(kind command.Kind, lane command.Lane) string {
	return "due-" + ConsumerName(kind, lane)
}

// lanesOf lists the lanes that kind has, most urgent first.
func lanesOf(kind command.Kind) []command.Lane {
	if kind == command.EmailSend {
		return append([]command.Lane{command.Alerts}, command.Lanes()...)
	}
	if kind.Producer() {
		return command.Lanes()
	}
	return []command.Lane{command.Normal}
}

// scheduledAt is the identity of a schedule: one subject for each command, so
// that a new due time replaces the old one. Only a UUID becomes a token.
func scheduledAt(id uuid.UUID) string { return subjectScheduledAt + id.String() }

// scheduledDue is where a schedule fires to.
func scheduledDue(kind command.Kind, lane command.Lane) string {
	if lane == "" {
		lane = command.Normal
	}
	return subjectScheduledDue + string(kind) + "." + string(lane)
}
