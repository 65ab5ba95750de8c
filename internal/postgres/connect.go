package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/gangwon-portal/gangway/migrations"
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

// migrationsTable is named with its schema: without, a role called gangway would
// look for it first in the schema of its own name, which the first migration
// makes, and would take the database for a new one.
const migrationsTable = "public.gangway_migrations"

// Migrator returns goose over the embedded migrations. Two migrators at once
// wait for each other through an advisory lock.
func Migrator(pool *pgxpool.Pool) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("postgres: migrate: %w", err)
	}
	files, err := fs.Sub(migrations.FS, ".")
	if err != nil {
		return nil, fmt.Errorf("postgres: migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, stdlib.OpenDBFromPool(pool), files,
		goose.WithSessionLocker(locker), goose.WithTableName(migrationsTable))
	if err != nil {
		return nil, fmt.Errorf("postgres: migrate: %w", err)
	}
	return provider, nil
}
