package broker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// With a flood of bulk and every handler busy with it, a high message starts
// next, and one slot was never bulk's to take.
func TestHighGoesBeforeTheBulkFlood(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{}, command.Lanes()...)
	q.fill(t, conn, command.Bulk, 200)
	s := q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(8)})
	messages := subscribe(t, s, "topic")
	var running []*message.Message
	for range 7 {
		running = append(running, receive(t, messages))
	}
	quietly(t, messages) // the eighth slot is kept from bulk
	bulk := prefetched(t, s, 4)
	q.fill(t, conn, command.High, 2)
	// The first takes the kept slot, the second the next one that comes free.
	testkit.Eventually(t, patience, func() bool { return s.InFlight("topic") == 8 && s.Waiting("topic") > bulk }, "both are here")
	for i := range 2 {
		msg := receive(t, messages)
		if d := delivered(t, msg); d.Subject() != "work.high" || string(d.Body()) != number(i) {
			t.Errorf("%s %s came, want high %s", d.Subject(), d.Body(), number(i))
		}
		running = append(running, msg)
		running[0].Ack()
		running = running[1:]
	}
	for _, msg := range running {
		msg.Ack()
	}
}

// Normal and bulk share by turns: neither starves.
func TestNormalAndBulkShare(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{}, command.Lanes()...)
	q.fill(t, conn, command.Bulk, 100)
	q.fill(t, conn, command.Normal, 100)
	s := q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(40)})
	s.Hold("topic")
	messages := subscribe(t, s, "topic")
	s.Release("topic")
	first := receive(t, messages) // everything that fits is waiting before the next is chosen
	prefetched(t, s, 40)
	first.Ack()
	got := map[string]int{}
	for range 24 {
		msg := receive(t, messages)
		got[strings.TrimPrefix(delivered(t, msg).Subject(), "work.")]++
		msg.Ack()
	}
	if got["normal"] < 4 || got["bulk"] < 4 {
		t.Errorf("of 24 messages: %v; want some of each", got)
	}
}

// Held, a topic pulls nothing and hands nothing out; released, it goes on.
// Nothing is handed back meanwhile, which would count as deliveries.
func TestHoldAndRelease(t *testing.T) {
	t.Parallel()
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{AckWait: 1500 * time.Millisecond})
	s := q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(2)})
	s.Hold("topic")
	messages := subscribe(t, s, "topic")
	q.fill(t, conn, command.Normal, 10)
	quietly(t, messages)
	if pending := q.info(t).NumAckPending; pending != 0 {
		t.Errorf("held from the start, %d messages were pulled", pending)
	}
	s.Release("topic")
	running := receive(t, messages)
	second := receive(t, messages)
	waiting := prefetched(t, s, 2)
	s.Hold("topic")
	signs := signsOfLife(t, conn, command.Normal)
	if n := s.InFlight("topic"); n != 2 {
		t.Errorf("%d in flight, want 2", n)
	}
	running.Ack()
	second.Ack()
	quietly(t, messages)
	testkit.Eventually(t, patience, func() bool { return signs(waiting) >= 4 }, "what waits is kept alive")
	s.Release("topic")
	for range 8 {
		msg := receive(t, messages)
		if d := delivered(t, msg); d.Deliveries() != 1 {
			t.Errorf("message %s was delivered %d times", d.Body(), d.Deliveries())
		}
		msg.Ack()
	}
	q.empties(t)
}

func quietly(t *testing.T, messages <-chan *message.Message) {
	t.Helper()
	select {
	case msg := <-messages:
		t.Fatalf("message %s came", msg.Payload)
	case <-time.After(200 * time.Millisecond):
	}
}

// Waiting messages are bounded in count and in bytes, and one larger than all
// the room still comes, alone.
func TestPrefetchIsBounded(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	q.fill(t, conn, command.Normal, 100)
	p := publisher(t, conn, broker.PublisherOptions{})
	for range 10 {
		if err := p.Send(t.Context(), broker.Outgoing{Subject: "work.normal", Body: make([]byte, 400<<10)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := p.Send(t.Context(), broker.Outgoing{Subject: "work.normal", Body: make([]byte, 3<<20)}); err != nil {
			t.Fatal(err)
		}
	}
	s := q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(10), PrefetchBytes: 1 << 20})
	messages := subscribe(t, s, "topic")
	for i := range 112 {
		msg := receive(t, messages)
		waiting := s.Waiting("topic")
		switch {
		case waiting > 20:
			t.Errorf("message %d: %d wait here, want at most twice the pool", i, waiting)
		case i > 103 && waiting > 2:
			t.Errorf("message %d: %d large ones wait here, want at most the two that fit", i, waiting)
		}
		msg.Ack()
	}
	q.empties(t)
}
