package broker

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

const (
	subjectFailover   = subjectEvent + "provider.failover"
	eventTypeFailover = "kr.gangwon.gangway.provider.failover"
)

// failoverEvent is the CloudEvent of a failover; its subject is the provider that
// was passed over.
type failoverEvent struct {
	SpecVersion     string       `json:"specversion"`
	ID              string       `json:"id"`
	Source          string       `json:"source"`
	Type            string       `json:"type"`
	Subject         string       `json:"subject"`
	Time            time.Time    `json:"time"`
	TraceParent     string       `json:"traceparent,omitzero"`
	DataContentType string       `json:"datacontenttype"`
	Data            failoverData `json:"data"`
}

type failoverData struct {
	Provider  string       `json:"provider"`
	Fallback  string       `json:"fallback"`
	Reason    fault.Reason `json:"reason"`
	ErrorCode string       `json:"error_code,omitzero"`
	CommandID uuid.UUID    `json:"command_id"`
	Kind      command.Kind `json:"kind"`
	Attempt   int          `json:"attempt"`
}

// Failover publishes on event.provider.failover that a command goes to another
// provider. The id is made of command and attempt.
func (o *Outlet) Failover(ctx context.Context, f delivery.Failover) error {
	event := failoverEvent{
		SpecVersion: "1.0", ID: f.ID.String() + "." + strconv.Itoa(f.Attempt) + ".failover", Source: eventSource,
		Type: eventTypeFailover, Subject: f.From, Time: f.At.UTC(), TraceParent: traceOf(ctx, f.TraceID),
		DataContentType: "application/json",
		Data: failoverData{
			Provider: f.From, Fallback: f.To, Reason: f.Reason, ErrorCode: oneLine(f.ErrorCode, 120),
			CommandID: f.ID, Kind: f.Kind, Attempt: f.Attempt,
		},
	}
	body, err := json.Marshal(&event)
	if err == nil {
		headers := map[string][]string{"Content-Type": {eventContentType}}
		setTrace(headers, event.TraceParent, "")
		err = o.publisher.Send(ctx, Outgoing{Subject: subjectFailover, Headers: headers, Body: body, MsgID: event.ID})
	}
	if err != nil {
		return fmt.Errorf("broker: failover event of %s: %w", f.ID, err)
	}
	return nil
}
