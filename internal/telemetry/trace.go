package telemetry

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"

	"go.uber.org/zap"
)

// Trace is the identity of one step of a trace in the W3C form. Every command
// and request has one, whether or not traces are exported: the trace id joins
// log lines, rows and events.
type Trace struct {
	TraceID [16]byte
	SpanID  [8]byte
	Sampled bool
	// State is the tracestate header, handed on as it came.
	State string
}

// NewTrace returns a trace of its own. It is to be recorded by whoever can.
func NewTrace() Trace {
	t := Trace{Sampled: true}
	for t.TraceID == ([16]byte{}) { // all zero is invalid
		binary.BigEndian.PutUint64(t.TraceID[:8], rand.Uint64())
		binary.BigEndian.PutUint64(t.TraceID[8:], rand.Uint64())
	}
	return t.Child()
}

// ParseTrace reads the headers traceparent and tracestate. It reports false for
// a traceparent that is missing or invalid.
func ParseTrace(traceparent, tracestate string) (Trace, bool) {
	// version "-" trace-id "-" parent-id "-" flags; later versions may add more.
	if len(traceparent) < 55 || traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-' {
		return Trace{}, false
	}
	version := traceparent[:2]
	if version == "ff" || version == "00" && len(traceparent) != 55 || len(traceparent) > 55 && traceparent[55] != '-' {
		return Trace{}, false
	}
	var t Trace
	var flags, number [1]byte
	if !lowerHex(number[:], version) || !lowerHex(t.TraceID[:], traceparent[3:35]) ||
		!lowerHex(t.SpanID[:], traceparent[36:52]) || !lowerHex(flags[:], traceparent[53:55]) {
		return Trace{}, false
	}
	if t.TraceID == ([16]byte{}) || t.SpanID == ([8]byte{}) {
		return Trace{}, false
	}
	t.Sampled = flags[0]&1 == 1
	if len(tracestate) <= 512 && !strings.ContainsAny(tracestate, "\r\n\x00") {
		t.State = tracestate
	}
	return t, true
}

// lowerHex decodes; upper-case digits are invalid in a traceparent.
func lowerHex(into []byte, text string) bool {
	_, err := hex.Decode(into, []byte(text))
	return err == nil && strings.ToLower(text) == text
}

// Continue returns the step that follows the given headers, or a trace of its
// own when none came.
func Continue(traceparent, tracestate string) Trace {
	if t, ok := ParseTrace(traceparent, tracestate); ok {
		return t.Child()
	}
	return NewTrace()
}

// Child returns another step of the same trace.
func (t Trace) Child() Trace {
	t.SpanID = [8]byte{}
	for t.SpanID == ([8]byte{}) {
		binary.BigEndian.PutUint64(t.SpanID[:], rand.Uint64())
	}
	return t
}

// ID returns the trace id, 32 hexadecimal digits, or "" for the zero trace.
func (t Trace) ID() string {
	if t.TraceID == ([16]byte{}) {
		return ""
	}
	return hex.EncodeToString(t.TraceID[:])
}

// Traceparent returns the header, or "" for the zero trace.
func (t Trace) Traceparent() string {
	if t.TraceID == ([16]byte{}) {
		return ""
	}
	text := make([]byte, 55)
	copy(text, "00-")
	hex.Encode(text[3:], t.TraceID[:])
	text[35] = '-'
	hex.Encode(text[36:], t.SpanID[:])
	copy(text[52:], "-00")
	if t.Sampled {
		text[54] = '1'
	}
	return string(text)
}

// Field is the field of log lines.
func (t Trace) Field() zap.Field { return zap.String("trace_id", t.ID()) }

type traceKey struct{}

// WithTrace returns a context that carries t.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceFrom returns the trace that ctx carries, the zero one when there is none.
func TraceFrom(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}
