package app

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// retention removes what has been kept long enough. One worker of the fleet does
// it for all.
type retention struct {
	remove postgres.Retention
	keep   func() config.Retention
	log    *zap.Logger
}

const (
	retainEvery = time.Hour
	retainBatch = 1000
	retainPause = 100 * time.Millisecond
)

func newRetention(pool *pgxpool.Pool, keep func() config.Retention, log *zap.Logger) *retention {
	return &retention{remove: postgres.Retention{Pool: pool, Batch: retainBatch, Pause: retainPause}, keep: keep, log: log}
}

// run enforces the retention every hour until ctx ends, and makes partitions
// ahead of time.
func (r *retention) run(ctx context.Context) error {
	for {
		if _, err := r.remove.Pool.Exec(ctx, `SELECT gangway.ensure_partitions()`); err != nil && ctx.Err() == nil {
			r.log.Warn("partitions not made ahead", zap.Error(err))
		}
		// A worker whose own clock is a year ahead must not take a year away.
		var now time.Time
		switch err := r.remove.Pool.QueryRow(ctx, `SELECT now()`).Scan(&now); {
		case err == nil:
			r.enforce(ctx, now)
		case ctx.Err() == nil:
			r.log.Warn("retention not enforced; it is tried again in an hour", zap.Error(err))
		}
		if !pause(ctx, retainEvery) {
			return nil
		}
	}
}

// enforce goes through every table that has a retention; 0 keeps everything.
func (r *retention) enforce(ctx context.Context, now time.Time) {
	keep := r.keep()
	months := func(table postgres.Monthly) func(context.Context, time.Time) (int64, error) {
		return func(ctx context.Context, before time.Time) (int64, error) { return r.remove.Months(ctx, table, before) }
	}
	rows := func(table postgres.Numbered) func(context.Context, time.Time) (int64, error) {
		return func(ctx context.Context, before time.Time) (int64, error) { return r.remove.Rows(ctx, table, before) }
	}
	for _, rule := range []struct {
		key    string
		keep   time.Duration
		remove func(ctx context.Context, before time.Time) (int64, error)
	}{
		{"deliveries", keep.Deliveries, r.remove.Deliveries},
		{"attempts", keep.Attempts, months(postgres.DeliveryAttempts)},
		{"events", keep.Events, months(postgres.DeliveryEvents)},
		{"webhooks", keep.Webhooks, months(postgres.WebhookEvents)},
		{"deadletters", keep.Deadletters, rows(postgres.DeadLetters)},
		{"audit", keep.Audit, rows(postgres.AuditLog)},
		{"stats", keep.Stats, r.remove.Statistics},
		{"alerts", keep.Alerts, r.remove.Alerts},
	} {
		if rule.keep <= 0 || ctx.Err() != nil {
			continue
		}
		removed, err := rule.remove(ctx, now.Add(-rule.keep))
		switch {
		case err != nil && ctx.Err() == nil:
			r.log.Warn("retention not enforced; it is tried again in an hour", zap.String("retention", rule.key), zap.Error(err))
		case removed > 0:
			r.log.Info("retention enforced", zap.String("retention", rule.key), zap.Int64("rows", removed), zap.Duration("kept", rule.keep))
		}
	}
}
