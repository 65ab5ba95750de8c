package broker_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func postponed(kind command.Kind, lane command.Lane, in time.Duration) delivery.Postponed {
	return delivery.Postponed{
		Command: &command.Command{
			ID: uuid.New(), Kind: kind, Lane: lane, Body: []byte(`{"to":["a@example.kr"]}`), Generation: 2,
			RequestedAt: time.Date(2026, 3, 1, 9, 0, 0, 123456789, time.UTC), TraceParent: trace, TraceState: "k=v",
		},
		Version: 3, Due: time.Now().Add(in),
	}
}

// A schedule fires at its time, never early, with everything that names the
// command: in the lane it came from, for kinds without lanes too.
func TestScheduleFiresOnTime(t *testing.T) {
	conn, o := outlet(t)
	s := subscriber(t, conn)
	cases := []struct {
		kind command.Kind
		lane command.Lane
		want string
	}{
		{command.EmailSend, command.High, "scheduled.due.email.send.high"},
		{command.BusinessVerify, command.Bulk, "scheduled.due.business.verify.bulk"},
		{command.DeliveryCancel, "", "scheduled.due.delivery.cancel.normal"},
	}
	lates := make([]time.Duration, len(cases))
	var fired sync.WaitGroup
	for i, test := range cases {
		messages := subscribe(t, s, string(test.kind))
		p := postponed(test.kind, test.lane, 3*time.Second+time.Duration(i)*123456789)
		if err := o.Schedule(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		all := stored(t, conn, broker.StreamScheduled)
		if at := all[len(all)-1].Header.Get("Nats-Schedule"); at != "@at "+p.Due.UTC().Format(time.RFC3339Nano) {
			t.Errorf("it is set for %q, want %v to the nanosecond", at, p.Due.UTC())
		}
		fired.Go(func() {
			select {
			case msg := <-messages:
				lates[i] = checkFired(t, msg, p, test.want)
			case <-time.After(patience):
				t.Errorf("%s did not fire", test.want)
			}
		})
	}
	fired.Wait()
	// One alone may meet a busy moment of the machine.
	if least := slices.Min(lates); least > 500*time.Millisecond {
		t.Errorf("all fire late: %v", lates)
	}
	testkit.Eventually(t, patience, func() bool { return streamMessages(t, conn, broker.StreamScheduled) == 0 }, "nothing is left")
}

func checkFired(t *testing.T, msg *message.Message, p delivery.Postponed, subject string) (late time.Duration) {
	if late = time.Since(p.Due); late < 0 || late > 10*time.Second {
		t.Errorf("%s fired %v after its time", subject, late)
	}
	d, ok := broker.DeliveryFrom(msg.Context())
	if !ok || d.Subject() != subject {
		t.Errorf("subject %s, want %s", d.Subject(), subject)
	}
	if kind, lane, ok := command.ParseSubject(subject); !ok || kind != p.Command.Kind || (lane != p.Command.Lane && p.Command.Lane != "") {
		t.Errorf("subject %s names %s in lane %s", subject, kind, lane)
	}
	src := d.Source()
	if src.MsgID != p.Command.ID.String() || src.Generation != 2 || !src.Timestamp.Equal(p.Command.RequestedAt) || src.TraceParent != trace || src.TraceState != "k=v" {
		t.Errorf("%s: source %+v", subject, src)
	}
	if string(d.Body()) != string(p.Command.Body) || d.Headers()["Gangway-Version"][0] != "3" {
		t.Errorf("%s: body %q, headers %v", subject, d.Body(), d.Headers())
	}
	msg.Ack()
	return late
}

// One schedule for each id: a new time replaces the old one, even seconds later,
// and a cancelled one never fires.
func TestScheduleIsReplacedAndCancelled(t *testing.T) {
	t.Parallel()
	conn, o := outlet(t)
	messages := subscribe(t, subscriber(t, conn), string(command.SMSSend))
	moved := postponed(command.SMSSend, command.Normal, time.Hour)
	if err := o.Schedule(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	moved.Version, moved.Due = 4, time.Now().Add(400*time.Millisecond)
	if err := o.Schedule(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	cancelled := postponed(command.SMSSend, command.Normal, 300*time.Millisecond)
	if err := o.Schedule(t.Context(), cancelled); err != nil {
		t.Fatal(err)
	}
	if n := streamMessages(t, conn, broker.StreamScheduled); n != 2 {
		t.Errorf("%d schedules, want one for each id", n)
	}
	for range 2 { // the second finds nothing
		if err := o.Unschedule(t.Context(), cancelled.Command.ID); err != nil {
			t.Fatal(err)
		}
	}
	msg := receive(t, messages)
	if id := delivered(t, msg).Source().MsgID; id != moved.Command.ID.String() {
		t.Errorf("%s fired", id)
	}
	msg.Ack()
	testkit.Eventually(t, patience, func() bool { return streamMessages(t, conn, broker.StreamScheduled) == 0 }, "nothing is left")
	select {
	case msg := <-messages:
		t.Errorf("%s came", delivered(t, msg).Source().MsgID)
	case <-time.After(300 * time.Millisecond):
	}
	// Overdue fires at once.
	if err := o.Schedule(t.Context(), postponed(command.SMSSend, command.Bulk, -time.Hour)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	receive(t, messages).Ack()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("an overdue schedule fired after %v", took)
	}
}
