package postgres

import (
	"time"
)

// sign is the last sign of life that the database has taken from this worker.
//
// Both times were read from this machine's clock, and only what has passed since
// then is ever asked of it: that is measured by the monotonic clock, which no
// correction of the time of day moves.
type sign struct {
	given time.Time // before the database took it
	lease time.Duration

	read  time.Time // when the database's clock was read
	shows time.Time // what it showed then
}

// LeaseLeft is how long this worker's claims are safe from being taken over, by
// a clock that was read before the database's. A call that may outlast it must
// not begin.
func (s *Store) LeaseLeft() time.Duration {
	last := s.sign.Load()
	if last == nil {
		return 0
	}
	return last.lease - time.Since(last.given)
}

// Now is the database's clock, without asking it: as it was at the last sign of
// life, and what has passed since. What is due, and what has expired, is decided
// by it, so that a worker whose time of day is wrong, or is set while it runs,
// sends nothing early or late.
func (s *Store) Now() time.Time {
	last := s.sign.Load()
	if last == nil {
		return time.Now()
	}
	return last.shows.Add(time.Since(last.read))
}

// unsharp is how long reading the clock may take to count: it was read somewhere
// in between.
const unsharp = time.Second

// give gives a sign of life, which returns the database's time.
func (s *Store) give(lease time.Duration, write func(now *time.Time) error) error {
	next := sign{given: time.Now(), lease: lease}
	if err := write(&next.shows); err != nil {
		return err
	}
	took := time.Since(next.given)
	next.read = next.given.Add(took / 2)
	if last := s.sign.Load(); last != nil && took > unsharp {
		next.read, next.shows = last.read, last.shows
	}
	s.sign.Store(&next)
	return nil
}
