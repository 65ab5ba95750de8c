package delivery

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Notice is one event as a provider sent it, after its signature was verified.
type Notice struct {
	// EventID is the provider's own id of the event; a repeat has the same.
	EventID string
	Event   jsontext.Value
}

// Report is what a provider says of one recipient of one message.
type Report struct {
	// Type is the provider's own word: "bounce", "Complaint", "4000".
	Type string
	// Status is what it means for the delivery, "" when it means nothing for it: an
	// opened message, a delay.
	Status Status
	Reason fault.Reason
	// Code is the provider's or the remote server's: "5.1.1", "3032".
	Code string
	// Message is one sentence for a person, without personal data.
	Message string
	At      time.Time // zero when it does not say

	// The message is found by our id, then by any of the provider's.
	ID         uuid.UUID
	MessageIDs []string
	// Recipient is an e-mail address or a number in E.164, "" when it names none.
	Recipient string

	// Suppress keeps further messages of List from the recipient, also when no
	// delivery is found; "" does not.
	Suppress SuppressionReason
	List     SuppressionList

	// Unproven: anybody could have written it, such as a mail that says of itself
	// that it is a bounce. It suppresses only who was a recipient of the delivery
	// that it names.
	Unproven bool
}

// Names reports whether a report names a message at all. Late bounces of some
// providers do not.
func (r Report) Names() bool { return r.ID != uuid.Nil || len(r.MessageIDs) > 0 }

// Received is a notice on its way into the database.
type Received struct {
	Notice
	ID         uuid.UUID // of the command that processes it
	Provider   string
	Headers    map[string]string
	ReceivedAt time.Time
}

// Applied is what a notice came to.
type Applied struct {
	// Rows are the deliveries that it changed, as they now stand.
	Rows []Row
	// Matched counts the reports whose delivery was found, Suppressed the recipients
	// that get nothing more.
	Matched, Suppressed int
}

// Advance returns the status of a delivery that stands at current after a report:
// the one that ranks higher. It is the same for any order and any repetition of
// the same reports.
func Advance(current, reported Status) Status {
	if reported != "" && reported.Rank() > current.Rank() {
		return reported
	}
	return current
}

// Invalidation names cached answers that are out of date.
type Invalidation struct {
	RegistrationNumbers []string // companies
	Keywords            []string // address searches
	Patterns            []string // keys of the cache, with *
}

// Empty reports whether nothing is named.
func (i Invalidation) Empty() bool {
	return len(i.RegistrationNumbers)+len(i.Keywords)+len(i.Patterns) == 0
}

// Poll is a message whose provider is asked what became of it.
type Poll struct {
	DeliveryID uuid.UUID
	Provider   string
	MessageID  string
	Since      time.Time // of the call that sent it
	Asked      int
}

// BadAddress reports whether an enhanced status code (RFC 3463) says that the
// address itself will never take a message: "5.1.1" does, a full mailbox or a
// refusal by policy does not.
func BadAddress(code string) bool {
	switch code {
	case "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4":
		return true
	}
	return false
}

// OwnID reads our id from a Message-ID that we made: its left part. It is the nil
// id for any other text.
func OwnID(messageID string) uuid.UUID {
	local, _, found := strings.Cut(strings.Trim(messageID, "<> "), "@")
	if id, err := uuid.Parse(local); found && err == nil && len(local) == 36 {
		return id
	}
	return uuid.Nil
}
