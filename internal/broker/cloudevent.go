package broker

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// cloudEvent is an event of ours that is not about the status of one command; those
// are made by the hundred, in eventjson.go.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"` // the same when it is repeated
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	TraceParent     string    `json:"traceparent,omitzero"`
	Sequence        string    `json:"sequence,omitzero"`
	DataContentType string    `json:"datacontenttype"`
	Data            any       `json:"data"`
}

// on is the message that carries the event on event.<name>. Type is the last part
// of the event's own type.
func (e cloudEvent) on(name, typeName string) (Outgoing, error) {
	e.SpecVersion, e.Source, e.DataContentType = "1.0", eventSource, "application/json"
	e.Type, e.Time = "kr.gangwon.gangway."+typeName, e.Time.UTC()
	body, err := json.Marshal(&e)
	if err != nil {
		return Outgoing{}, fmt.Errorf("broker: event %s of %s: %w", typeName, e.Subject, err)
	}
	headers := map[string][]string{"Content-Type": {eventContentType}}
	setTrace(headers, e.TraceParent, "")
	return Outgoing{Subject: subjectEvent + name, Headers: headers, Body: body, MsgID: e.ID}, nil
}
