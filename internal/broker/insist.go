package broker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// settleTime is how long a starting worker waits for a cluster that is still
// electing its leaders.
const settleTime = 30 * time.Second

// insist repeats run while a cluster is not ready for it. A request that arrives
// while another worker's for the same stream is under way, or while a leader is
// elected, is not always answered.
func insist(ctx context.Context, log *zap.Logger, run func() error) error {
	for until := time.Now().Add(settleTime); ; {
		err := run()
		if !unsettled(err) || ctx.Err() != nil || time.Now().After(until) {
			return err
		}
		log.Debug("the cluster is not ready; trying again", zap.Error(err))
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
