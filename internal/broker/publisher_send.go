package broker

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Pauses between the repetitions of what was not acknowledged.
const (
	resendPause    = 50 * time.Millisecond
	resendPauseMax = time.Second
)

// send repeats what is not acknowledged until it is, until the stream refuses
// it, or until time is up.
func (p *Publisher) send(ctx context.Context, msgs []*nats.Msg) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return ErrPublisherClosed
	}
	sending := &sending{publisher: p, msgs: msgs, errs: make([]error, len(msgs))}
	todo := make([]int, len(msgs))
	for i := range todo {
		todo[i] = i
	}
	deadline := time.Now().Add(p.options.RetryFor)
	for pause := resendPause; ; pause = min(2*pause, resendPauseMax) {
		// Written into the reconnect buffer, a message would be repeated for sure:
		// its acknowledgement is given up at the moment of the disconnect.
		if err := p.awaitConnection(ctx, deadline); err != nil {
			return sending.failAll(todo, err)
		}
		sending.subject = ""
		sending.round(ctx, todo)
		todo = sending.unanswered(ctx, todo)
		if len(todo) == 0 || ctx.Err() != nil || time.Now().Add(pause).After(deadline) {
			return sending.result(ctx)
		}
		if err := sleep(ctx, pause); err != nil {
			return sending.failAll(todo, err)
		}
	}
}

// awaitConnection waits for a server, but no longer than the deadline of the
// messages, which then fail as they would without one.
func (p *Publisher) awaitConnection(ctx context.Context, deadline time.Time) error {
	for pause := 5 * time.Millisecond; !p.conn.nc.IsConnected(); pause = min(2*pause, 250*time.Millisecond) {
		if p.conn.nc.IsClosed() {
			return nats.ErrConnectionClosed
		}
		if time.Now().After(deadline) {
			return nats.ErrDisconnected
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// sending is one call's messages with what became of them, by index.
type sending struct {
	publisher *Publisher
	msgs      []*nats.Msg
	errs      []error

	// stream is the answer to the last question whose subject it was.
	subject, stream string
}

// flight is one message that waits for its acknowledgement.
type flight struct {
	index  int
	future jetstream.PubAckFuture
}

// round publishes the messages of todo and awaits their acknowledgements. Each
// holds a slot while it is in flight.
func (s *sending) round(ctx context.Context, todo []int) {
	flying := make([]flight, 0, min(len(todo), cap(s.publisher.slots)))
	for _, index := range todo {
		var err error
		if flying, err = s.acquire(ctx, flying); err != nil {
			s.errs[index] = err
			continue
		}
		future, err := s.publisher.js.PublishMsgAsync(s.msgs[index])
		if err != nil {
			<-s.publisher.slots
			s.errs[index] = err
			continue
		}
		flying = append(flying, flight{index: index, future: future})
	}
	for _, f := range flying {
		s.await(ctx, f)
	}
}

// acquire takes a slot. When none is free, a call with messages in flight
// awaits its oldest instead: two calls that hold half the slots each would
// otherwise wait for each other for ever.
func (s *sending) acquire(ctx context.Context, flying []flight) ([]flight, error) {
	for {
		select {
		case s.publisher.slots <- struct{}{}:
			return flying, nil
		default:
		}
		if len(flying) == 0 {
			break
		}
		s.await(ctx, flying[0])
		flying = flying[1:]
	}
	select {
	case s.publisher.slots <- struct{}{}:
		return flying, nil
	case <-ctx.Done():
		return flying, ctx.Err()
	}
}

func (s *sending) await(ctx context.Context, f flight) {
	defer func() { <-s.publisher.slots }()
	select {
	case <-f.future.Ok():
		s.errs[f.index] = nil
	case err := <-f.future.Err():
		s.errs[f.index] = err
	case <-ctx.Done():
		s.errs[f.index] = ctx.Err()
	}
}

// unanswered returns those of todo that may be repeated. A server that shuts
// down refuses with the same code as a full stream: only a refusal by a stream
// that still answers is one.
func (s *sending) unanswered(ctx context.Context, todo []int) []int {
	var again []int
	for _, index := range todo {
		err := s.errs[index]
		if err == nil {
			continue
		}
		if unanswered(err) || (refused(err) && s.streamOf(ctx, s.msgs[index].Subject) == "") {
			again = append(again, index)
		}
	}
	return again
}

// streamOf names the stream that takes subject, or "" when nobody says so.
func (s *sending) streamOf(ctx context.Context, subject string) string {
	if s.subject == subject {
		return s.stream
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	name, err := s.publisher.js.StreamNameBySubject(ctx, subject)
	if err != nil {
		name = ""
	}
	s.subject, s.stream = subject, name
	return name
}

func (s *sending) failAll(todo []int, err error) error {
	for _, index := range todo {
		s.errs[index] = err
	}
	return s.result(context.Background())
}
