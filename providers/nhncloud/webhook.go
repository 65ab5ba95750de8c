package nhncloud

import (
	"context"
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
	"github.com/gangwon-portal/gangway/providers/smstext"
)

// HeaderSignature carries the configured text itself.
const HeaderSignature = "X-Toast-Webhook-Signature"

// Events of the vendor's webhooks. CONVERSION_BLOCK is about a country, not about
// a message.
const (
	eventResult        = "MESSAGE_RESULT_UPDATE"
	eventInternational = "INTERNATIONAL_DELIVERY_RECEIPT"
	eventUnsubscribe   = "UNSUBSCRIBE"
)

// Webhook verifies and reads NHN Cloud's reports. The signature is a fixed text
// that covers neither body nor time, so that whoever has seen one can make
// another: a result is a hint, and the vendor's list decides.
type Webhook struct {
	driver  *Driver
	secrets []string
}

// NewWebhook takes the configured texts, any of which is accepted. driver asks
// the vendor; nil believes the reports.
func NewWebhook(driver *Driver, secrets []string) *Webhook {
	return &Webhook{driver: driver, secrets: secrets}
}

// Verify implements webhook.Source.
func (w *Webhook) Verify(_ context.Context, header http.Header, _ []byte, _ time.Time) error {
	got := header.Get(HeaderSignature)
	if got == "" {
		return fault.New(fault.Unauthorized, "nhncloud: verify", "%s is missing", HeaderSignature)
	}
	if !providers.KnowsSecret(w.secrets, got) {
		return fault.New(fault.Refused, "nhncloud: verify", "%s is none of the configured texts (webhook.secrets)", HeaderSignature)
	}
	return nil
}

// webhookEvent is one hook with the name of its event, as Split makes it.
type webhookEvent struct {
	Event string         `json:"event"`
	Hook  jsontext.Value `json:"hook"`
}

// Split returns the hooks of a request one by one.
func (w *Webhook) Split(_ http.Header, body []byte) ([]delivery.Notice, error) {
	lenient := []json.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	var request struct {
		Event string           `json:"event"`
		Hooks []jsontext.Value `json:"hooks"`
	}
	if err := json.Unmarshal(body, &request, lenient...); err != nil {
		return nil, fault.New(fault.Invalid, "nhncloud: split", "the body is not of the documented form")
	}
	notices := make([]delivery.Notice, 0, len(request.Hooks))
	for _, hook := range request.Hooks {
		var id struct {
			HookID string `json:"hookId"`
		}
		if hook.Kind() != '{' || json.Unmarshal(hook, &id, lenient...) != nil {
			return nil, fault.New(fault.Invalid, "nhncloud: split", "a hook is not of the documented form")
		}
		event, err := json.Marshal(webhookEvent{Event: request.Event, Hook: hook}, lenient...)
		if err != nil {
			return nil, fault.New(fault.Invalid, "nhncloud: split", "a hook cannot be read")
		}
		notices = append(notices, delivery.Notice{EventID: id.HookID, Event: event})
	}
	return notices, nil
}

// hook is what a hook says of a message, or who wants no more advertising.
type hook struct {
	RequestID   string `json:"requestId"`
	Status      string `json:"messageStatus"`
	Code        code   `json:"resultCode"`
	Received    string `json:"receivedDate"`
	Created     string `json:"createdDateTime"`
	RecipientNo string `json:"recipientNo"`
}

// Parse implements webhook.Source. What a result means is in [State].
func (w *Webhook) Parse(event jsontext.Value) ([]delivery.Report, error) {
	var e webhookEvent
	var h hook
	if json.Unmarshal(event, &e, jsontext.AllowDuplicateNames(true)) != nil || json.Unmarshal(e.Hook, &h, jsontext.AllowDuplicateNames(true)) != nil {
		return nil, fault.New(fault.Invalid, "nhncloud: parse", "the event is not of the documented form")
	}
	switch e.Event {
	case eventResult, eventInternational:
		if h.RequestID == "" {
			return nil, fault.New(fault.Invalid, "nhncloud: parse", "the event names no request")
		}
		report := stateReport(h.Status, string(h.Code))
		report.MessageIDs, report.At = []string{h.RequestID}, when(h.Received, h.Created)
		return []delivery.Report{report}, nil
	case eventUnsubscribe:
		number, err := smstext.ParseNumber(h.RecipientNo, smstext.NumberRules{})
		if err != nil {
			return nil, nil //nolint:nilerr // nobody whom we could write to
		}
		return []delivery.Report{{
			Type: e.Event, At: when(h.Created), Recipient: number,
			Suppress: delivery.Unsubscribed, List: delivery.SuppressMarketing,
		}}, nil
	}
	return nil, nil
}

// Confirm asks the vendor's list about results. While it still calls a message
// pending that was reported as final, the report waits. An opt-out by the 080
// number has no list to ask; to believe a false one costs an advertisement.
func (w *Webhook) Confirm(ctx context.Context, reports []delivery.Report) ([]delivery.Report, error) {
	if w.driver == nil {
		return reports, nil
	}
	var confirmed []delivery.Report
	for _, hint := range reports {
		if len(hint.MessageIDs) == 0 {
			confirmed = append(confirmed, hint)
			continue
		}
		item, err := w.driver.listed(ctx, hint.MessageIDs[0])
		if fault.Of(err) == fault.NotFound {
			return nil, fault.New(fault.Unavailable, "nhncloud: confirm", "the vendor's list does not have the reported request")
		}
		if err != nil {
			return nil, err
		}
		report := stateReport(string(item.Status), string(item.Code))
		if report.Status == delivery.Sent && hint.Status != delivery.Sent {
			return nil, fault.New(fault.Unavailable, "nhncloud: confirm", "the vendor's list does not show the reported state yet")
		}
		report.At, report.MessageIDs = hint.At, hint.MessageIDs
		report.ID, _ = uuid.Parse(item.Key)
		confirmed = append(confirmed, report)
	}
	return confirmed, nil
}

// listed finds a request of one message. Its id does not tell SMS from LMS, and
// each has a list of its own.
func (d *Driver) listed(ctx context.Context, requestID string) (listed, error) {
	for _, long := range []bool{false, true} {
		found, err := d.list(ctx, listKind(long), url.Values{"requestId": {requestID}, "pageSize": {"1"}})
		if err != nil {
			return listed{}, err
		}
		if len(found) > 0 && found[0].RequestID == requestID {
			return found[0], nil
		}
	}
	return listed{}, fault.New(fault.NotFound, "list", "the vendor has no request with this id")
}

func stateReport(word, result string) delivery.Report {
	if len(result) > 8 {
		result = result[:8]
	}
	if len(word) > 32 {
		word = word[:32]
	}
	status, reason := State(word, result)
	report := delivery.Report{Type: strings.TrimSpace(word + " " + result), Status: status, Reason: reason, Code: result}
	if status == delivery.Undelivered {
		report.Message = "the carrier did not deliver the message"
	}
	return report
}

// when reads the first time that is there: with a zone, or in Korea's.
func when(stamps ...string) time.Time {
	for _, stamp := range stamps {
		if at, err := time.Parse("2006-01-02T15:04:05.999-07:00", stamp); err == nil {
			return at
		}
		if at, err := time.ParseInLocation(timeLayout, strings.TrimSuffix(stamp, ".0"), smstext.Seoul()); err == nil {
			return at
		}
	}
	return time.Time{}
}
