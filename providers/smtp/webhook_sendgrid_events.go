package smtp

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// meaning is what an event of a mail vendor comes to.
type meaning struct {
	status   delivery.Status
	reason   fault.Reason
	message  string
	suppress delivery.SuppressionReason
	list     delivery.SuppressionList
}

// Meanings that several events of the vendors have. A soft failure ranks below a
// delivery: receivers' automatic answers are reported as such too.
var (
	taken      = meaning{status: delivery.Sent}
	arrived    = meaning{status: delivery.Delivered}
	history    = meaning{}
	hardBounce = meaning{delivery.Bounced, fault.Refused, "the recipient's server refused the message for good", delivery.HardBounce, delivery.SuppressAll}
	softBounce = meaning{delivery.Undelivered, fault.Refused, "the recipient's server did not take the message", "", ""}
	complaint  = meaning{delivery.Complained, fault.Refused, "the recipient reported the message as spam", delivery.Complaint, delivery.SuppressAll}
	heldBack   = meaning{delivery.Undelivered, fault.Suppressed, "the provider has the recipient on a list of its own and did not send", "", ""}
	optOut     = meaning{"", "", "", delivery.Unsubscribed, delivery.SuppressMarketing}
)

// sendGridEvents is the table of event types. A bounce is of type bounce, blocked
// or expired; what was dropped was never sent, for a reason in words.
var sendGridEvents = map[string]meaning{
	"processed":         taken,
	"deferred":          history,
	"delivered":         arrived,
	"bounce":            hardBounce,
	"bounce/blocked":    softBounce,
	"bounce/expired":    softBounce,
	"dropped":           {delivery.Undelivered, fault.Refused, "the provider did not send the message", "", ""},
	"dropped/bounced":   {delivery.Undelivered, fault.Suppressed, heldBack.message, delivery.HardBounce, delivery.SuppressAll},
	"dropped/spam":      {delivery.Undelivered, fault.Suppressed, heldBack.message, delivery.Complaint, delivery.SuppressAll},
	"dropped/opt-out":   {delivery.Undelivered, fault.Suppressed, heldBack.message, delivery.Unsubscribed, delivery.SuppressMarketing},
	"dropped/invalid":   hardBounce,
	"spamreport":        complaint,
	"unsubscribe":       optOut,
	"group_unsubscribe": optOut,
	"group_resubscribe": history,
	"open":              history,
	"click":             history,
}

// sendGridEvent is an event as far as it is needed. Our id comes back at the top,
// as every custom argument does.
type sendGridEvent struct {
	Event     string         `json:"event"`
	Type      string         `json:"type"`
	Email     string         `json:"email"`
	Reason    string         `json:"reason"`
	Status    string         `json:"status"`
	SMTPID    string         `json:"smtp-id"`
	MessageID string         `json:"sg_message_id"`
	GangwayID string         `json:"gangway_id"`
	Timestamp jsontext.Value `json:"timestamp"`
}

// Parse implements webhook.Source.
func (w *SendGridWebhook) Parse(event jsontext.Value) ([]delivery.Report, error) {
	var e sendGridEvent
	if err := json.Unmarshal(event, &e, jsontext.AllowDuplicateNames(true)); err != nil || e.Event == "" {
		return nil, fault.New(fault.Invalid, "sendgrid: parse", "the event is not of the documented form")
	}
	m := sendGridEvents[sendGridKey(e)]
	r := m.report(e.Event, e.Email, e.Status)
	if seconds, err := strconv.ParseFloat(strings.Trim(string(e.Timestamp), `"`), 64); err == nil && seconds > 0 && seconds < 1<<33 {
		r.At = time.Unix(int64(seconds), 0).UTC()
	}
	if r.ID, _ = uuid.Parse(e.GangwayID); r.ID == uuid.Nil {
		r.ID = delivery.OwnID(e.SMTPID) // all that late bounces carry
	}
	// What follows the first dot names a machine; what stands before it is what the
	// server said when it took the message.
	if id, _, _ := strings.Cut(e.MessageID, "."); id != "" {
		r.MessageIDs = []string{id}
	}
	return []delivery.Report{r}, nil
}

func sendGridKey(e sendGridEvent) string {
	reason := strings.ToLower(e.Reason)
	switch {
	case e.Event == "bounce" && (e.Type == "blocked" || e.Type == "expired"):
		return "bounce/" + e.Type
	case e.Event == "bounce" && strings.HasPrefix(e.Status, "4."):
		return "bounce/blocked"
	case e.Event != "dropped":
		return e.Event
	case strings.Contains(reason, "bounced"):
		return "dropped/bounced"
	case strings.Contains(reason, "spam report"):
		return "dropped/spam"
	case strings.Contains(reason, "unsubscribe"):
		return "dropped/opt-out"
	case strings.Contains(reason, "invalid"):
		return "dropped/invalid"
	}
	return e.Event
}

// report fills in what the table says of an event about a recipient.
func (m meaning) report(word, recipient, code string) delivery.Report {
	if len(code) > 64 {
		code = code[:64]
	}
	return delivery.Report{
		Type: word, Status: m.status, Reason: m.reason, Message: m.message, Code: code,
		Recipient: recipient, Suppress: m.suppress, List: m.list,
	}
}
