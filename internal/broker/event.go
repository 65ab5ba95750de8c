package broker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

const (
	eventSource      = "/gangway"
	eventTypePrefix  = "kr.gangwon.gangway.delivery."
	eventContentType = "application/cloudevents+json"
)

var eventContentTypes = []string{eventContentType} // never changed

// eventMessage is the CloudEvent 1.0 of a row in structured mode, with the
// extensions "sequence" (the row's version, padded so that it sorts as text) and
// "traceparent".
func eventMessage(ctx context.Context, row *delivery.Row) (Outgoing, error) {
	id := versioned(row.ID, row.Version)
	trace := eventTrace(ctx, row.TraceID, id)
	body, err := appendEvent(make([]byte, 0, eventSize), row, id, trace)
	if err != nil {
		return Outgoing{}, err
	}
	headers := make(map[string][]string, 3)
	headers["Content-Type"] = eventContentTypes
	setTrace(headers, trace, "")
	return Outgoing{Subject: subjectEvent + string(row.Kind) + "." + string(row.Status), Headers: headers, Body: body, MsgID: id}, nil
}

// EventSpan is the span that the event of a row names when nothing that is being
// handled belongs to the row's trace: whoever reports of the change may have it.
func EventSpan(row delivery.Row) [8]byte { return eventSpan(versioned(row.ID, row.Version)) }

func eventSpan(id string) [8]byte {
	sum := sha256.Sum256([]byte(id))
	return [8]byte(sum[:8])
}

// eventTrace is the traceparent of a row's event, in the row's own trace.
func eventTrace(ctx context.Context, traceID, id string) string {
	if parent := traceOf(ctx, traceID); parent != "" || len(traceID) != 32 {
		return parent
	}
	span := eventSpan(id)
	return "00-" + traceID + "-" + hex.EncodeToString(span[:]) + "-01"
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
