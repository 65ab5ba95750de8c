package broker_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func outlet(t *testing.T) (*broker.Conn, *broker.Outlet) {
	t.Helper()
	_, conn := provisioned(t, broker.TopologyOptions{})
	return conn, broker.NewOutlet(conn, publisher(t, conn, broker.PublisherOptions{}))
}

// stored returns every message of a stream.
func stored(t *testing.T, conn *broker.Conn, stream string) []*jetstream.RawStreamMsg {
	t.Helper()
	s, err := conn.JetStream().Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	state := s.CachedInfo().State
	for sequence := state.FirstSeq; sequence != 0 && sequence <= state.LastSeq; sequence++ {
		msg, err := s.GetMsg(t.Context(), sequence)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, msg)
	}
	return all
}

// handling returns the context of a message that carries a trace.
func handling(t *testing.T, conn *broker.Conn) context.Context {
	t.Helper()
	p := publisher(t, conn, broker.PublisherOptions{})
	if err := p.Send(t.Context(), broker.Outgoing{Subject: "email.send", Headers: map[string][]string{"traceparent": {trace}}}); err != nil {
		t.Fatal(err)
	}
	msg := receive(t, subscribe(t, subscriber(t, conn), string(command.EmailSend)))
	t.Cleanup(func() { msg.Ack() })
	return msg.Context()
}

func TestEventIsACloudEvent(t *testing.T) {
	t.Parallel()
	conn, o := outlet(t)
	row := delivery.Row{Version: 7, View: delivery.View{
		ID: uuid.New(), Kind: command.EmailSend, Lane: command.High, Status: delivery.Delivered, Provider: "ses",
		Result: jsontext.Value(`{"recipients":[]}`), TraceID: trace[3:35],
		RequestedAt: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 3, 1, 9, 0, 1, 5e6, time.UTC),
	}}
	ctx := handling(t, conn)
	for range 2 { // a repetition is the same message
		if err := o.Event(ctx, row); err != nil {
			t.Fatal(err)
		}
	}
	other := row
	other.ID, other.TraceID = uuid.New(), strings.Repeat("a", 32)
	if err := o.Event(ctx, other); err != nil {
		t.Fatal(err)
	}
	for _, silent := range []delivery.Status{delivery.Queued, delivery.Processing} {
		unpublished := row
		unpublished.Version, unpublished.Status = 8, silent
		if err := o.Event(ctx, unpublished); err != nil {
			t.Fatal(err)
		}
	}
	events := stored(t, conn, broker.StreamEvents)
	if len(events) != 2 {
		t.Fatalf("%d events, want one for each row", len(events))
	}
	msg := events[0]
	id := row.ID.String() + ".7"
	if msg.Subject != "event.email.send.delivered" || msg.Header.Get("Nats-Msg-Id") != id ||
		msg.Header.Get("Content-Type") != "application/cloudevents+json" || msg.Header.Get("traceparent") != trace {
		t.Errorf("subject %s, headers %v", msg.Subject, msg.Header)
	}
	var event map[string]jsontext.Value
	if err := json.Unmarshal(msg.Data, &event); err != nil {
		t.Fatal(err)
	}
	var data delivery.View
	if err := json.Unmarshal(event["data"], &data); err != nil || data.ID != row.ID || data.Provider != "ses" || data.Lane != command.High {
		t.Errorf("data %s, %v", event["data"], err)
	}
	delete(event, "data")
	for name, want := range map[string]string{
		"specversion": "1.0", "id": id, "source": "/gangway", "type": "kr.gangwon.gangway.delivery.delivered",
		"subject": row.ID.String(), "time": "2026-03-01T09:00:01.005Z", "sequence": "0000000007",
		"datacontenttype": "application/json", "traceparent": trace,
	} {
		if got := string(event[name]); got != `"`+want+`"` {
			t.Errorf("%s is %s, want %q", name, got, want)
		}
		delete(event, name)
	}
	if len(event) != 0 {
		t.Errorf("unexpected attributes %v", event)
	}
	if parent := events[1].Header.Get("traceparent"); !strings.HasPrefix(parent, "00-"+other.TraceID+"-") || strings.Contains(string(events[1].Data), trace) {
		t.Error("a row of another trace got the trace of the message being handled")
	}
}

func TestDeadLetterKeepsTheCommandWhole(t *testing.T) {
	t.Parallel()
	conn, o := outlet(t)
	letter := delivery.Letter{
		ID: uuid.New(), Kind: command.SMSSend, Lane: command.Bulk, Key: "4", Body: []byte("not JSON\r\n"),
		Headers: nats.Header{
			"Nats-Msg-Id": {"original"}, "Nats-Expected-Stream": {"GANGWAY_COMMANDS"}, "Nats-TTL": {"1s"}, "Nats-Scheduler": {"scheduled.at.x"},
			"traceparent": {trace}, "Colour": {"red", "green\r\nNats-Expected-Stream: X"},
		},
		Reason: fault.Timeout, Error: "solapi: send:\r\nno answer",
		Row: delivery.Row{Version: 4, View: delivery.View{Attempts: 2, Replays: 1}},
		Attempts: []delivery.Attempt{
			{Number: 1, Round: 1, Provider: "solapi", Endpoint: "send", Outcome: "failed", Reason: fault.Timeout, Duration: 1500 * time.Millisecond, StartedAt: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)},
			{Number: 2, Round: 2, Provider: "sns", Outcome: "failed", Reason: fault.Unavailable, ErrorCode: "503"},
		},
		FirstSeen: time.Date(2026, 3, 1, 8, 59, 0, 0, time.UTC),
	}
	for range 2 {
		if err := o.DeadLetter(t.Context(), letter); err != nil {
			t.Fatal(err)
		}
	}
	letters := stored(t, conn, broker.StreamDeadLetters)
	if len(letters) != 1 {
		t.Fatalf("%d letters, want one", len(letters))
	}
	msg := letters[0]
	if msg.Subject != "deadletter.sms.send."+letter.ID.String() || string(msg.Data) != string(letter.Body) {
		t.Errorf("letter %s %q", msg.Subject, msg.Data)
	}
	for name, want := range map[string]string{
		"Nats-Msg-Id": letter.ID.String() + ".4.letter", "Gangway-Id": letter.ID.String(), "Gangway-Version": "4", "Gangway-Generation": "1",
		"Gangway-Lane": "bulk", "Gangway-Reason": "timeout", "Gangway-Error": "solapi: send: no answer", "Gangway-Attempts": "2",
		"Gangway-First-Seen": "2026-03-01T08:59:00Z", "traceparent": trace, "Colour": "red",
		"Nats-Expected-Stream": "", "Nats-TTL": "", "Nats-Scheduler": "", "Gangway-Body-Length": "",
		"Gangway-History": `[{"attempt":1,"round":1,"provider":"solapi","endpoint":"send","outcome":"failed","reason":"timeout","started_at":"2026-03-01T09:00:00Z","duration_ms":1500},` +
			`{"attempt":2,"round":2,"provider":"sns","outcome":"failed","reason":"unavailable","code":"503","duration_ms":0}]`,
	} {
		if got := msg.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if colours := msg.Header.Values("Colour"); !slices.Equal(colours, []string{"red", "green Nats-Expected-Stream: X"}) {
		t.Errorf("Colour is %q", colours)
	}
}

// A letter that the server would refuse for its size would bring its command
// back for ever.
func TestDeadLetterFitsTheServer(t *testing.T) {
	t.Parallel()
	conn, o := outlet(t)
	limit := int(conn.NATS().MaxPayload())
	huge := delivery.Letter{
		ID: uuid.New(), Kind: "no kind at all", Key: "0", Body: []byte(strings.Repeat("x", limit-100)), Reason: fault.Invalid,
		Error: strings.Repeat("long ", 1000), Headers: map[string][]string{"Padding": {strings.Repeat("p", 64<<10)}, "More": slices.Repeat([]string{"m"}, 9999)},
		Attempts: slices.Repeat([]delivery.Attempt{{Provider: "solapi", ErrorCode: strings.Repeat("c", 500)}}, 400),
	}
	if err := o.DeadLetter(t.Context(), huge); err != nil {
		t.Fatal(err)
	}
	msg := stored(t, conn, broker.StreamDeadLetters)[0]
	if msg.Subject != "deadletter.unknown."+huge.ID.String() {
		t.Errorf("subject %s", msg.Subject)
	}
	if got := msg.Header.Get("Gangway-Body-Length"); got != itoa(limit-100) || len(msg.Data) >= limit-100 || len(msg.Data) < limit-64<<10 {
		t.Errorf("%d bytes kept of %q", len(msg.Data), got)
	}
	if msg.Header.Get("Gangway-Reason") != "invalid" || msg.Header.Get("Gangway-History") == "" {
		t.Errorf("headers %v", msg.Header)
	}
}
