package broker

import (
	"time"

	"go.uber.org/zap"
)

// feed pulls from one consumer. It asks for as many messages as it has room
// for, and has one request open at a time: waiting and requested messages
// together never exceed its credit.
type feed struct {
	subscription *subscription
	source       Source
	lane         int
	subject      string // of pull requests

	// The subscription's lock guards the rest.
	pull          *pull // nil while held or stopped
	buffered      int   // messages that wait here
	bufferedBytes int
	// busy: the last request was filled, so there is more to come.
	busy bool
	// tooBig: the next message did not fit into the bytes left. It is asked for
	// again when more room is free, and without a bound when all of it is.
	tooBig   bool
	failures int
	retryAt  time.Time
}

// Pauses after a request that the server refused or nobody answered.
const (
	repullPause    = 100 * time.Millisecond
	repullPauseMax = 5 * time.Second
)

func newFeed(s *subscription, source Source) *feed {
	return &feed{
		subscription: s, source: source, lane: laneIndex(source.Lane),
		subject: "$JS.API.CONSUMER.MSG.NEXT." + source.Stream + "." + source.Consumer,
	}
}

// open starts pulling under a fresh inbox. Requests under an earlier one find
// nobody listening and are dropped by the server, so nothing is asked for twice.
func (f *feed) open() {
	s := f.subscription
	s.mu.Lock()
	if s.stopping || s.held {
		s.mu.Unlock()
		return
	}
	// Counted while stopping is known to be false: finish waits only after that.
	s.pulls.Add(1)
	s.mu.Unlock()

	p, err := newPull(f)
	s.mu.Lock()
	if s.stopping || s.held {
		s.mu.Unlock()
		p.drain()
		return
	}
	old := f.pull
	f.pull = p
	if err != nil {
		f.failed(err.Error())
	}
	request := f.request()
	s.mu.Unlock()
	old.drain()
	request.send()
}

// close stops pulling. What the server has sent already is still received.
func (f *feed) close() {
	s := f.subscription
	s.mu.Lock()
	old := f.pull
	f.pull = nil
	s.mu.Unlock()
	old.drain()
}

func (f *feed) pulling() bool {
	f.subscription.mu.Lock()
	defer f.subscription.mu.Unlock()
	return f.pull != nil
}

func (f *feed) arrived(d *Delivery) {
	f.buffered++
	f.bufferedBytes += d.size
	f.tooBig = false
	f.failures = 0
}

func (f *feed) dispatched(d *Delivery) {
	f.buffered--
	f.bufferedBytes -= d.size
}

// held counts what has come and what may still come.
func (f *feed) held() int {
	if f.pull == nil {
		return f.buffered
	}
	return f.buffered + f.pull.outstanding
}

// request returns what to ask for now, which may be nothing. It waits until
// half the room is free: a request for every single message would double the
// traffic. The subscription's lock is held.
func (f *feed) request() pullRequest {
	p := f.pull
	if p == nil || p.subscription == nil || p.outstanding > 0 {
		return pullRequest{}
	}
	if f.failures > 0 && time.Now().Before(f.retryAt) {
		return pullRequest{}
	}
	credit := &f.subscription.credit
	allowed := credit.allowed(f, f.subscription.feeds)
	allowedBytes := credit.allowedBytes(allowed)
	room, bytes := allowed-f.buffered, allowedBytes-f.bufferedBytes
	switch {
	case 2*room < allowed:
		return pullRequest{}
	case f.tooBig && f.buffered == 0:
		room, bytes = 1, 0
	case 2*bytes < allowedBytes:
		return pullRequest{}
	}
	p.number++
	p.outstanding = room
	return pullRequest{pull: p, number: p.number, batch: room, bytes: bytes}
}

// failed schedules another attempt; the keeper makes it. The subscription's
// lock is held.
func (f *feed) failed(why string) {
	pause := min(repullPauseMax, repullPause<<min(f.failures, 10))
	f.failures++
	f.retryAt = time.Now().Add(pause)
	if f.pull != nil {
		f.pull.outstanding = 0
	}
	f.subscription.owner.options.Log.Warn("broker: pulling failed and is tried again",
		zap.String("stream", f.source.Stream), zap.String("consumer", f.source.Consumer),
		zap.String("why", why), zap.Duration("pause", pause))
}
