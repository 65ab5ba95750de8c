package broker

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// eventSize is room for most events, in bytes.
const eventSize = 1 << 10

// appendEvent appends the event of a row, member by member: an encoder that finds
// the members by reflection takes half as long again and leaves more garbage, once
// for each command. TestEventJSON holds it to what such an encoder writes. A text
// that is no UTF-8 or a year beyond 9999 is an error.
func appendEvent(to []byte, row *delivery.Row, id, trace string) ([]byte, error) {
	e := eventWriter{to: append(to, `{"specversion":"1.0"`...)}
	e.text("id", id)
	e.text("source", eventSource)
	e.text("type", eventTypePrefix+string(row.Status))
	e.text("subject", row.ID.String())
	e.time("time", row.UpdatedAt)
	e.text("sequence", sequence(row.Version))
	e.some("traceparent", trace)
	e.text("datacontenttype", "application/json")
	e.name("data")
	e.to = append(e.to, '{')
	e.view(&row.View)
	e.to = append(e.to, '}', '}')
	return e.to, e.err
}

func sequence(version int) string {
	const digits = "0000000000"
	text := strconv.Itoa(version)
	return digits[:max(0, len(digits)-len(text))] + text
}

// view writes the members of a row's view, with the names of its JSON tags.
func (e *eventWriter) view(v *delivery.View) {
	e.text("id", v.ID.String())
	e.text("kind", string(v.Kind))
	e.text("lane", string(v.Lane))
	e.text("status", string(v.Status))
	e.some("reason", string(v.Reason))
	e.some("provider", v.Provider)
	e.some("provider_message_id", v.ProviderMessageID)
	e.some("recipient", v.Recipient)
	e.some("subject", v.Subject)
	e.some("template", v.Template)
	e.number("attempts", v.Attempts)
	e.number("replays", v.Replays)
	e.some("error_code", v.ErrorCode)
	e.some("error_message", v.ErrorMessage)
	e.raw("result", v.Result)
	e.texts("metadata", v.Metadata)
	e.some("correlation_id", v.CorrelationID)
	e.some("trace_id", v.TraceID)
	e.time("requested_at", v.RequestedAt)
	e.someTime("send_at", v.SendAt)
	e.time("updated_at", v.UpdatedAt)
	e.someTime("completed_at", v.CompletedAt)
}

// eventWriter appends members to an object that is open. It keeps the first error.
type eventWriter struct {
	to  []byte
	err error
}

// name begins a member. Names are our own and need no escape.
func (e *eventWriter) name(name string) {
	if e.to[len(e.to)-1] != '{' {
		e.to = append(e.to, ',')
	}
	e.to = append(append(append(e.to, '"'), name...), '"', ':')
}

func (e *eventWriter) failed(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *eventWriter) quote(text string) {
	to, err := jsontext.AppendQuote(e.to, text)
	e.to = to
	e.failed(err)
}

func (e *eventWriter) text(name, value string) {
	e.name(name)
	e.quote(value)
}

// some leaves an empty text out.
func (e *eventWriter) some(name, value string) {
	if value != "" {
		e.text(name, value)
	}
}

func (e *eventWriter) number(name string, value int) {
	e.name(name)
	e.to = strconv.AppendInt(e.to, int64(value), 10)
}

func (e *eventWriter) time(name string, t time.Time) {
	e.name(name)
	to, err := t.AppendText(append(e.to, '"'))
	e.to = append(to, '"')
	e.failed(err)
}

// someTime leaves the zero time out.
func (e *eventWriter) someTime(name string, t time.Time) {
	if !t.IsZero() {
		e.time(name, t)
	}
}

// raw writes JSON that is there already, without its spaces; none is left out.
func (e *eventWriter) raw(name string, value jsontext.Value) {
	if len(value) == 0 {
		return
	}
	e.name(name)
	to, err := jsontext.AppendFormat(e.to, value)
	e.to = to
	e.failed(err)
}

// texts writes a map in the order of its names; nil is left out.
func (e *eventWriter) texts(name string, values map[string]string) {
	if values == nil {
		return
	}
	e.name(name)
	e.to = append(e.to, '{')
	names := make([]string, 0, 8) // most maps need no more, and then no memory
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			e.to = append(e.to, ',')
		}
		e.quote(name)
		e.to = append(e.to, ':')
		e.quote(values[name])
	}
	e.to = append(e.to, '}')
}
