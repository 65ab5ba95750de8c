package app

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/telemetry"
)

// gaugesEvery is how old the metrics of what waits are at most.
const gaugesEvery = 10 * time.Second

// watchGauges keeps the metrics of what waits on the bus and in the outbox up to
// date until ctx ends.
func watchGauges(conn *broker.Conn, pool *pgxpool.Pool, metrics *telemetry.Metrics, log *zap.Logger) func(context.Context) error {
	reader := postgres.NewReader(pool)
	return func(ctx context.Context) error {
		for {
			asked, cancel := context.WithTimeout(ctx, gaugesEvery)
			if queues, err := conn.Queues(asked); err == nil {
				for _, q := range queues {
					metrics.StreamPending(string(q.Kind), string(q.Lane), q.Pending)
				}
			} else if ctx.Err() == nil {
				log.Debug("the streams could not be looked into", zap.Error(err))
			}
			if outbox, err := reader.Outbox(asked); err == nil {
				metrics.OutboxPending(outbox.Pending)
			} else if ctx.Err() == nil {
				log.Debug("the outbox could not be looked into", zap.Error(err))
			}
			if firing, err := reader.FiringAlerts(asked); err == nil {
				count := map[alert.Name]int{}
				for _, a := range firing {
					count[a.Alert]++
				}
				for _, name := range alert.Names() {
					metrics.Alert(string(name), count[name] > 0)
				}
			} else if ctx.Err() == nil {
				log.Debug("the alerts could not be read", zap.Error(err))
			}
			cancel()
			if !pause(ctx, gaugesEvery) {
				return nil
			}
		}
	}
}
