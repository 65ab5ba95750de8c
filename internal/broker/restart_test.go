package broker_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// traffic publishes and handles until stop is called, and then checks that
// everything whose publication was acknowledged has been handled.
type traffic struct {
	t        *testing.T
	q        *queue
	stopping chan struct{}
	workers  sync.WaitGroup
	sent     atomic.Int64

	mu      sync.Mutex
	handled map[string]int
}

func startTraffic(t *testing.T, q *queue, conn *broker.Conn) *traffic {
	t.Helper()
	tr := &traffic{t: t, q: q, stopping: make(chan struct{}), handled: map[string]int{}}
	p := publisher(t, conn, broker.PublisherOptions{AckTimeout: time.Second})
	for sender := range 4 {
		tr.workers.Go(func() { tr.publish(p, sender) })
	}
	messages := subscribe(t, q.subscriber(t, conn, broker.SubscriberOptions{Pool: pool(16), Log: zap.NewNop()}), "topic")
	for range 16 {
		go func() {
			for msg := range messages {
				tr.mu.Lock()
				tr.handled[string(msg.Payload)]++
				tr.mu.Unlock()
				msg.Ack()
			}
		}()
	}
	return tr
}

func (tr *traffic) publish(p *broker.Publisher, sender int) {
	for i := 0; ; i++ {
		select {
		case <-tr.stopping:
			return
		default:
		}
		id := number(sender) + "." + number(i)
		if err := p.Send(tr.t.Context(), broker.Outgoing{Subject: "work.normal", Body: []byte(id), MsgID: id}); err != nil {
			tr.t.Errorf("publication was given up: %v", err)
			return
		}
		tr.sent.Add(1)
	}
}

func (tr *traffic) seen() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.handled)
}

// flows waits until messages are sent and handled again: sooner than a pull that
// was not renewed at once would be found to be lost.
func (tr *traffic) flows() {
	tr.t.Helper()
	sent, seen := tr.sent.Load(), tr.seen()
	testkit.Eventually(tr.t, 9*time.Second, func() bool { return tr.sent.Load() > sent+200 && tr.seen() > seen+200 }, "messages flow")
}

func (tr *traffic) stop() {
	tr.t.Helper()
	close(tr.stopping)
	tr.workers.Wait()
	testkit.Eventually(tr.t, 2*patience, func() bool { return int64(tr.seen()) >= tr.sent.Load() },
		"every one of %d messages has been handled", tr.sent.Load())
	// The consumer is asked, not the stream: a server that is stopped between the
	// two keeps a message that its consumer knows as acknowledged.
	testkit.Eventually(tr.t, patience, func() bool {
		info := tr.q.info(tr.t)
		return info.NumPending == 0 && info.NumAckPending == 0
	}, "everything is acknowledged")
	if seen := int64(tr.seen()); seen != tr.sent.Load() {
		tr.t.Errorf("%d messages were handled, %d were sent", seen, tr.sent.Load())
	}
}

// The server goes and comes back with its files: publisher and subscriber carry
// on by themselves, and nothing is lost.
func TestRestartLosesNothing(t *testing.T) {
	testkit.NoLeaks(t)
	server, conn := start(t)
	// What was on the wire when the server went comes again after AckWait.
	tr := startTraffic(t, newQueue(t, conn, jetstream.ConsumerConfig{AckWait: time.Second}), conn)
	for range 3 {
		tr.flows()
		server.Stop()
		server.Start()
	}
	tr.flows()
	tr.stop()
}

// The same when only the network breaks: the server then still holds the pull
// requests of the connection that is gone.
func TestBrokenConnectionLosesNothing(t *testing.T) {
	testkit.NoLeaks(t)
	server, direct := start(t)
	q := newQueue(t, direct, jetstream.ConsumerConfig{AckWait: time.Second})
	proxy, url := testkit.NewProxyURL(t, server.URL())
	conn := connect(t, url)
	tr := startTraffic(t, q, conn)
	for range 3 {
		tr.flows()
		proxy.Cut()
		testkit.Eventually(t, patience, func() bool { return !conn.Connected() }, "the connection is lost")
		proxy.Restore()
	}
	tr.flows()
	tr.stop()
}

// A consumer that an operator deletes by mistake is found again once it exists,
// without a restart of the worker.
func TestSubscriberFindsARecreatedConsumer(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	messages := subscribe(t, q.subscriber(t, conn, broker.SubscriberOptions{Log: zap.NewNop()}), "topic")
	q.fill(t, conn, command.Normal, 1)
	receive(t, messages).Ack()
	q.empties(t)
	config := q.info(t).Config
	if err := q.stream.DeleteConsumer(t.Context(), config.Durable); err != nil {
		t.Fatal(err)
	}
	q.fill(t, conn, command.Normal, 3)
	if _, err := q.stream.CreateConsumer(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		receive(t, messages).Ack()
	}
	q.empties(t)
}
