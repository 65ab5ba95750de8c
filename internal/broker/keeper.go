package broker

import "time"

// keeperTick is how often the keeper looks around. It bounds how late a pull
// resumes after a reconnect.
const keeperTick = 100 * time.Millisecond

// keep is the one goroutine that looks after everything outstanding: it sends
// signs of life three times in every acknowledgement deadline, for messages
// that wait here as for those with handlers, and renews pulls that were lost.
func (s *Subscriber) keep() {
	ticker := time.NewTicker(keeperTick)
	defer ticker.Stop()
	reconnects := s.conn.nc.Stats().Reconnects
	for {
		select {
		case <-s.stopKeep:
			return
		case <-ticker.C:
		}
		if !s.conn.nc.IsConnected() {
			continue
		}
		now := time.Now()
		restored := s.conn.nc.Stats().Reconnects != reconnects
		reconnects = s.conn.nc.Stats().Reconnects
		for _, sub := range s.all() {
			sub.tend(now, restored)
		}
	}
}

func (s *Subscriber) all() []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*subscription, 0, len(s.subscriptions))
	for sub := range s.subscriptions {
		all = append(all, sub)
	}
	return all
}

// tend does what is due. After a reconnect the deadlines come first: they ran
// on while the connection was away.
func (s *subscription) tend(now time.Time, restored bool) {
	if restored || !now.Before(s.nextBeat) {
		s.nextBeat = now.Add(s.ackWait / 3)
		s.beat()
	}
	for _, f := range s.feeds {
		s.mu.Lock()
		p := f.pull
		lost := p != nil && (restored || p.silent(now) || (p.subscription == nil && now.After(f.retryAt)))
		var more pullRequest
		if !lost {
			more = f.request()
		}
		s.mu.Unlock()
		if lost {
			f.open()
		}
		more.send()
	}
}

// beat sends a sign of life for everything outstanding. It writes without the
// subscription's lock, so that a slow connection does not stop the handlers
// that finish meanwhile; each delivery's own lock keeps its sign of life before
// its acknowledgement.
func (s *subscription) beat() {
	s.mu.Lock()
	s.beating = s.beating[:0]
	for d := s.live.next; d != s.live; d = d.next {
		s.beating = append(s.beating, d)
	}
	s.mu.Unlock()
	for i, d := range s.beating {
		// A failure means that the connection is away: the next beat follows its
		// return.
		_ = d.signOfLife()
		s.beating[i] = nil
	}
}
