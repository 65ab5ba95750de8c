package smtp

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// sesEvents is the table of event types, with the subtypes that differ. A
// transient bounce is final for this message: SES has given up on it.
var sesEvents = map[string]meaning{
	"Send":                        taken,
	"Delivery":                    arrived,
	"DeliveryDelay":               history,
	"Open":                        history,
	"Click":                       history,
	"Subscription":                history,
	"Reject":                      {delivery.Undelivered, fault.Refused, "the provider took the message for harmful and did not send it", "", ""},
	"Rendering Failure":           {delivery.Undelivered, fault.Refused, "the provider could not make the message from its template", "", ""},
	"Bounce/Permanent":            hardBounce,
	"Bounce/Permanent/General":    hardBounce,
	"Bounce/Permanent/NoEmail":    hardBounce,
	"Bounce/Permanent/Suppressed": {delivery.Undelivered, fault.Suppressed, heldBack.message, delivery.HardBounce, delivery.SuppressAll},
	"Bounce/Permanent/OnAccountSuppressionList": {delivery.Undelivered, fault.Suppressed, heldBack.message, delivery.HardBounce, delivery.SuppressAll},
	"Bounce/Permanent/UnsubscribedRecipient":    {delivery.Undelivered, fault.Suppressed, heldBack.message, delivery.Unsubscribed, delivery.SuppressMarketing},
	"Bounce/Transient":                          softBounce,
	"Bounce/Undetermined":                       softBounce,
	"Bounce":                                    softBounce,
	"Complaint":                                 complaint,
	"Complaint/OnAccountSuppressionList":        heldBack,
	"Complaint/not-spam":                        history,
}

// sesEvent is an event or a notification as far as it is needed.
type sesEvent struct {
	EventType        string `json:"eventType"`
	NotificationType string `json:"notificationType"`
	Mail             struct {
		Timestamp   string              `json:"timestamp"`
		MessageID   string              `json:"messageId"`
		Destination []string            `json:"destination"`
		Tags        map[string][]string `json:"tags"`
		Headers     []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"headers"`
	} `json:"mail"`
	Delivery struct {
		Timestamp  string   `json:"timestamp"`
		Recipients []string `json:"recipients"`
	} `json:"delivery"`
	Bounce struct {
		Timestamp  string        `json:"timestamp"`
		Type       string        `json:"bounceType"`
		SubType    string        `json:"bounceSubType"`
		Recipients []sesAffected `json:"bouncedRecipients"`
	} `json:"bounce"`
	Complaint struct {
		Timestamp  string        `json:"timestamp"`
		SubType    string        `json:"complaintSubType"`
		Feedback   string        `json:"complaintFeedbackType"`
		Recipients []sesAffected `json:"complainedRecipients"`
	} `json:"complaint"`
	Delay struct {
		Timestamp  string        `json:"timestamp"`
		Type       string        `json:"delayType"`
		Recipients []sesAffected `json:"delayedRecipients"`
	} `json:"deliveryDelay"`
}

type sesAffected struct {
	Address string `json:"emailAddress"`
	Status  string `json:"status"`
}

// Parse implements webhook.Source. One notification may speak of several
// recipients of one message.
func (w *SESWebhook) Parse(event jsontext.Value) ([]delivery.Report, error) {
	var request snsRequest
	if json.Unmarshal(event, &request) == nil && request.SNS != "" {
		return nil, nil // see Follow
	}
	var e sesEvent
	if err := json.Unmarshal(event, &e, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, fault.New(fault.Invalid, "ses: parse", "the event is not of the documented form")
	}
	word := e.EventType
	if word == "" {
		word = e.NotificationType
	}
	if word == "" {
		return nil, fault.New(fault.Invalid, "ses: parse", "the event names no type")
	}
	affected, key, at := e.affected(word)
	m := sesMeaning(key)
	var reports []delivery.Report
	for _, one := range affected {
		r := m.report(strings.Join(key, "/"), one.Address, one.Status)
		r.ID, r.At = e.id(), at
		if e.Mail.MessageID != "" {
			r.MessageIDs = []string{e.Mail.MessageID}
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// affected lists the recipients that an event speaks of, its type with subtypes,
// and when it happened.
func (e sesEvent) affected(word string) (people []sesAffected, key []string, at time.Time) {
	stamp := e.Mail.Timestamp
	key = []string{word}
	switch word {
	case "Delivery":
		stamp = e.Delivery.Timestamp
		for _, address := range e.Delivery.Recipients {
			people = append(people, sesAffected{Address: address})
		}
	case "Bounce":
		stamp, people = e.Bounce.Timestamp, e.Bounce.Recipients
		key = append(key, e.Bounce.Type, e.Bounce.SubType)
	case "Complaint":
		stamp, people = e.Complaint.Timestamp, e.Complaint.Recipients
		if e.Complaint.SubType != "" {
			key = append(key, e.Complaint.SubType)
		} else {
			key = append(key, e.Complaint.Feedback)
		}
	case "DeliveryDelay":
		stamp, people = e.Delay.Timestamp, e.Delay.Recipients
	}
	if len(people) == 0 {
		people = []sesAffected{{}} // the message as a whole
	}
	at, _ = time.Parse(time.RFC3339, stamp)
	key = slices.DeleteFunc(key, func(part string) bool { return part == "" })
	return people, key, at
}

// sesMeaning finds the nearest line of the table: a subtype that is not known
// means what its type does.
func sesMeaning(key []string) meaning {
	for ; len(key) > 0; key = key[:len(key)-1] {
		if m, ok := sesEvents[strings.Join(key, "/")]; ok {
			return m
		}
	}
	return history
}

// id is our id: the tag that we gave, or the Message-ID among the headers.
func (e sesEvent) id() uuid.UUID {
	for _, tag := range e.Mail.Tags[gangwayID] {
		if id, err := uuid.Parse(tag); err == nil {
			return id
		}
	}
	for _, h := range e.Mail.Headers {
		if strings.EqualFold(h.Name, "Message-ID") {
			if id := delivery.OwnID(h.Value); id != uuid.Nil {
				return id
			}
		}
	}
	return uuid.Nil
}

// snsRequest is what SNS asks for itself, as an event.
type snsRequest struct {
	SNS          string `json:"sns"`
	TopicARN     string `json:"topic_arn"`
	SubscribeURL string `json:"subscribe_url,omitzero"`
}

// Follow confirms a subscription. The URL is held against the host rule once
// more: between verification and here anybody on the bus could have written it.
func (w *SESWebhook) Follow(ctx context.Context, event jsontext.Value) (bool, error) {
	const op = "ses: confirm subscription"
	var request snsRequest
	if json.Unmarshal(event, &request) != nil || request.SNS == "" {
		return false, nil //nolint:nilerr // it is for others to read
	}
	if request.SNS != snsSubscribe {
		return true, nil
	}
	if !slices.Contains(w.options.TopicARNs, request.TopicARN) {
		return true, fault.New(fault.Refused, op, "topic %q is not listed in webhook.topic_arns", clipped(request.TopicARN))
	}
	u, err := url.Parse(request.SubscribeURL)
	if err != nil || !amazon(u) && (u.Scheme != "http" || u.User != nil || !slices.Contains(w.options.Confirm, u.Host)) {
		return true, fault.New(fault.Refused, op, "SubscribeURL is not at a host of SNS")
	}
	body, status, err := get(ctx, w.options.Client, u.String())
	switch {
	case err != nil || status >= http.StatusInternalServerError:
		return true, fault.New(fault.Unavailable, op, "SNS did not answer (status %d)", status)
	case status != http.StatusOK || !strings.Contains(string(body), "ConfirmSubscriptionResponse"):
		return true, fault.New(fault.Refused, op, "SNS did not confirm (status %d)", status)
	}
	return true, nil
}
