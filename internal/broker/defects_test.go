package broker_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// The tests of this file show, one by one, that the defects found in the
// subscribers of watermill-nats v2.1.3 are not in ours.

// router starts watermill's router with one handler and returns it running.
func router(t *testing.T, s message.Subscriber, handle message.NoPublishHandlerFunc) *message.Router {
	t.Helper()
	r, err := message.NewRouter(message.RouterConfig{CloseTimeout: patience}, broker.NewZapLogger(zap.NewNop()))
	if err != nil {
		t.Fatal(err)
	}
	r.AddConsumerHandler("handler", "topic", s, handle)
	done := make(chan error, 1)
	go func() { done <- r.Run(context.Background()) }()
	<-r.Running()
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// Defect 1: closing the router while handlers run. The library returns without
// acknowledging what they finish, and cancels their contexts in mid-send.
func TestDefect1RouterCloseKeepsAcknowledgements(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	const n = 16
	q.fill(t, conn, command.Normal, n)

	var started, finished, cancelled atomic.Int64
	r := router(t, q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(n)}), func(msg *message.Message) error {
		started.Add(1)
		select {
		case <-time.After(300 * time.Millisecond):
			finished.Add(1)
		case <-msg.Context().Done():
			cancelled.Add(1)
		}
		return nil
	})
	testkit.Eventually(t, patience, func() bool { return started.Load() == n }, "all handlers run")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if finished.Load() != n || cancelled.Load() != 0 {
		t.Errorf("%d handlers finished, %d were cancelled; want %d and 0", finished.Load(), cancelled.Load(), n)
	}
	q.empties(t)
	if info := q.info(t); info.Delivered.Consumer != n {
		t.Errorf("%d deliveries of %d messages", info.Delivered.Consumer, n)
	}
}

// Defect 2: Close deletes the durable that it created. In the library a second
// worker then receives nothing more, and a restarted one receives again what was
// acknowledged.
func TestDefect2CloseLeavesTheDurable(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	stream, err := conn.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEEPS", Subjects: []string{"keeps"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "all", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	q := &queue{stream: stream, sources: []broker.Source{{Stream: "KEEPS", Consumer: "all"}}}
	p := publisher(t, conn, broker.PublisherOptions{})
	publish := func(n int) {
		for range n {
			if err := p.Send(t.Context(), broker.Outgoing{Subject: "keeps"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	one, other := q.subscriber(t, conn, broker.SubscriberOptions{}), q.subscriber(t, conn, broker.SubscriberOptions{})
	first, second := subscribe(t, one, "topic"), subscribe(t, other, "topic")
	publish(10)
	for range 10 {
		select {
		case msg := <-first:
			msg.Ack()
		case msg := <-second:
			msg.Ack()
		case <-time.After(patience):
			t.Fatal("no message came")
		}
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	publish(10)
	for range 10 {
		receive(t, second).Ack()
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	third := subscribe(t, q.subscriber(t, conn, broker.SubscriberOptions{}), "topic")
	publish(1)
	msg := receive(t, third)
	if d := delivered(t, msg); d.Source().Sequence != 21 {
		t.Errorf("after a restart message %d came, want 21: what was acknowledged does not come again", d.Source().Sequence)
	}
	msg.Ack()
}

// Defect 3: the context of a subscription ends while a backlog waits. The
// library closes its output before its input is drained and panics in half the
// runs.
func TestDefect3CancelWithBacklog(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	q.fill(t, conn, command.Normal, 500)
	s := q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(16)})
	for range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		messages, err := s.Subscribe(ctx, "topic")
		if err != nil {
			t.Fatal(err)
		}
		receive(t, messages).Ack()
		cancel()
		for msg := range messages {
			msg.Ack()
		}
	}
}

// Defect 4: a header with two values. One of the library's subscribers panics on
// it, the other never gets past it.
func TestDefect4HeaderWithTwoValues(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	msg := nats.NewMsg("work.normal")
	msg.Header = nats.Header{"Colour": {"red", "green"}, "Empty": {}}
	if err := conn.NATS().PublishMsg(msg); err != nil {
		t.Fatal(err)
	}
	got := receive(t, subscribe(t, q.subscriber(t, conn, broker.SubscriberOptions{}), "topic"))
	if colour := got.Metadata.Get("Colour"); colour != "red" {
		t.Errorf("metadata %q, want the first value", colour)
	}
	if all := delivered(t, got).Headers()["Colour"]; len(all) != 2 || all[1] != "green" {
		t.Errorf("headers %q, want both values", all)
	}
	got.Ack()
	q.empties(t)
}

// Defect 5: messages prefetched longer ago than AckWait. The library lets their
// deadline pass: in one run of 600 messages 351 were handled twice.
func TestDefect5PrefetchedMessagesAreKeptAlive(t *testing.T) {
	t.Parallel()
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{AckWait: 1500 * time.Millisecond})
	const n = 12
	q.fill(t, conn, command.Normal, n)
	s := q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(4)})
	messages := subscribe(t, s, "topic")
	signs := signsOfLife(t, conn, command.Normal)
	// Four are with handlers and others wait here while two deadlines pass: there
	// are three signs of life in each.
	var running []*message.Message
	for range 4 {
		running = append(running, receive(t, messages))
	}
	held := 4 + prefetched(t, s, 4)
	testkit.Eventually(t, patience, func() bool { return signs(held) >= 7 }, "seven signs of life for each of %d messages", held)
	for i := range n {
		if i >= 4 {
			running = append(running, receive(t, messages))
		}
		if d := delivered(t, running[0]); d.Deliveries() != 1 {
			t.Errorf("message %d was delivered %d times, want once", d.Source().Sequence, d.Deliveries())
		}
		running[0].Ack()
		running = running[1:]
	}
	q.empties(t)
	if info := q.info(t); info.Delivered.Consumer != n {
		t.Errorf("%d deliveries of %d messages", info.Delivered.Consumer, n)
	}
}

// Defect 6: a handler that takes longer than AckWait. In the library its message
// is handed out again and again and never acknowledged.
func TestDefect6SlowHandlersAreKeptAlive(t *testing.T) {
	t.Parallel()
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{AckWait: 1500 * time.Millisecond})
	q.fill(t, conn, command.Normal, 5)
	var runs atomic.Int64
	router(t, q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(5)}), func(*message.Message) error {
		runs.Add(1)
		<-time.After(3500 * time.Millisecond)
		return nil
	})
	q.empties(t)
	if runs.Load() != 5 {
		t.Errorf("%d runs of 5 messages", runs.Load())
	}
}

// Defect 7: the library's AckWait is a timer in the client; the server's
// deadline stays at 30 seconds whatever is asked for. Ours is the consumer's, and
// a message whose worker vanished comes back after it.
func TestDefect7AckWaitIsTheServers(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, broker.TopologyOptions{AckWait: 500 * time.Millisecond})
	name := broker.ConsumerName(command.EmailSend, command.Normal)
	consumer, err := conn.JetStream().Consumer(t.Context(), broker.StreamCommands, name)
	if err != nil {
		t.Fatal(err)
	}
	if wait := consumer.CachedInfo().Config.AckWait; wait != 500*time.Millisecond {
		t.Errorf("the server waits %v, want 500ms", wait)
	}
	if err := publisher(t, conn, broker.PublisherOptions{}).Send(t.Context(), broker.Outgoing{Subject: "email.send"}); err != nil {
		t.Fatal(err)
	}
	if _, err := consumer.Next(); err != nil { // this worker vanishes
		t.Fatal(err)
	}
	began := time.Now()
	msg := receive(t, subscribe(t, subscriber(t, conn), string(command.EmailSend)))
	if d := delivered(t, msg); d.Deliveries() != 2 || time.Since(began) > 5*time.Second {
		t.Errorf("delivery %d after %v, want the second soon after 500ms", d.Deliveries(), time.Since(began))
	}
	msg.Ack()
}

// signsOfLife listens for them and returns a function that tells the smallest
// count among n messages of a lane.
func signsOfLife(t *testing.T, conn *broker.Conn, lane command.Lane) func(n int) int {
	t.Helper()
	var mu sync.Mutex
	counts := map[string]int{}
	_, err := conn.NATS().Subscribe("$JS.ACK.WORK."+string(lane)+".>", func(msg *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if string(msg.Data) == "+WPI" {
			counts[msg.Subject]++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		if len(counts) < n {
			return 0
		}
		return slices.Min(slices.Collect(maps.Values(counts)))
	}
}

// subscriber returns one with the production resolver.
func subscriber(t testing.TB, conn *broker.Conn) *broker.Subscriber {
	s := broker.NewSubscriber(conn, broker.SubscriberOptions{Log: quiet(t)})
	t.Cleanup(func() { s.Close() })
	return s
}
