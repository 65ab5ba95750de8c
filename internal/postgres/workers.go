package postgres

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
)

// Alive keeps this worker's liveness row ahead of the database's clock until ctx
// ends, then withdraws it, so that what the worker still held is taken over at
// once. working reports whether the worker makes progress: one that exists but
// is stuck stops renewing and loses its claims. The row is written once before
// Alive is entered by [Store.Register].
func (s *Store) Alive(ctx context.Context, heartbeat, lease time.Duration, working func() bool) error {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.withdraw()
		case <-ticker.C:
			if !working() {
				s.options.Log.Error("worker makes no progress; its claims lapse", zap.Stringer("worker", s.options.Worker))
				continue
			}
			renewal, cancel := context.WithTimeout(ctx, max(heartbeat, lease/3))
			if err := s.renew(renewal, lease); err != nil && ctx.Err() == nil {
				s.options.Log.Warn("liveness not renewed", zap.Error(err))
			}
			cancel()
		}
	}
}

// Register writes this worker's liveness row.
func (s *Store) Register(ctx context.Context, version string, lease time.Duration) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	err = s.give(lease, func(now *time.Time) error {
		return s.pool.QueryRow(ctx, `
INSERT INTO gangway.workers (id, host, pid, version, alive_until)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until RETURNING now()`,
			s.options.Worker, host, os.Getpid(), version, lease.Seconds()).Scan(now)
	})
	if err != nil {
		return fmt.Errorf("postgres: register worker: %w", err)
	}
	return nil
}

func (s *Store) renew(ctx context.Context, lease time.Duration) error {
	return s.give(lease, func(now *time.Time) error {
		return s.pool.QueryRow(ctx, `UPDATE gangway.workers SET alive_until = now() + make_interval(secs => $2) WHERE id = $1 RETURNING now()`,
			s.options.Worker, lease.Seconds()).Scan(now)
	})
}

func (s *Store) withdraw() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := s.pool.Exec(ctx, `UPDATE gangway.workers SET alive_until = now() WHERE id = $1`, s.options.Worker); err != nil {
		return fmt.Errorf("postgres: withdraw worker: %w", err)
	}
	return nil
}
