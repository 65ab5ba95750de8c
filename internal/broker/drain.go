package broker

import (
	"time"

	"go.uber.org/zap"
)

// hold stops or resumes pulling and handing out. A new subscription starts by
// it.
func (s *subscription) hold(held bool) {
	s.mu.Lock()
	s.held = held
	s.mu.Unlock()
	for _, f := range s.feeds {
		if held {
			f.close()
		} else if !f.pulling() {
			f.open()
		}
	}
	s.signal()
}

// stopPulling ends the pulls and hands back what no handler has begun. The
// order matters: a nak sent before the server knows that nobody listens any
// more would come straight back here and count as another delivery.
func (s *subscription) stopPulling() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	for _, f := range s.feeds {
		f.close()
	}
	s.mu.Lock()
	waiting := s.lanes.takeAll()
	for _, d := range waiting {
		s.unlink(d)
		d.feed.dispatched(d)
	}
	s.mu.Unlock()
	for _, d := range waiting {
		s.logGiveBack(d, d.giveBack())
	}
}

// handBack returns a message that was picked when the receiver went away.
func (s *subscription) handBack(d *Delivery) {
	s.stopPulling()
	s.logGiveBack(d, d.giveBack())
	s.release(d)
}

// finish waits for handlers: first the grace period, then, their contexts
// cancelled, a little longer. Whoever has not returned by then is left to its
// deadline: handing its message out at once could run it twice at the same time.
func (s *subscription) finish() {
	handlers := closedAfter(s.running.Wait)
	if !within(handlers, s.owner.options.Grace) {
		s.cancelBase()
		if !within(handlers, s.owner.options.CancelWait) {
			left, _ := s.count()
			s.owner.options.Log.Warn("broker: handlers did not finish in time; their messages come again after the acknowledgement deadline",
				zap.String("topic", s.topic), zap.Int("messages", left))
			close(s.abandoned)
			<-handlers
		}
	}
	// Whatever the server had sent by then has to be handed back too.
	within(closedAfter(s.pulls.Wait), flushTimeout)
}

func closedAfter(wait func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		wait()
		close(done)
	}()
	return done
}

func within(finished <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-finished:
		return true
	case <-timer.C:
		return false
	}
}

func (s *subscription) logGiveBack(d *Delivery, err error) {
	if err != nil {
		s.owner.options.Log.Warn("broker: message was not handed back; it comes again after the acknowledgement deadline",
			zap.String("topic", s.topic), zap.Uint64("sequence", d.sequence), zap.Error(err))
	}
}
