package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// ErrSubscriberClosed is returned by Subscribe after [Subscriber.Close].
var ErrSubscriberClosed = errors.New("broker: subscriber is closed")

// SubscriberOptions tune a [Subscriber]; zero values mean the defaults.
type SubscriberOptions struct {
	// Sources says which durable consumers feed a topic; default [KindSources].
	Sources func(ctx context.Context, topic string) ([]Source, error)
	// Pool is how many messages of a topic may be with handlers at once; default
	// 64. At most twice as many wait here besides, handlers not counted.
	Pool func(topic string) int
	// PrefetchBytes bounds the size of the messages that wait here, for each
	// topic; default 16 MiB. A single larger message is taken alone.
	PrefetchBytes int
	// Grace is how long closing waits for running handlers before it cancels
	// their contexts; default 30 s. CancelWait is how long it waits after that;
	// default 2 s.
	Grace, CancelWait time.Duration
	// NackDelay is the pause after a handler failed without saying what to do; it
	// doubles with each delivery up to [MaxShortDelay]. Default 500 ms.
	NackDelay time.Duration
	// DelayedNaks bounds the delayed naks outstanding, for [Delivery.CanRetryIn];
	// default 4096.
	DelayedNaks int
	// Reached is told [StepAcknowledged], for tests that end the process there; nil
	// for nobody.
	Reached func(step string)
	Log     *zap.Logger
}

// StepAcknowledged: a message's acknowledgement was written.
const StepAcknowledged = "acknowledged"

func (o SubscriberOptions) withDefaults() SubscriberOptions {
	if o.Sources == nil {
		o.Sources = KindSources
	}
	if o.Pool == nil {
		o.Pool = func(string) int { return 64 }
	}
	if o.PrefetchBytes <= 0 {
		o.PrefetchBytes = 16 << 20
	}
	if o.Grace <= 0 {
		o.Grace = 30 * time.Second
	}
	if o.CancelWait <= 0 {
		o.CancelWait = 2 * time.Second
	}
	if o.NackDelay <= 0 {
		o.NackDelay = 500 * time.Millisecond
	}
	if o.DelayedNaks <= 0 {
		o.DelayedNaks = 4096
	}
	if o.Reached == nil {
		o.Reached = func(string) {}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}

// Subscriber hands messages of durable pull consumers to watermill. It takes
// high before normal and bulk, keeps the acknowledgement deadline of every
// message it holds alive, and when closed waits for running handlers and
// acknowledges what they finish. It never closes the connection.
type Subscriber struct {
	conn    *Conn
	options SubscriberOptions
	naks    *nakBudget

	mu            sync.Mutex
	subscriptions map[*subscription]struct{}
	held          map[string]bool

	closeOnce sync.Once
	closing   chan struct{}
	closed    chan struct{}
	keeper    sync.WaitGroup
	stopKeep  chan struct{}
}

// NewSubscriber returns a subscriber on conn; it must be closed.
func NewSubscriber(conn *Conn, options SubscriberOptions) *Subscriber {
	options = options.withDefaults()
	s := &Subscriber{
		conn:          conn,
		options:       options,
		naks:          newNakBudget(options.DelayedNaks),
		subscriptions: map[*subscription]struct{}{},
		held:          map[string]bool{},
		closing:       make(chan struct{}),
		closed:        make(chan struct{}),
		stopKeep:      make(chan struct{}),
	}
	s.keeper.Go(s.keep)
	return s
}

// Subscribe implements [message.Subscriber]. Its consumers must exist. The
// channel is closed when ctx ends or the subscriber is closed; running handlers
// then finish under contexts that outlive ctx by the grace period.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	sources, err := s.options.Sources(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("broker: subscribe to %s: %w", topic, err)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("broker: subscribe to %s: no consumer serves this topic", topic)
	}
	ackWait, err := s.ackWait(ctx, sources)
	if err != nil {
		return nil, fmt.Errorf("broker: subscribe to %s: %w", topic, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closing:
		return nil, ErrSubscriberClosed
	default:
	}
	sub := newSubscription(ctx, s, topic, sources)
	sub.ackWait = ackWait
	s.subscriptions[sub] = struct{}{}
	sub.hold(s.held[topic])
	go sub.run(ctx)
	return sub.out, nil
}

// ackWait asks the server: the deadline is the consumer's, not an option of
// ours. Several sources are kept alive at the pace of the most impatient.
func (s *Subscriber) ackWait(ctx context.Context, sources []Source) (time.Duration, error) {
	shortest := time.Duration(0)
	for _, source := range sources {
		var consumer jetstream.Consumer
		err := insist(ctx, s.options.Log, func() (err error) {
			consumer, err = s.conn.js.Consumer(ctx, source.Stream, source.Consumer)
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("consumer %s of stream %s: %w", source.Consumer, source.Stream, err)
		}
		if wait := consumer.CachedInfo().Config.AckWait; shortest == 0 || wait < shortest {
			shortest = wait
		}
	}
	return shortest, nil
}

// Hold stops pulling for topic until [Subscriber.Release]. Handlers go on; what
// waits here keeps its place and is not handed out. Held before Subscribe, the
// topic starts held.
func (s *Subscriber) Hold(topic string) { s.setHeld(topic, true) }

// Release resumes what [Subscriber.Hold] stopped.
func (s *Subscriber) Release(topic string) { s.setHeld(topic, false) }

func (s *Subscriber) setHeld(topic string, held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[topic] = held
	for sub := range s.subscriptions {
		if sub.topic == topic {
			sub.hold(held)
		}
	}
}

// InFlight counts the messages of topic that are with handlers.
func (s *Subscriber) InFlight(topic string) int {
	inFlight, _ := s.count(topic)
	return inFlight
}

// Waiting counts the messages of topic that were pulled and are not with a
// handler yet.
func (s *Subscriber) Waiting(topic string) int {
	_, waiting := s.count(topic)
	return waiting
}

func (s *Subscriber) count(topic string) (inFlight, waiting int) {
	for _, sub := range s.all() {
		if sub.topic == topic {
			f, w := sub.count()
			inFlight, waiting = inFlight+f, waiting+w
		}
	}
	return inFlight, waiting
}

// Close stops pulling, hands back what no handler has begun, waits for the
// others as [SubscriberOptions].Grace says, and returns when their
// acknowledgements have reached the server. It may be called from several
// goroutines; all wait.
func (s *Subscriber) Close() error {
	s.closeOnce.Do(func() {
		defer close(s.closed)
		s.mu.Lock()
		close(s.closing)
		var running []*subscription
		for sub := range s.subscriptions {
			running = append(running, sub)
		}
		s.mu.Unlock()
		for _, sub := range running {
			<-sub.done
		}
		close(s.stopKeep)
		s.keeper.Wait()
		if s.conn.nc.IsConnected() {
			if err := s.conn.nc.FlushTimeout(flushTimeout); err != nil {
				s.options.Log.Warn("broker: acknowledgements may not have reached the server", zap.Error(err))
			}
		}
	})
	<-s.closed
	return nil
}

func (s *Subscriber) remove(sub *subscription) {
	s.mu.Lock()
	delete(s.subscriptions, sub)
	s.mu.Unlock()
}

var _ message.Subscriber = (*Subscriber)(nil)
