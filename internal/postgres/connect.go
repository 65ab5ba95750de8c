package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Connect opens a pool and waits, with backoff, until the database answers or
// ctx ends. waiting is told each time that it did not. Wrong credentials and
// unknown databases are errors at once: waiting would not mend them.
func Connect(ctx context.Context, url string, conns int, waiting func(error)) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("postgres: postgres.url cannot be read: %w", err)
	}
	if conns > 0 {
		config.MaxConns = int32(conns)
	}
	config.ConnConfig.RuntimeParams["application_name"] = "gangway"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.AfterConnect = takeColumns
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: connect: %w", err)
	}
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		err := pool.Ping(ctx)
		if err == nil {
			return pool, nil
		}
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok && (pg.Code[:2] == "28" || pg.Code == "3D000") {
			pool.Close()
			return nil, fmt.Errorf("postgres: connect: %w", pg)
		}
		waiting(err)
		select {
		case <-ctx.Done():
			pool.Close()
			return nil, fmt.Errorf("postgres: connect: %w", ctx.Err())
		case <-time.After(delay):
		}
	}
}
