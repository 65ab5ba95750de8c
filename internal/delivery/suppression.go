package delivery

import (
	"net/mail"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Suppression keeps messages from one recipient.
type Suppression struct {
	// Recipient is an e-mail address as [FoldAddress] writes it, or a phone number
	// in E.164.
	Recipient string
	// List says of what: everything, marketing or transactional messages.
	List SuppressionList
	// Reason is bounced, complained, unsubscribed or manual.
	Reason SuppressionReason
	// Provider and DeliveryID say where it came from; zero when a person said so.
	Provider   string
	DeliveryID uuid.UUID
	Note       string
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero for good
}

// SuppressionList says which messages a suppression keeps back. Who opts out of
// advertising still gets the decision on an application.
type SuppressionList string

// The lists. A category of messages is the name of its list.
const (
	SuppressAll           SuppressionList = "all"
	SuppressMarketing     SuppressionList = "marketing"
	SuppressTransactional SuppressionList = "transactional"
)

// Valid reports whether l is one of the three.
func (l SuppressionList) Valid() bool {
	return l == SuppressAll || l == SuppressMarketing || l == SuppressTransactional
}

// SuppressionReason is why a recipient gets nothing more.
type SuppressionReason string

// The reasons.
const (
	HardBounce   SuppressionReason = "bounced"
	Complaint    SuppressionReason = "complained"
	Unsubscribed SuppressionReason = "unsubscribed"
	Manual       SuppressionReason = "manual"
)

// IsRecipient reports whether text is an e-mail address or has the digits of a phone
// number, in any spelling.
func IsRecipient(text string) bool {
	if strings.Contains(text, "@") {
		address, err := mail.ParseAddress(text)
		return err == nil && address.Address == text
	}
	digits := 0
	for _, r := range text {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return digits >= 8 && digits <= 15
}

// FoldAddress writes an e-mail address the one way in which addresses are
// compared. Letter case of the local part could tell mailboxes apart; no mail
// service in use does that, and people write it as it comes.
func FoldAddress(address string) string { return strings.ToLower(strings.TrimSpace(address)) }
