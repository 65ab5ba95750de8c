package broker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// Watermill's own suite. Its tests are called one by one instead of through
// TestPubSub, because they ask for properties that exclude each other: the order
// of messages wants one handler at a time, old messages for a new subscriber
// want a consumer of its own. This way none of them is skipped. Only
// TestReconnect stands in suite_reconnect_test.go.
func TestWatermillSuite(t *testing.T) {
	t.Parallel()
	server := testkit.NATS(t)
	conn := connect(t, server.URL())
	many := tests.Features{ConsumerGroups: true, Persistent: true}
	ordered := tests.Features{Persistent: true, GuaranteedOrder: true, GuaranteedOrderWithSingleSubscriber: true}
	// Ten thousand messages that nothing but the publisher is tried with.
	few := tests.Features{Persistent: true, ForceShort: true}
	fresh := tests.Features{Persistent: true, NewSubscriberReceivesOldMessages: true}

	for name, test := range map[string]struct {
		features tests.Features
		setup    setup
		run      func(*testing.T, tests.TestContext, tests.PubSubConstructor)
	}{
		"PublishSubscribe":                 {many, setup{pool: 64}, tests.TestPublishSubscribe},
		"ConcurrentSubscribe":              {many, setup{pool: 64}, tests.TestConcurrentSubscribe},
		"ConcurrentSubscribeMultiple":      {many, setup{pool: 64}, tests.TestConcurrentSubscribeMultipleTopics},
		"ResendOnError":                    {many, setup{pool: 64}, tests.TestResendOnError},
		"ResendOnErrorInOrder":             {ordered, setup{pool: 1}, tests.TestResendOnError},
		"NoAck":                            {ordered, setup{pool: 1}, tests.TestNoAck},
		"ContinueAfterSubscribeClose":      {many, setup{pool: 64}, tests.TestContinueAfterSubscribeClose},
		"ConcurrentClose":                  {many, setup{pool: 64}, tests.TestConcurrentClose},
		"ContinueAfterErrors":              {many, setup{pool: 64}, tests.TestContinueAfterErrors},
		"PublishSubscribeInOrder":          {ordered, setup{pool: 1}, tests.TestPublishSubscribeInOrder},
		"PublisherClose":                   {few, setup{pool: 64}, tests.TestPublisherClose},
		"Topic":                            {many, setup{pool: 64}, tests.TestTopic},
		"MessageCtx":                       {many, setup{pool: 64}, tests.TestMessageCtx},
		"SubscribeCtx":                     {many, setup{pool: 64}, tests.TestSubscribeCtx},
		"NewSubscriberReceivesOldMessages": {fresh, setup{pool: 64, alone: true}, tests.TestNewSubscriberReceivesOldMessages},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.run(t, tests.TestContext{TestID: tests.NewTestID(), Features: test.features}, test.setup.constructor(conn))
		})
	}
	t.Run("ConsumerGroups", func(t *testing.T) {
		t.Parallel()
		tests.TestConsumerGroups(t, tests.TestContext{TestID: tests.NewTestID(), Features: many}, setup{pool: 64}.groups(conn))
	})
}

// setup is how the suite's publishers and subscribers are made.
type setup struct {
	pool  int
	alone bool // every subscriber has a consumer of its own
}

func (s setup) constructor(conn *broker.Conn) tests.PubSubConstructor {
	var count atomic.Int64
	return func(t *testing.T) (message.Publisher, message.Subscriber) {
		group := "all"
		if s.alone {
			group = "alone" + number(int(count.Add(1)))
		}
		return s.groups(conn)(t, group)
	}
}

func (s setup) groups(conn *broker.Conn) tests.ConsumerGroupPubSubConstructor {
	return func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		p, err := broker.NewPublisher(conn, broker.PublisherOptions{})
		if err != nil {
			t.Fatal(err)
		}
		provisioning := topics{conn: conn, group: group, maxAckPending: 65536}
		if s.pool == 1 {
			provisioning.maxAckPending = 1
		}
		provisioning.Subscriber = broker.NewSubscriber(conn, broker.SubscriberOptions{
			Sources:   provisioning.sources,
			Pool:      pool(s.pool),
			NackDelay: time.Millisecond,
			// TestMessageCtx leaves a message with its handler and wants its context
			// to end all the same.
			Grace: 500 * time.Millisecond, CancelWait: 100 * time.Millisecond,
		})
		return p, provisioning
	}
}

// topics provisions a stream for each topic and a durable for each group, which
// production does before it starts.
type topics struct {
	*broker.Subscriber
	conn          *broker.Conn
	group         string
	maxAckPending int
}

// SubscribeInitialize implements [message.SubscribeInitializer].
func (s topics) SubscribeInitialize(topic string) error {
	_, err := s.conn.JetStream().CreateStream(context.Background(), jetstream.StreamConfig{Name: topic, Subjects: []string{topic}})
	return err
}

func (s topics) sources(ctx context.Context, topic string) ([]broker.Source, error) {
	if err := s.SubscribeInitialize(topic); err != nil {
		return nil, err
	}
	_, err := s.conn.JetStream().CreateOrUpdateConsumer(ctx, topic, jetstream.ConsumerConfig{
		Durable: s.group, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: s.maxAckPending,
	})
	return []broker.Source{{Stream: topic, Consumer: s.group}}, err
}

var _ message.SubscribeInitializer = topics{}
