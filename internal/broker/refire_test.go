package broker_test

import (
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestRefire: a schedule whose time came while the store was full is stuck in
// the server. Set anew it fires at once; one whose time is to come is left alone.
func TestRefire(t *testing.T) {
	conn := connect(t, testkit.StartNATSProcess(t, 1<<20).URL())
	if err := broker.Provision(t.Context(), conn, broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, conn, broker.PublisherOptions{RetryFor: time.Second})
	o := broker.NewOutlet(conn, p)
	stuck, later := postponed(command.EmailSend, command.Normal, 2*time.Second), postponed(command.EmailSend, command.Normal, time.Hour)
	for _, one := range []delivery.Postponed{stuck, later} {
		if err := o.Schedule(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	for size := 64 << 10; size > 16; {
		if err := p.Send(t.Context(), broker.Outgoing{Subject: "event.filler", Body: make([]byte, size)}); err != nil {
			size /= 2
		}
	}
	after := func(moment time.Time) {
		testkit.Eventually(t, patience, func() bool { return time.Since(moment) > time.Second }, "the server has had its time")
	}
	after(stuck.Due)
	if fired, err := conn.Refire(t.Context(), stuck.Command.ID, time.Now()); fired || err == nil {
		t.Errorf("in a full store: %t, %v", fired, err)
	}
	events, err := conn.JetStream().Stream(t.Context(), broker.StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	after(time.Now())
	if n := streamMessages(t, conn, broker.StreamScheduled); n != 2 {
		t.Fatalf("%d schedules: does the server try again by itself now? Then Refire can go", n)
	}
	for _, test := range []struct {
		p      delivery.Postponed
		before time.Time
		want   bool
	}{
		{later, time.Now(), false},
		{stuck, stuck.Due.Add(-time.Second), false},
		{stuck, time.Now(), true},
		{postponed(command.EmailSend, command.Normal, 0), time.Now(), false}, // has none
	} {
		if fired, err := conn.Refire(t.Context(), test.p.Command.ID, test.before); fired != test.want || err != nil {
			t.Errorf("due in %v, before %v: %t, %v", time.Until(test.p.Due), test.before, fired, err)
		}
	}
	msg := receive(t, subscribe(t, subscriber(t, conn), string(command.EmailSend)))
	d := delivered(t, msg)
	if string(d.Body()) != string(stuck.Command.Body) || d.Source().MsgID != stuck.Command.ID.String() {
		t.Errorf("fired %q of %s", d.Body(), d.Source().MsgID)
	}
	msg.Ack()
}
