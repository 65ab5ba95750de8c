package broker_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// Close hands back at once what no handler has begun, and waits for the rest.
func TestCloseHandsBackWhatWaitsAndFinishesWhatRuns(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	// Fewer than there is room for: a request for more is open when Close begins,
	// and what is handed back must not come in answer to it.
	const n = 6
	q.fill(t, conn, command.Normal, n)
	closing := q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(4)})
	messages := subscribe(t, closing, "topic")
	var running []*message.Message
	for range 4 {
		running = append(running, receive(t, messages))
	}
	waiting := prefetched(t, closing, n-4)

	closed := make(chan error, 1)
	go func() { closed <- closing.Close() }()
	// Another worker gets what waited while the four still run.
	other := subscribe(t, q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(n)}), "topic")
	began := time.Now()
	for range n - 4 {
		receive(t, other).Ack()
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("what waited came back after %v, want at once and not after AckWait", took)
	}
	select {
	case err := <-closed:
		t.Fatalf("Close returned while handlers ran: %v", err)
	default:
	}
	if _, open := <-messages; open {
		t.Error("a message came out of a subscriber that closes")
	}
	for _, msg := range running {
		if err := msg.Context().Err(); err != nil {
			t.Errorf("a running handler's context ended: %v", err)
		}
		msg.Ack()
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	q.empties(t)
	if info := q.info(t); info.Delivered.Consumer != uint64(n+waiting) {
		t.Errorf("%d deliveries; want %d and %d handed back", info.Delivered.Consumer, n, waiting)
	}
	if !conn.Connected() {
		t.Error("Close closed the shared connection")
	}
	if _, err := closing.Subscribe(t.Context(), "topic"); !errors.Is(err, broker.ErrSubscriberClosed) {
		t.Errorf("Subscribe after Close: %v", err)
	}
}

// A handler that does not end is told by its context, and then left alone: its
// message is not handed out while it may still run.
func TestCloseCancelsAfterTheGracePeriod(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	q.fill(t, conn, command.Normal, 2)
	s := q.subscriber(t, conn, broker.SubscriberOptions{Grace: 100 * time.Millisecond, CancelWait: 200 * time.Millisecond})
	messages := subscribe(t, s, "topic")
	listens, deaf := receive(t, messages), receive(t, messages)
	var told sync.WaitGroup
	told.Go(func() {
		<-listens.Context().Done()
		listens.Nack()
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	told.Wait()
	if deaf.Context().Err() == nil {
		t.Error("the context of a handler outlives Close")
	}
	deaf.Ack() // too late: nobody carries it out
	if got := q.left(t); got != 2 {
		t.Errorf("%d messages stored, want both to come again", got)
	}
}

// Four subscribers close and open while messages flow: each message is handled
// to its end exactly once.
func TestRollingRestartHandlesEachMessageOnce(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	const n = 2000
	q.fill(t, conn, command.Normal, n)
	var handled atomic.Int64
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for handled.Load() < n {
				s := q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(8)})
				messages, err := s.Subscribe(t.Context(), "topic")
				if err != nil {
					t.Error(err)
					return
				}
				work(s, messages, &handled)
			}
		})
	}
	workers.Wait()
	q.empties(t)
	if handled.Load() != n {
		t.Errorf("%d messages were handled %d times", n, handled.Load())
	}
}

// work handles with eight goroutines until the subscriber, closed after a
// hundred messages or when none comes, closes the channel.
func work(s *broker.Subscriber, messages <-chan *message.Message, handled *atomic.Int64) {
	var handlers sync.WaitGroup
	var mine atomic.Int64
	for range 8 {
		handlers.Go(func() {
			for msg := range messages {
				handled.Add(1)
				mine.Add(1)
				msg.Ack()
			}
		})
	}
	deadline := time.After(100 * time.Millisecond)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for waiting := true; waiting && mine.Load() < 100; {
		select {
		case <-tick.C:
		case <-deadline:
			waiting = false
		}
	}
	s.Close()
	handlers.Wait()
}

// A connection that is gone for good does not keep Close from returning.
func TestCloseWithoutConnection(t *testing.T) {
	testkit.NoLeaks(t)
	server, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	q.fill(t, conn, command.Normal, 10)
	s := q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(2)})
	messages := subscribe(t, s, "topic")
	receive(t, messages).Ack()
	server.Stop()
	conn.Close()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Close hangs")
	}
}
