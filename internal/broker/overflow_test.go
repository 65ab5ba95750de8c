package broker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/devstack"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/outbox"
)

// shelf keeps what overflows.
type shelf struct {
	kept map[string]outbox.Message // by subject
	err  error
}

func (s *shelf) Keep(_ context.Context, id uuid.UUID, m outbox.Message) error {
	if s.err == nil {
		s.kept[m.Subject+" of "+id.String()] = m
	}
	return s.err
}

// What a full store refuses is kept whole; when it cannot be kept either, the
// caller knows, and settles nothing.
func TestFullStoreOverflows(t *testing.T) {
	testkit.NoLeaks(t)
	server := testkit.NATS(t, devstack.NATSOptions{MaxStore: 1 << 20})
	conn := connect(t, server.URL())
	if err := broker.Provision(t.Context(), conn, broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, conn, broker.PublisherOptions{})
	for size := 64 << 10; size > 16; {
		if err := p.Send(t.Context(), broker.Outgoing{Subject: "email.send", Body: make([]byte, size)}); err != nil {
			size /= 2
		}
	}
	full := &shelf{kept: map[string]outbox.Message{}}
	o := broker.NewOutlet(conn, p).OverflowTo(full)
	id := uuid.Must(uuid.NewV7())
	cmd := &command.Command{ID: id, Kind: command.EmailSend, Lane: command.High, Body: []byte(`{"x":1}`), RequestedAt: time.Now()}
	letter := delivery.Letter{
		ID: id, Kind: command.EmailSend, Key: "3", Reason: fault.Unavailable, Error: "거절\n그리고 more", Body: []byte("\xff\x00"),
		Headers: map[string][]string{"X-Two": {"a", "b"}, "X-Odd": {"\xff\x00c"}},
	}
	settle := func() error {
		row := delivery.Row{}
		row.ID, row.Kind, row.Status, row.Version = id, command.EmailSend, delivery.Sent, 3
		return errors.Join(o.Event(t.Context(), row), o.DeadLetter(t.Context(), letter),
			o.Schedule(t.Context(), delivery.Postponed{Command: cmd, Version: 2, Due: time.Now().Add(time.Hour)}))
	}
	if err := settle(); err != nil {
		t.Fatal(err)
	}
	event := full.kept["event.email.send.sent of "+id.String()]
	if event.ID != id.String()+".3" || event.Headers["Content-Type"] == "" || len(event.Payload) == 0 {
		t.Errorf("the event is kept as %+v", event)
	}
	schedule := full.kept["scheduled.at."+id.String()+" of "+id.String()]
	if schedule.ID != id.String()+".2" || schedule.Headers["Nats-Schedule-Target"] != "scheduled.due.email.send.high" || string(schedule.Payload) != `{"x":1}` {
		t.Errorf("the schedule is kept as %+v", schedule)
	}
	dead := full.kept["deadletter.email.send."+id.String()+" of "+id.String()]
	if dead.ID != id.String()+".3.letter" || dead.Headers["X-Two"] != "a, b" || dead.Headers["X-Odd"] != "c" || string(dead.Payload) != "\xff\x00" {
		t.Errorf("the letter is kept as %+v", dead)
	}
	full.err = errors.New("the database is away")
	if err := settle(); !errors.Is(err, full.err) || !errors.Is(err, broker.ErrStreamRefused) {
		t.Errorf("error %v; want both", err)
	}
}
