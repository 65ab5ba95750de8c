package broker_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// patience is how long a test waits for what must happen.
const patience = 15 * time.Second

func quiet(t testing.TB) *zap.Logger {
	return zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel))
}

// connect returns a connection of ours to url, closed when the test ends.
func connect(t testing.TB, url string) *broker.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := broker.Connect(ctx, broker.ConnectOptions{URLs: []string{url}, Name: t.Name(), Log: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// start starts a server and connects to it.
func start(t testing.TB) (*testkit.NATSServer, *broker.Conn) {
	t.Helper()
	server := testkit.NATS(t)
	return server, connect(t, server.URL())
}

func provisioned(t testing.TB, options broker.TopologyOptions) (*testkit.NATSServer, *broker.Conn) {
	t.Helper()
	server, conn := start(t)
	if err := broker.Provision(t.Context(), conn, options); err != nil {
		t.Fatal(err)
	}
	return server, conn
}

func publisher(t testing.TB, conn *broker.Conn, options broker.PublisherOptions) *broker.Publisher {
	t.Helper()
	p, err := broker.NewPublisher(conn, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// queue is a WorkQueue stream "WORK" over work.> with a durable for each lane,
// and the resolver that maps any topic to them.
type queue struct {
	stream  jetstream.Stream
	sources []broker.Source
}

func newQueue(t testing.TB, conn *broker.Conn, config jetstream.ConsumerConfig, lanes ...command.Lane) *queue {
	t.Helper()
	stream, err := conn.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "WORK", Subjects: []string{"work.>"}, Retention: jetstream.WorkQueuePolicy, Duplicates: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	q := &queue{stream: stream}
	if len(lanes) == 0 {
		lanes = []command.Lane{command.Normal}
	}
	for _, lane := range lanes {
		config := config
		config.Durable, config.FilterSubject = string(lane), "work."+string(lane)
		config.AckPolicy = jetstream.AckExplicitPolicy
		if config.MaxAckPending == 0 {
			config.MaxAckPending = 65536
		}
		if _, err := stream.CreateConsumer(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		q.sources = append(q.sources, broker.Source{Stream: "WORK", Consumer: string(lane), Lane: lane})
	}
	return q
}

func (q *queue) resolve(context.Context, string) ([]broker.Source, error) { return q.sources, nil }

// subscriber returns one on the queue's consumers, closed when the test ends.
func (q *queue) subscriber(t testing.TB, conn *broker.Conn, options broker.SubscriberOptions) *broker.Subscriber {
	t.Helper()
	options.Sources = q.resolve
	if options.Log == nil {
		options.Log = quiet(t)
	}
	s := broker.NewSubscriber(conn, options)
	t.Cleanup(func() { s.Close() })
	return s
}

// fill publishes n messages with the texts 0, 1, … in lane.
func (q *queue) fill(t testing.TB, conn *broker.Conn, lane command.Lane, n int) {
	t.Helper()
	p, err := broker.NewPublisher(conn, broker.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	batch := make([]broker.Outgoing, n)
	for i := range batch {
		batch[i] = broker.Outgoing{Subject: "work." + string(lane), Body: []byte(number(i))}
	}
	if err := p.Send(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
}

// info is what the server knows of the normal lane's consumer.
func (q *queue) info(t testing.TB) *jetstream.ConsumerInfo {
	t.Helper()
	consumer, err := q.stream.Consumer(t.Context(), string(command.Normal))
	if err != nil {
		t.Fatal(err)
	}
	return consumer.CachedInfo()
}

// left counts the messages still stored.
func (q *queue) left(t testing.TB) int {
	t.Helper()
	info, err := q.stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(info.State.Msgs)
}

func (q *queue) empties(t testing.TB) {
	t.Helper()
	testkit.Eventually(t, patience, func() bool { return q.left(t) == 0 }, "the stream is empty")
}

func pool(n int) func(string) int { return func(string) int { return n } }

func subscribe(t testing.TB, s message.Subscriber, topic string) <-chan *message.Message {
	t.Helper()
	messages, err := s.Subscribe(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

// prefetched waits until everything that is pulled ahead is here, and counts it.
// A subscriber asks again when half its room is free, so that it holds between
// half and all of it.
func prefetched(t testing.TB, s *broker.Subscriber, atLeast int) int {
	t.Helper()
	waiting, since := -1, time.Now()
	testkit.Eventually(t, patience, func() bool {
		if now := s.Waiting("topic"); now != waiting {
			waiting, since = now, time.Now()
		}
		return waiting >= atLeast && time.Since(since) > 100*time.Millisecond
	}, "%d messages wait here", atLeast)
	return waiting
}

func receive(t testing.TB, messages <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case msg, ok := <-messages:
		if !ok {
			t.Fatal("the channel is closed")
		}
		return msg
	case <-time.After(patience):
		t.Fatal("no message came")
	}
	return nil
}

func delivered(t testing.TB, msg *message.Message) *broker.Delivery {
	t.Helper()
	d, ok := broker.DeliveryFrom(msg.Context())
	if !ok {
		t.Fatal("the message carries no delivery")
	}
	return d
}

func itoa(i int) string { return strconv.Itoa(i) }

func number(i int) string { return fmt.Sprintf("%06d", i) }

// contains reports whether text has every part.
func contains(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
