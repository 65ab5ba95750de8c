package delivery

import (
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Failover tells that a command went to another provider than it should have.
// It is worth knowing also when that one succeeds: the route has lost a leg, and
// the replacement may cost more or show another sender.
type Failover struct {
	ID   uuid.UUID // of the command
	Kind command.Kind
	// Attempt is the call that goes to the replacement.
	Attempt int
	From    string // the provider that failed or was not ready
	To      string // the one that is called instead
	Reason  fault.Reason
	// ErrorCode is the failed provider's own word.
	ErrorCode string
	TraceID   string
	At        time.Time
}
