package broker

import (
	"strconv"
	"time"

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

// AlertMessage is the message that tells of an alert, on event.alert.raised or
// event.alert.resolved. number counts what was told of this alert; with it a
// repetition is the same event.
func AlertMessage(a AlertEvent, number int, at time.Time) (Outgoing, error) {
	name := "alert.raised"
	if !a.ResolvedAt.IsZero() {
		name = "alert.resolved"
	}
	a.Message = oneLine(a.Message, 500)
	subject := a.Alert
	if a.Subject != "" {
		subject += "/" + a.Subject
	}
	return cloudEvent{
		ID: a.ID.String() + "." + strconv.Itoa(number) + ".alert", Subject: subject, Time: at, Sequence: sequence(number), Data: a,
	}.on(name, name)
}
