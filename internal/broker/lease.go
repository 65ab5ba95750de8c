package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"
)

// Lease is a key of the shared state that one holder in the fleet has at a time.
// The server ends it when it is not renewed, whatever the clocks of the workers
// say. The holder loses it before that: its own deadline counts from the moment
// at which it last began to renew.
type Lease struct {
	state    *State
	key      string
	value    []byte // unique: it tells our own lease from another's
	ttl      time.Duration
	revision uint64
	deadline time.Time
	lost     chan struct{}
	stop     context.CancelFunc
	done     chan struct{}
}

// ErrTaken reports that somebody else holds the lease.
var ErrTaken = errors.New("broker: lease: another holds it")

// leaseMargin is how much earlier than the server a holder gives up.
const leaseMargin = 250 * time.Millisecond

// Acquire takes the lease of key for ttl, or fails with [ErrTaken] while
// somebody has it. It is renewed until Release; when that does not succeed in
// time, Lost is closed and the holder must stop what the lease protects.
func (s *State) Acquire(ctx context.Context, key, holder string, ttl time.Duration) (*Lease, error) {
	standing, revision, _, err := s.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	if standing != nil {
		return nil, fmt.Errorf("%w: %s by %s", ErrTaken, key, standing)
	}
	ttl = max(ttl, 2*ShortestTTL)
	l := &Lease{state: s, key: key, value: []byte(holder + " " + uuid.NewString()), ttl: ttl, lost: make(chan struct{}), done: make(chan struct{})}
	var won bool
	began := time.Now()
	if l.revision, won, err = s.Swap(ctx, key, l.value, revision, ttl); err != nil {
		return nil, err
	}
	if !won {
		return nil, fmt.Errorf("%w: %s", ErrTaken, key)
	}
	l.deadline = began.Add(ttl - leaseMargin)
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.keep(keep)
	return l, nil
}

// Lost is closed when the lease is no longer ours, without Release.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Release gives the lease up, so that the next holder need not wait for its end.
func (l *Lease) Release(ctx context.Context) error {
	l.stop()
	<-l.done
	select {
	case <-l.lost:
		return nil
	default:
	}
	_, err := l.state.Delete(ctx, l.key, l.revision)
	return err
}

// keep renews three times in each life of the lease.
func (l *Lease) keep(ctx context.Context) {
	defer close(l.done)
	ticker := time.NewTicker(l.ttl / 3)
	defer ticker.Stop()
	end := time.NewTimer(time.Until(l.deadline))
	defer end.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			l.lose("it could not be renewed in time")
			return
		case <-ticker.C:
		}
		if err := l.renew(ctx); errors.Is(err, ErrTaken) {
			l.lose("another holds it")
			return
		}
		end.Reset(time.Until(l.deadline))
	}
}

func (l *Lease) renew(ctx context.Context) error {
	// The next attempt must have its turn, and the deadline must be noticed in time.
	ctx, cancel := context.WithTimeout(ctx, min(l.ttl/3, time.Until(l.deadline)))
	defer cancel()
	began := time.Now()
	revision, won, err := l.state.Swap(ctx, l.key, l.value, l.revision, l.ttl)
	if err == nil && !won {
		// An earlier renewal may have arrived although its answer did not.
		value, standing, _, errGet := l.state.Get(ctx, l.key)
		switch {
		case errGet != nil:
			return errGet
		case string(value) != string(l.value):
			return ErrTaken
		case standing <= l.revision:
			return nil // an answer that lags behind: the deadline decides
		}
		revision, won, err = l.state.Swap(ctx, l.key, l.value, standing, l.ttl)
	}
	if won {
		l.revision, l.deadline = revision, began.Add(l.ttl-leaseMargin)
	}
	return err
}

func (l *Lease) lose(why string) {
	l.state.conn.log.Warn("broker: a lease was lost", zap.String("lease", l.key), zap.String("why", why))
	close(l.lost)
}
