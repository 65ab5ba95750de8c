package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// step is one stream, consumer or bucket to bring up to date. It may be repeated.
type step struct {
	what string
	run  func() error
}

// together makes steps side by side: in a cluster each elects a leader first, and
// one after the other that takes the better part of a minute.
func (p *provisioner) together(ctx context.Context, steps []step) error {
	var wait sync.WaitGroup
	errs := make([]error, len(steps))
	for i, s := range steps {
		wait.Go(func() {
			if err := p.insist(ctx, s.run); err != nil {
				errs[i] = fmt.Errorf("%s: %w", s.what, err)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// insist repeats a step while a cluster is not ready for it. A request that
// arrives while another worker's for the same stream is under way, or while a
// leader is elected, is not always answered.
func (p *provisioner) insist(ctx context.Context, run func() error) error {
	for until := time.Now().Add(settleTime); ; {
		err := run()
		if !unsettled(err) || ctx.Err() != nil || time.Now().After(until) {
			return err
		}
		p.options.Log.Debug("the cluster is not ready; trying again", zap.Error(err))
		if stopped := sleep(ctx, 250*time.Millisecond); stopped != nil {
			return errors.Join(stopped, err)
		}
	}
}

// unsettled reports whether an error may be gone when the cluster has settled.
func unsettled(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) {
		return true
	}
	const noPeers, notAvailable, noLeader, noResources = 10005, 10008, 10009, 10023
	refused, ok := errors.AsType[*jetstream.APIError](err)
	return ok && slices.Contains([]jetstream.ErrorCode{noPeers, notAvailable, noLeader, noResources}, refused.ErrorCode)
}
