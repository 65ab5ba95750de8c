package broker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// What a handler writes down is carried out when it has returned, whether it
// returned an error or not.
func TestVerdictsAreCarriedOut(t *testing.T) {
	const delay = 700 * time.Millisecond
	for name, test := range map[string]struct {
		decide  func(*broker.Delivery)
		nack    bool
		again   time.Duration // 0: does not come again
		atMost  time.Duration
		removed bool
	}{
		"nothing, returned nil":    {decide: func(*broker.Delivery) {}, removed: true},
		"nothing, returned error":  {decide: func(*broker.Delivery) {}, nack: true, again: 300 * time.Millisecond, atMost: 3 * time.Second},
		"ack":                      {decide: (*broker.Delivery).Ack, removed: true},
		"ack, returned error":      {decide: (*broker.Delivery).Ack, nack: true, removed: true},
		"retry":                    {decide: func(d *broker.Delivery) { d.RetryIn(delay) }, again: delay, atMost: 4 * time.Second},
		"retry, returned error":    {decide: func(d *broker.Delivery) { d.RetryIn(delay) }, nack: true, again: delay, atMost: 4 * time.Second},
		"retry at once":            {decide: func(d *broker.Delivery) { d.RetryIn(0) }, again: 1, atMost: time.Second},
		"the last word counts":     {decide: func(d *broker.Delivery) { d.RetryIn(0); d.Ack() }, removed: true},
		"terminate":                {decide: func(d *broker.Delivery) { d.Terminate("no use") }, removed: true},
		"terminate without reason": {decide: func(d *broker.Delivery) { d.Terminate("") }, removed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, conn := start(t)
			q := newQueue(t, conn, jetstream.ConsumerConfig{})
			q.fill(t, conn, command.Normal, 1)
			messages := subscribe(t, q.subscriber(t, conn, broker.SubscriberOptions{NackDelay: 300 * time.Millisecond}), "topic")
			msg := receive(t, messages)
			test.decide(delivered(t, msg))
			if left := q.left(t); left != 1 {
				t.Errorf("%d messages stored before the handler returned", left)
			}
			decided := time.Now()
			if test.nack {
				msg.Nack()
			} else {
				msg.Ack()
			}
			if test.removed {
				q.empties(t)
				if info := q.info(t); info.Delivered.Consumer != 1 {
					t.Errorf("%d deliveries", info.Delivered.Consumer)
				}
				return
			}
			again := receive(t, messages)
			if took := time.Since(decided); took < test.again || took > test.atMost {
				t.Errorf("it came again after %v, want %v", took, test.again)
			}
			if n := delivered(t, again).Deliveries(); n != 2 {
				t.Errorf("delivery %d, want 2", n)
			}
			if err := msg.Context().Err(); err == nil {
				t.Error("the context of a settled message goes on")
			}
			again.Ack()
		})
	}
}

func TestSourcePrefersOurHeaders(t *testing.T) {
	t.Parallel()
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	messages := subscribe(t, q.subscriber(t, conn, broker.SubscriberOptions{}), "topic")
	requested := time.Date(2026, 3, 1, 9, 0, 0, 123456789, time.UTC)
	for name, test := range map[string]struct {
		headers nats.Header
		want    command.Source // Stream, Sequence and, unless set, Timestamp are the message's
	}{
		"none":           {nil, command.Source{}},
		"message id":     {nats.Header{"Nats-Msg-Id": {"m"}}, command.Source{MsgID: "m"}},
		"identity":       {nats.Header{"Nats-Msg-Id": {"i.7"}, "Gangway-Id": {"i"}}, command.Source{MsgID: "i"}},
		"requested":      {nats.Header{"Gangway-Requested-At": {"2026-03-01T18:00:00.123456789+09:00"}}, command.Source{Timestamp: requested}},
		"unreadable":     {nats.Header{"Gangway-Requested-At": {"yesterday"}, "Gangway-Generation": {"-1"}}, command.Source{}},
		"generation":     {nats.Header{"Gangway-Generation": {"3"}}, command.Source{Generation: 3}},
		"trace":          {nats.Header{"traceparent": {"00-aa-bb-01"}, "tracestate": {"k=v"}}, command.Source{TraceParent: "00-aa-bb-01", TraceState: "k=v"}},
		"trace by Go":    {nats.Header{"Traceparent": {"00-aa-bb-01"}}, command.Source{TraceParent: "00-aa-bb-01"}},
		"several values": {nats.Header{"Gangway-Id": {"first", "second"}}, command.Source{MsgID: "first"}},
	} {
		if err := conn.NATS().PublishMsg(&nats.Msg{Subject: "work.normal", Header: test.headers}); err != nil {
			t.Fatal(err)
		}
		msg := receive(t, messages)
		got := delivered(t, msg).Source()
		if got.Stream != "WORK" || got.Sequence == 0 || got.Timestamp.IsZero() || got.Timestamp.Location() != time.UTC && test.want.Timestamp.IsZero() {
			t.Errorf("%s: source %+v", name, got)
		}
		if test.want.Timestamp.IsZero() {
			if age := time.Since(got.Timestamp); age < 0 || age > patience {
				t.Errorf("%s: stored %v ago", name, age)
			}
		} else if !got.Timestamp.Equal(test.want.Timestamp) {
			t.Errorf("%s: requested at %v, want %v", name, got.Timestamp, test.want.Timestamp)
		}
		got.Stream, got.Sequence, got.Timestamp, test.want.Timestamp = "", 0, time.Time{}, time.Time{}
		if got != test.want {
			t.Errorf("%s: source %+v, want %+v", name, got, test.want)
		}
		msg.Ack()
	}
}

// Short naks are for few messages and few times; the rest goes by schedule.
func TestCanRetryIn(t *testing.T) {
	t.Parallel()
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	q.fill(t, conn, command.Normal, 3)
	s := q.subscriber(t, conn, broker.SubscriberOptions{DelayedNaks: 2, Pool: pool(1), NackDelay: time.Millisecond})
	messages := subscribe(t, s, "topic")
	for i := range 3 {
		msg := receive(t, messages)
		d := delivered(t, msg)
		if i == 0 && (!d.CanRetryIn(30*time.Second) || d.CanRetryIn(31*time.Second)) {
			t.Error("30 seconds is the longest short delay")
		}
		if d.CanRetryIn(20*time.Second) != (i < 2) {
			t.Errorf("message %d: allowed %v with %d of 2 outstanding", i, d.CanRetryIn(20*time.Second), i)
		}
		if !d.CanRetryIn(0) {
			t.Errorf("message %d: no nak without a delay", i)
		}
		if i < 2 {
			d.RetryIn(20 * time.Second)
			msg.Ack()
			continue
		}
		for n := 1; n < 10; n++ {
			if d.Deliveries() != n || !d.CanRetryIn(0) {
				t.Errorf("delivery %d, want %d with a short nak allowed", d.Deliveries(), n)
			}
			d.RetryIn(0)
			msg.Ack()
			msg = receive(t, messages)
			d = delivered(t, msg)
		}
		if d.Deliveries() != 10 || d.CanRetryIn(0) {
			t.Errorf("delivery %d: a tenth delivery is not the last", d.Deliveries())
		}
		msg.Ack()
	}
}

// An unknown consumer is a mistake that Subscribe reports.
func TestSubscribeErrors(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	if _, err := subscriber(t, conn).Subscribe(t.Context(), string(command.EmailSend)); !errors.Is(err, jetstream.ErrStreamNotFound) || !contains(err.Error(), "GANGWAY_COMMANDS", "email-send-alerts") {
		t.Errorf("without a topology: %v", err)
	}
	if _, err := subscriber(t, conn).Subscribe(t.Context(), "letters"); err == nil || !contains(err.Error(), "letters") {
		t.Errorf("an unknown kind: %v", err)
	}
	if _, err := (&queue{}).subscriber(t, conn, broker.SubscriberOptions{}).Subscribe(t.Context(), "topic"); err == nil {
		t.Error("a topic without sources is subscribed to")
	}
	if _, ok := broker.DeliveryFrom(t.Context()); ok {
		t.Error("a context without a message has a delivery")
	}
}
