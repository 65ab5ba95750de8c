package broker

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

const (
	subjectContradicted   = subjectEvent + "business.verify.contradicted"
	eventTypeContradicted = "kr.gangwon.gangway.business.contradicted"
)

// contradictedEvent is the CloudEvent of a manual entry that a provider's later
// answer does not fit; its subject is the verification that the entry finished.
type contradictedEvent struct {
	SpecVersion     string                 `json:"specversion"`
	ID              string                 `json:"id"`
	Source          string                 `json:"source"`
	Type            string                 `json:"type"`
	Subject         string                 `json:"subject"`
	Time            time.Time              `json:"time"`
	DataContentType string                 `json:"datacontenttype"`
	Data            delivery.Contradiction `json:"data"`
}

// ContradictionOf is the message on event.business.verify.contradicted; it leaves
// through the outbox. The headers have one value each.
func ContradictionOf(c delivery.Contradiction) (Outgoing, error) {
	event := contradictedEvent{
		SpecVersion: "1.0", ID: c.Entry.DeliveryID.String() + "." + c.Entry.CommandID.String() + ".contradicted", Source: eventSource,
		Type: eventTypeContradicted, Subject: c.Entry.DeliveryID.String(), Time: c.At.UTC(), DataContentType: "application/json", Data: c,
	}
	body, err := json.Marshal(&event)
	if err != nil {
		return Outgoing{}, fmt.Errorf("broker: contradiction of %s: %w", c.Entry.DeliveryID, err)
	}
	return Outgoing{
		Subject: subjectContradicted, MsgID: event.ID, Body: body,
		Headers: map[string][]string{"Content-Type": {eventContentType}},
	}, nil
}
