package bounce

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// event is what goes to the bus: an event in the form that every provider
// without webhooks of its own making has (docs/WEBHOOKS.md). The server's words
// stay behind, because they repeat addresses and more.
type event struct {
	Type string    `json:"type"`
	At   time.Time `json:"timestamp,omitzero"`
	Data struct {
		DeliveryID string `json:"delivery_id,omitzero"`
		MessageID  string `json:"message_id,omitzero"`
		Recipient  string `json:"recipient,omitzero"`
		Code       string `json:"code,omitzero"`
		Permanent  bool   `json:"permanent"`
		Unproven   bool   `json:"unproven"`
	} `json:"data"`
}

// OwnID is our id of the message that the report speaks of, the nil id when it is
// not ours.
func (r Report) OwnID() uuid.UUID {
	if id, err := uuid.Parse(r.EnvelopeID); err == nil && len(r.EnvelopeID) == 36 {
		return id
	}
	return delivery.OwnID(r.MessageID)
}

// names reports whether the report names the message that it speaks of.
func (r Report) names() bool { return r.OwnID() != uuid.Nil || r.MessageID != "" }

// Notices makes an event of each recipient about whom there is something to
// report; none when the report names no message. Anybody can write such a mail,
// so that the events say of themselves that nothing proves them.
func (r Report) Notices() ([]delivery.Notice, error) {
	if !r.names() {
		return nil, nil
	}
	id := r.OwnID()
	var notices []delivery.Notice
	for _, recipient := range r.Recipients {
		m := recipient.meaning()
		if m.word == "" {
			continue
		}
		e := event{Type: "dsn." + m.word, At: recipient.LastAttempt}
		if e.At.IsZero() {
			e.At = r.Date
		}
		if id != uuid.Nil {
			e.Data.DeliveryID = id.String()
		}
		e.Data.MessageID, e.Data.Recipient, e.Data.Code = r.MessageID, recipient.Address(), recipient.Code()
		e.Data.Permanent, e.Data.Unproven = m.permanent, true
		text, err := json.Marshal(e, json.Deterministic(true))
		if err != nil {
			return nil, err
		}
		notices = append(notices, delivery.Notice{EventID: r.eventID(recipient), Event: text})
	}
	return notices, nil
}

// eventID is the same for every copy of the notification.
func (r Report) eventID(about Recipient) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{
		r.ID, r.EnvelopeID, r.MessageID, about.Original, about.Final, about.Action, about.Code(),
	}, "\x00")))
	return "dsn." + hex.EncodeToString(sum[:16])
}
