package solapi

import (
	"context"
	"crypto/sha1" //nolint:gosec // the vendor's own form
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Headers of the vendor's webhooks.
const (
	HeaderSecret = "X-Solapi-Secret"
	HeaderEvent  = "X-Solapi-Event-Name"
)

// Webhook verifies and reads Solapi's reports. The secret in their header is the
// same in every one and covers neither body nor time, so that whoever has seen one
// can make another: a report is a hint, and the vendor's list decides.
type Webhook struct {
	driver  *Driver
	secrets []string // as they stand in the header
}

// NewWebhook takes the configured secrets. The header carries the SHA-1 of one in
// hexadecimal; plain says that it carries the secret itself. driver asks the
// vendor; nil believes the reports.
func NewWebhook(driver *Driver, secrets []string, plain bool) *Webhook {
	w := &Webhook{driver: driver}
	for _, secret := range secrets {
		if !plain {
			secret = HashSecret(secret)
		}
		w.secrets = append(w.secrets, secret)
	}
	return w
}

// HashSecret is what the header carries of a secret.
func HashSecret(secret string) string {
	sum := sha1.Sum([]byte(secret)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// Verify implements webhook.Source.
func (w *Webhook) Verify(_ context.Context, header http.Header, _ []byte, _ time.Time) error {
	got := header.Get(HeaderSecret)
	if got == "" {
		return fault.New(fault.Unauthorized, "solapi: verify", "%s is missing", HeaderSecret)
	}
	if !providers.KnowsSecret(w.secrets, got) {
		return fault.New(fault.Refused, "solapi: verify", "%s is none of the configured secrets (webhook.secrets)", HeaderSecret)
	}
	return nil
}

// webhookReport is an item of a report. A group's has no message.
type webhookReport struct {
	itemID
	Fields   fields `json:"customFields"`
	Received string `json:"dateReceived"`
	Reported string `json:"dateReported"`
}

// itemID is what makes the id of an item's event.
type itemID struct {
	MessageID  string `json:"messageId"`
	GroupID    string `json:"groupId"`
	StatusCode string `json:"statusCode"`
}

// Split returns the items of a report. A message is reported more than once, with
// another code each time it moves on: both make the id of the event.
func (w *Webhook) Split(header http.Header, body []byte) ([]delivery.Notice, error) {
	lenient := []json.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	var items []jsontext.Value
	if err := json.Unmarshal(body, &items, lenient...); err != nil {
		return nil, fault.New(fault.Invalid, "solapi: split", "the body is no JSON array")
	}
	notices := make([]delivery.Notice, 0, len(items))
	for _, item := range items {
		var r itemID // alone: what else one item has must not spoil the batch
		if item.Kind() != '{' || json.Unmarshal(item, &r, lenient...) != nil {
			return nil, fault.New(fault.Invalid, "solapi: split", "an item is not of the documented form")
		}
		id := ""
		switch {
		case r.MessageID != "":
			id = r.MessageID + ":" + r.StatusCode
		case r.GroupID != "":
			id = "group:" + r.GroupID + ":" + header.Get(HeaderEvent)
		}
		notices = append(notices, delivery.Notice{EventID: id, Event: item})
	}
	return notices, nil
}

// groupPrefix marks the id of a group among those of messages.
const groupPrefix = "group:"

// Parse implements webhook.Source. What a status code means is in [State].
func (w *Webhook) Parse(event jsontext.Value) ([]delivery.Report, error) {
	var r webhookReport
	if err := json.Unmarshal(event, &r, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, fault.New(fault.Invalid, "solapi: parse", "the event is not of the documented form")
	}
	report := stateReport(r.StatusCode)
	for _, stamp := range []string{r.Received, r.Reported} {
		if at, err := time.Parse(time.RFC3339, stamp); err == nil && report.At.IsZero() {
			report.At = at
		}
	}
	report.ID, _ = uuid.Parse(r.Fields.commandID())
	switch {
	case r.MessageID != "":
		report.MessageIDs = []string{r.MessageID}
	case r.GroupID != "":
		report.Type, report.MessageIDs = "group", []string{groupPrefix + r.GroupID}
	default:
		return nil, nil // a received fax, or news of another sort
	}
	return []delivery.Report{report}, nil
}

// Confirm asks the vendor's list. While it still calls a message pending that was
// reported as final, the report waits.
func (w *Webhook) Confirm(ctx context.Context, reports []delivery.Report) ([]delivery.Report, error) {
	if w.driver == nil {
		return reports, nil
	}
	var confirmed []delivery.Report
	for _, hint := range reports {
		filter := url.Values{"messageId": hint.MessageIDs}
		wanted := func(item listed) bool { return item.MessageID == hint.MessageIDs[0] }
		if group, ok := strings.CutPrefix(hint.MessageIDs[0], groupPrefix); ok {
			filter, wanted = url.Values{"groupId": {group}}, func(listed) bool { return true }
		}
		item, err := w.driver.find(ctx, filter, wanted)
		if fault.Of(err) == fault.NotFound {
			return nil, fault.New(fault.Unavailable, "solapi: confirm", "the vendor's list does not have the reported message")
		}
		if err != nil {
			return nil, err
		}
		report := stateReport(item.StatusCode)
		if report.Status == delivery.Sent && hint.Status != delivery.Sent && hint.Type != "group" {
			return nil, fault.New(fault.Unavailable, "solapi: confirm", "the vendor's list does not show the reported state yet")
		}
		report.At, report.MessageIDs = hint.At, []string{item.MessageID}
		report.ID, _ = uuid.Parse(item.Fields.commandID())
		confirmed = append(confirmed, report)
	}
	return confirmed, nil
}

func stateReport(code string) delivery.Report {
	if len(code) > 8 {
		code = code[:8]
	}
	status, reason := State(code)
	report := delivery.Report{Type: code, Status: status, Reason: reason, Code: code}
	if status == delivery.Undelivered {
		report.Message = ofStatus(code).says
	}
	return report
}
