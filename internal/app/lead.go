package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/broker"
)

// Singletons runs what one worker of the fleet does for all: reaping, health
// checks, alerts. The worker that holds the lease of a name runs it; when that
// worker stops, another takes over within a second or two, and when it dies,
// once its lease has run out.
type Singletons struct {
	state  *broker.State
	worker string
	lease  time.Duration
	log    *zap.Logger
}

const (
	// defaultLeaderLease and leadPause keep a takeover below 15 s.
	defaultLeaderLease = 10 * time.Second
	leadPause          = time.Second
	leadRelease        = 2 * time.Second
)

// NewSingletons returns the singletons of one worker. A lease of 0 means 10 s.
func NewSingletons(state *broker.State, worker string, lease time.Duration, log *zap.Logger) *Singletons {
	if lease <= 0 {
		lease = defaultLeaderLease
	}
	return &Singletons{state: state, worker: worker, lease: lease, log: log}
}

// Lead runs run while this worker holds the lease of name, and waits for its
// turn while another does, until ctx ends. The context of run ends before
// another worker can begin; run must obey it and may be called again. A run that
// fails is logged and called again, here or elsewhere.
func (s *Singletons) Lead(ctx context.Context, name string, run func(context.Context) error) error {
	for ctx.Err() == nil {
		lease, err := s.state.Acquire(ctx, "lead."+name, s.worker, s.lease)
		switch {
		case err == nil:
			s.log.Info("leading: this worker does it for all", zap.String("singleton", name))
			switch err := s.term(ctx, lease, run); {
			case ctx.Err() != nil:
			case errors.Is(err, errNotLeading):
				s.log.Info("no longer leading: the lease was lost", zap.String("singleton", name))
			case err != nil:
				s.log.Error("singleton failed; it is started again", zap.String("singleton", name), zap.Error(err))
			}
		case !errors.Is(err, broker.ErrTaken) && ctx.Err() == nil:
			s.log.Debug("no lease for a singleton; trying again", zap.String("singleton", name), zap.Error(err))
		}
		select {
		case <-time.After(leadPause):
		case <-ctx.Done():
		}
	}
	return nil
}

// Start leads in a goroutine of its own; the returned function ends and awaits it.
func (s *Singletons) Start(ctx context.Context, name string, run func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- s.Lead(ctx, name, run) }()
	return func() error { cancel(); return <-done }
}

// errNotLeading: the lease was lost, and run obeyed.
var errNotLeading = errors.New("app: no longer leading")

// term is one time of leading, until the lease, run or ctx ends.
func (s *Singletons) term(ctx context.Context, lease *broker.Lease, run func(context.Context) error) (err error) {
	running, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-lease.Lost():
			cancel()
		case <-running.Done():
		}
	}()
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("app: singleton crashed: %v", cause)
		}
		cancel()
		<-watched
		release, stop := context.WithTimeout(context.WithoutCancel(ctx), leadRelease)
		defer stop()
		err = errors.Join(err, lease.Release(release))
	}()
	if err := run(running); running.Err() == nil || err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return errNotLeading
}
