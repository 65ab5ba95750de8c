// Package alert decides what people are told of. One worker of the fleet looks
// at fleet-wide figures again and again; rules turn them into readings, and
// patience turns readings into alerts: raised once, resolved once.
//
//	Probe (figures) ─► Reading (fine, doubtful, bad) ─► judge ─► Change ─► Store: row, event, notices
//
// What is firing stands in the store, so that the next worker goes on where a
// dead one stopped, and of two that believe to be the one only one is heard.
package alert

import (
	"time"

	"github.com/google/uuid"
)

// Name names a rule.
type Name string

// The alerts of the contract.
const (
	ProviderFailureRate Name = "ProviderFailureRate"
	ProviderUnhealthy   Name = "ProviderUnhealthy"
	BreakerOpen         Name = "BreakerOpen"
	DeadLetters         Name = "DeadLetters"
	QuotaExhausted      Name = "QuotaExhausted"
	Unauthorized        Name = "Unauthorized"
	OutboxStuck         Name = "OutboxStuck"
	StreamBacklog       Name = "StreamBacklog"
	ManualQueue         Name = "ManualQueue"
)

// Names lists every alert.
func Names() []Name {
	return []Name{
		ProviderFailureRate, ProviderUnhealthy, BreakerOpen, DeadLetters, QuotaExhausted, Unauthorized, OutboxStuck, StreamBacklog, ManualQueue,
	}
}

// Severity says how soon a person is needed.
type Severity string

// The severities.
const (
	Warning  Severity = "warning"  // have a look today
	Critical Severity = "critical" // something does not reach anybody now
)

func (s Severity) above(other Severity) bool { return s == Critical && other == Warning }

// Key tells one alert from another: a rule and what it is about, a provider, a
// kind or a lane; "" for the whole.
type Key struct {
	Alert   Name
	Subject string
}

// Level is how one thing stands in the eyes of a rule.
type Level int

// The levels. Doubtful is between the limit that raises and the one that
// resolves: whatever is the case remains so.
const (
	Fine Level = iota
	Doubtful
	Bad
)

// Reading is what a rule found. Its message is one sentence for people, without
// anybody's data.
type Reading struct {
	Key
	Level    Level
	Severity Severity
	Message  string
}

// Alert is one episode of one key: from the first bad reading until it is over.
type Alert struct {
	ID uuid.UUID
	Key
	Severity Severity
	Message  string
	// Since is when the condition began. RaisedAt is zero while it has not lasted
	// long enough; FineSince is zero while it lasts; ResolvedAt while it is not over.
	Since, RaisedAt, FineSince, ResolvedAt time.Time
	// ToldAt is when people were last told; zero while it was silenced all the time.
	// Told counts what was told of it, events included.
	ToldAt time.Time
	Told   int
	// Silenced says until when nobody is told; zero for not at all.
	Silenced time.Time
	// Version counts changes of the stored row.
	Version int
}

// Firing reports whether the alert is raised and not over.
func (a Alert) Firing() bool { return !a.RaisedAt.IsZero() && a.ResolvedAt.IsZero() }

// Patience is how long things must last.
type Patience struct {
	// For is how long a condition lasts before it is raised, Keep how long it must
	// be fine before it is resolved, Repeat after which time people are reminded
	// of what still fires; 0 for never.
	For, Keep, Repeat time.Duration
}
