package broker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"go.opentelemetry.io/otel/trace"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

const (
	eventSource      = "/gangway"
	eventTypePrefix  = "kr.gangwon.gangway.delivery."
	eventContentType = "application/cloudevents+json"
)

// cloudEvent is CloudEvents 1.0 in structured mode, with the extensions
// "sequence" and "traceparent".
type cloudEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	// Sequence is the row's version, padded so that it sorts as text.
	Sequence        string        `json:"sequence"`
	TraceParent     string        `json:"traceparent,omitzero"`
	DataContentType string        `json:"datacontenttype"`
	Data            delivery.View `json:"data"`
}

func eventMessage(ctx context.Context, row *delivery.Row) (Outgoing, error) {
	event := cloudEvent{
		SpecVersion:     "1.0",
		ID:              versioned(row.ID, row.Version),
		Source:          eventSource,
		Type:            eventTypePrefix + string(row.Status),
		Subject:         row.ID.String(),
		Time:            row.UpdatedAt,
		Sequence:        fmt.Sprintf("%010d", row.Version),
		TraceParent:     eventTrace(ctx, row),
		DataContentType: "application/json",
		Data:            row.View,
	}
	body, err := json.Marshal(&event)
	if err != nil {
		return Outgoing{}, err
	}
	headers := make(map[string][]string, 3)
	headers["Content-Type"] = []string{eventContentType}
	setTrace(headers, event.TraceParent, "")
	return Outgoing{
		Subject: subjectEvent + string(row.Kind) + "." + string(row.Status),
		Headers: headers, Body: body, MsgID: event.ID,
	}, nil
}

// EventSpan is the span that the event of a row names when nothing that is being
// handled belongs to the row's trace: whoever reports of the change may have it.
func EventSpan(row delivery.Row) (id [8]byte) {
	sum := sha256.Sum256([]byte(versioned(row.ID, row.Version)))
	copy(id[:], sum[:])
	return id
}

// eventTrace is the traceparent of a row's event, in the row's own trace.
func eventTrace(ctx context.Context, row *delivery.Row) string {
	if parent := traceOf(ctx, row.TraceID); parent != "" || len(row.TraceID) != 32 {
		return parent
	}
	span := EventSpan(*row)
	return "00-" + row.TraceID + "-" + hex.EncodeToString(span[:]) + "-01"
}

// traceOf returns the traceparent of the span, else of the message, that is being
// handled, unless the row belongs to another trace: a cancellation reports on the
// command it cancels.
func traceOf(ctx context.Context, traceID string) string {
	if here := trace.SpanContextFromContext(ctx); here.IsValid() && here.TraceID().String() == traceID {
		return "00-" + traceID + "-" + here.SpanID().String() + "-" + here.TraceFlags().String()
	}
	d, ok := DeliveryFrom(ctx)
	if !ok {
		return ""
	}
	parent := oneLine(anyCase(d.header, HeaderTraceParent), maxTrace)
	if traceID != "" && !strings.Contains(parent, traceID) {
		return ""
	}
	return parent
}
