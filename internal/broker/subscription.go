package broker

import (
	"context"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/zap"
)

// subscription is one topic's pool: feeds pull into its lanes, one goroutine
// hands out, and one goroutine for each message in flight awaits its handler.
// Watermill's router starts a goroutine a message and sets no bound: the slots
// here are the bound.
type subscription struct {
	owner   *Subscriber
	topic   string
	out     chan *message.Message
	ackWait time.Duration

	// base is the parent of message contexts. It carries the values of
	// Subscribe's context, not its end: a shutdown lets handlers finish.
	base       context.Context
	cancelBase context.CancelFunc
	wake       chan struct{}
	abandoned  chan struct{} // closed when waiting for handlers is over
	running    sync.WaitGroup
	pulls      sync.WaitGroup
	done       chan struct{}

	mu       sync.Mutex
	lanes    lanes
	credit   credit
	feeds    []*feed
	live     *Delivery // ring of everything outstanding; the root is no delivery
	liveLen  int
	held     bool
	stopping bool
	nextBeat time.Time
	beating  []*Delivery // reused by the heartbeat
}

func newSubscription(ctx context.Context, owner *Subscriber, topic string, sources []Source) *subscription {
	pool := max(1, owner.options.Pool(topic))
	s := &subscription{
		owner: owner, topic: topic,
		out:       make(chan *message.Message),
		wake:      make(chan struct{}, 1),
		abandoned: make(chan struct{}),
		done:      make(chan struct{}),
		lanes:     newLanes(pool),
		live:      &Delivery{},
	}
	s.live.prev, s.live.next = s.live, s.live
	s.base, s.cancelBase = context.WithCancel(context.WithoutCancel(ctx))
	for _, source := range sources {
		s.feeds = append(s.feeds, newFeed(s, source))
	}
	s.credit = newCredit(2*pool, owner.options.PrefetchBytes, len(sources))
	return s
}

// run hands out until ctx or the subscriber ends, then winds down.
func (s *subscription) run(ctx context.Context) {
	defer close(s.done)
	defer s.owner.remove(s)
	defer s.cancelBase()
	for s.handOut(ctx) {
	}
	s.stopPulling()
	close(s.out)
	s.finish()
}

// handOut passes one message on, or waits for something to do. It reports
// whether to go on. The choice is made when a slot is free, not before, so that
// an urgent message never queues behind a chosen one for longer than the
// receiver takes to receive.
func (s *subscription) handOut(ctx context.Context) bool {
	d, more := s.next()
	more.send()
	if d == nil {
		select {
		case <-s.wake:
			return true
		case <-ctx.Done():
			return false
		case <-s.owner.closing:
			return false
		}
	}
	msgCtx, cancel := context.WithCancel(s.base)
	msg := d.message(context.WithValue(msgCtx, deliveryKey{}, d))
	select {
	case s.out <- msg:
		s.running.Go(func() { s.await(d, msg, cancel) })
		return true
	case <-ctx.Done():
	case <-s.owner.closing:
	}
	cancel()
	s.handBack(d)
	return false
}

// next picks a message and asks its feed whether to pull for more.
func (s *subscription) next() (*Delivery, pullRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held || s.stopping {
		return nil, pullRequest{}
	}
	d := s.lanes.pick()
	if d == nil {
		return nil, pullRequest{}
	}
	d.feed.dispatched(d)
	return d, d.feed.request()
}

// await carries out what the handler decided.
func (s *subscription) await(d *Delivery, msg *message.Message, cancel context.CancelFunc) {
	defer cancel()
	defer s.release(d)
	fallback := verdict{kind: verdictAck}
	select {
	case <-msg.Acked():
	case <-msg.Nacked():
		fallback = verdict{kind: verdictRetry, delay: s.nackDelay(d)}
	case <-s.abandoned:
		d.abandon()
		return
	}
	if err := d.settle(fallback); err != nil {
		s.owner.options.Log.Warn("broker: acknowledgement was not sent; the message comes again",
			zap.String("topic", s.topic), zap.Uint64("sequence", d.sequence), zap.Error(err))
	}
	s.owner.options.Reached(StepAcknowledged)
}

func (s *subscription) nackDelay(d *Delivery) time.Duration {
	return min(MaxShortDelay, s.owner.options.NackDelay<<min(d.deliveries-1, 16))
}

func (s *subscription) release(d *Delivery) {
	s.mu.Lock()
	s.unlink(d)
	s.lanes.release(d)
	s.mu.Unlock()
	s.signal()
}

func (s *subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// accept queues a message that a feed received. While stopping it goes straight
// back.
func (s *subscription) accept(d *Delivery, p *pull) {
	s.mu.Lock()
	p.received()
	if s.stopping {
		s.mu.Unlock()
		s.logGiveBack(d, d.giveBack())
		return
	}
	d.feed.arrived(d)
	s.link(d)
	s.lanes.push(d)
	more := d.feed.request()
	s.mu.Unlock()
	s.signal()
	more.send()
}

func (s *subscription) link(d *Delivery) {
	d.prev, d.next = s.live.prev, s.live
	d.prev.next, d.next.prev = d, d
	s.liveLen++
}

func (s *subscription) unlink(d *Delivery) {
	d.prev.next, d.next.prev = d.next, d.prev
	d.prev, d.next = nil, nil
	s.liveLen--
}

func (s *subscription) count() (inFlight, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.feeds {
		waiting += f.buffered
	}
	return s.liveLen - waiting, waiting
}
