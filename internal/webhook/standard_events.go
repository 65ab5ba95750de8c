package webhook

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// standardStatuses is what the last word of an event's type means: "delivered" of
// "email.delivered" or "message.delivered".
var standardStatuses = map[string]delivery.Status{
	"accepted": delivery.Sent, "sent": delivery.Sent,
	"delivered":   delivery.Delivered,
	"undelivered": delivery.Undelivered, "failed": delivery.Undelivered, "expired": delivery.Undelivered,
	"bounced": delivery.Bounced, "bounce": delivery.Bounced,
	"complained": delivery.Complained, "complaint": delivery.Complained,
}

// Types of events about cached answers.
const (
	businessUpdated = "business.updated"
	addressUpdated  = "address.updated"
)

// standardEvent is an event in the form that [Standard] reads. Names have
// alternatives, because senders differ; docs/WEBHOOKS.md lists them.
type standardEvent struct {
	Type string `json:"type"`
	At   words  `json:"timestamp"`
	Data struct {
		GangwayID   words `json:"gangway_id"`
		DeliveryID  words `json:"delivery_id"`
		CommandID   words `json:"command_id"`
		ID          words `json:"id"`
		MessageID   words `json:"message_id"`
		ProviderID  words `json:"provider_message_id"`
		Recipient   words `json:"recipient"`
		To          words `json:"to"`
		Code        words `json:"code"`
		Description words `json:"description"`
		// Permanent: the address will never take a message. Absent, the code tells.
		Permanent *bool `json:"permanent"`
		// Unproven: the event repeats what anybody could have said, such as a mail.
		Unproven bool `json:"unproven"`

		RegistrationNumber  words `json:"registration_number"`
		RegistrationNumbers words `json:"registration_numbers"`
		Keyword             words `json:"keyword"`
		Keywords            words `json:"keywords"`
		Pattern             words `json:"pattern"`
		Patterns            words `json:"patterns"`
	} `json:"data"`
}

// words are a text, a number or a list of them.
type words []string

// UnmarshalJSON takes what can be read as texts; anything else is none.
func (w *words) UnmarshalJSON(data []byte) error {
	*w = nil
	var list []jsontext.Value
	if json.Unmarshal(data, &list) != nil {
		list = []jsontext.Value{data}
	}
	for _, value := range list {
		var text string
		switch {
		case json.Unmarshal(value, &text) == nil:
		case value.Kind() == '0':
			text = value.String()
		}
		if text = strings.TrimSpace(text); text != "" {
			*w = append(*w, text)
		}
	}
	return nil
}

// first is the first of several ways to say the same, "" when none was used.
func first(ways ...words) string {
	for _, w := range ways {
		if len(w) > 0 {
			return w[0]
		}
	}
	return ""
}

// Parse implements [Source]. A type that is not known means nothing.
func (s *Standard) Parse(event jsontext.Value) ([]delivery.Report, error) {
	e, err := readStandard(event)
	if err != nil {
		return nil, err
	}
	word := strings.ToLower(e.Type[strings.LastIndexByte(e.Type, '.')+1:])
	d := e.Data
	report := delivery.Report{Type: e.Type, Status: standardStatuses[word], Code: first(d.Code), Recipient: first(d.Recipient, d.To), Unproven: d.Unproven}
	report.At, _ = time.Parse(time.RFC3339, first(e.At))
	for _, id := range slices.Concat(d.GangwayID, d.DeliveryID, d.CommandID, d.ID) {
		if parsed, err := uuid.Parse(id); err == nil && report.ID == uuid.Nil {
			report.ID = parsed
		}
	}
	report.MessageIDs = slices.Concat(d.ProviderID, d.MessageID)
	for _, id := range report.MessageIDs {
		if report.ID == uuid.Nil {
			report.ID = delivery.OwnID(id)
		}
	}
	switch report.Status {
	case delivery.Bounced, delivery.Undelivered:
		report.Reason, report.Message = fault.Refused, "the provider reports that the message was not delivered"
		if report.Status == delivery.Bounced && permanent(e) {
			report.Suppress, report.List = delivery.HardBounce, delivery.SuppressAll
		}
	case delivery.Complained:
		report.Reason, report.Message = fault.Refused, "the recipient reported the message as spam"
		report.Suppress, report.List = delivery.Complaint, delivery.SuppressAll
	default:
		if word == "unsubscribed" {
			report.Suppress, report.List = delivery.Unsubscribed, delivery.SuppressMarketing
		}
	}
	if report.Status == "" && report.Suppress == "" {
		return nil, nil
	}
	return []delivery.Report{report}, nil
}

// Invalidates implements [Invalidator].
func (s *Standard) Invalidates(event jsontext.Value) delivery.Invalidation {
	e, err := readStandard(event)
	if err != nil {
		return delivery.Invalidation{}
	}
	named := delivery.Invalidation{}
	switch e.Type {
	case businessUpdated:
		named.RegistrationNumbers = slices.Concat(e.Data.RegistrationNumber, e.Data.RegistrationNumbers)
	case addressUpdated:
		named.Keywords = slices.Concat(e.Data.Keyword, e.Data.Keywords)
	default:
		return named
	}
	named.Patterns = slices.Concat(e.Data.Pattern, e.Data.Patterns)
	return named
}

func readStandard(event jsontext.Value) (standardEvent, error) {
	var e standardEvent
	if err := json.Unmarshal(event, &e, jsontext.AllowDuplicateNames(true)); err != nil {
		return e, fault.New(fault.Invalid, "webhook: parse", "the event is not of the documented form")
	}
	return e, nil
}

// permanent reports whether a bounce says something of the address and not of
// this message or this hour.
func permanent(e standardEvent) bool {
	if e.Data.Permanent != nil {
		return *e.Data.Permanent
	}
	return delivery.BadAddress(first(e.Data.Code))
}
