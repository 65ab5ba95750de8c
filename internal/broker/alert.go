package broker

import (
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// AlertEvent tells that an alert is raised, graver or resolved; it is the data of
// its event.
type AlertEvent struct {
	ID         uuid.UUID `json:"id"`
	Alert      string    `json:"alert"`
	Subject    string    `json:"subject,omitzero"`
	Severity   string    `json:"severity"`
	Message    string    `json:"message"`
	RaisedAt   time.Time `json:"raised_at"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
}

type alertEnvelope struct {
	SpecVersion     string     `json:"specversion"`
	ID              string     `json:"id"`
	Source          string     `json:"source"`
	Type            string     `json:"type"`
	Subject         string     `json:"subject"`
	Time            time.Time  `json:"time"`
	Sequence        string     `json:"sequence"`
	DataContentType string     `json:"datacontenttype"`
	Data            AlertEvent `json:"data"`
}

// AlertMessage is the message that tells of an alert, on event.alert.raised or
// event.alert.resolved. number counts what was told of this alert; with it a
// repetition is the same event.
func AlertMessage(a AlertEvent, number int, at time.Time) (Outgoing, error) {
	name := "alert.raised"
	if !a.ResolvedAt.IsZero() {
		name = "alert.resolved"
	}
	a.Message = oneLine(a.Message, 500)
	event := alertEnvelope{
		SpecVersion: "1.0", ID: a.ID.String() + "." + strconv.Itoa(number) + ".alert", Source: eventSource,
		Type: "kr.gangwon.gangway." + name, Subject: a.Alert, Time: at.UTC(), Sequence: fmt.Sprintf("%010d", number),
		DataContentType: "application/json", Data: a,
	}
	if a.Subject != "" {
		event.Subject += "/" + a.Subject
	}
	body, err := json.Marshal(&event)
	if err != nil {
		return Outgoing{}, fmt.Errorf("broker: alert event of %s: %w", a.Alert, err)
	}
	return Outgoing{
		Subject: subjectEvent + name, Headers: map[string][]string{"Content-Type": {eventContentType}}, Body: body, MsgID: event.ID,
	}, nil
}
