package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// background are the tasks that run beside an engine and end before it.
type background struct {
	ctx    context.Context
	cancel context.CancelFunc
	names  []string
	done   []chan error
}

// newBackground returns an empty set of tasks; they outlive ctx until stopped,
// so that the order of stopping is ours.
func newBackground(ctx context.Context) *background {
	b := new(background)
	b.ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return b
}

// start runs a task until the set is stopped.
func (b *background) start(name string, run func(context.Context) error) {
	done := make(chan error, 1)
	b.names, b.done = append(b.names, name), append(b.done, done)
	go func() { done <- run(b.ctx) }()
}

// stop ends all tasks and awaits them.
func (b *background) stop() error {
	b.cancel()
	var errs []error
	for i, done := range b.done {
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, fmt.Errorf("%s: %w", b.names[i], err))
		}
	}
	return errors.Join(errs...)
}

// upkeep is what one worker of the fleet does for all.
type upkeep struct {
	live   *live
	worker config.Worker
	conn   *broker.Conn
	pool   *pgxpool.Pool
	engine *Engine
	log    *zap.Logger
}

// start adds each singleton to the tasks.
func (u upkeep) start(b *background, singletons *Singletons) {
	lead := func(name string, run func(context.Context) error) {
		b.start(name, func(ctx context.Context) error { return singletons.Lead(ctx, name, run) })
	}
	operator := newOperator(u.pool)
	lead("reaper", func(ctx context.Context) error {
		r := reaper{reader: postgres.NewReader(u.pool), operator: operator, conn: u.conn, log: u.log, grace: u.overdue()}
		return r.run(ctx, u.worker.Reap)
	})
	lead("exhausted", func(ctx context.Context) error {
		return u.conn.WatchExhausted(ctx, func(ctx context.Context, e *broker.Exhausted) error { return u.engine.path.Process(ctx, e) })
	})
	lead("retention", newRetention(u.pool, func() config.Retention { return u.live.config().Retention }, u.log).run)
}

// overdue is how long a command may stand still before its message is missed:
// several redeliveries and the lease of a dead worker fit into it.
func (u upkeep) overdue() time.Duration {
	return 10*u.worker.AckWait + 2*u.worker.Lease
}

// pause waits and reports whether ctx lasted as long.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
