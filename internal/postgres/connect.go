package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// connectTimeout bounds one attempt to connect where the URL says nothing of it: a
// port that takes connections and never answers must not hold a worker for ever.
const connectTimeout = 5 * time.Second

// unreadable says what is wrong with a connection string and repeats nothing of it:
// pgx hides only the passwords that stand where it expects them.
func unreadable(err error) error {
	what := "it is neither a URL such as postgres://user:password@host:5432/database nor key=value pairs"
	for _, known := range []string{
		"invalid port", "invalid connect_timeout", "sslmode is invalid", "unable to read CA file", "unable to read cert", "unable to read sslkey",
		"unexpected spaces found in password", "invalid percent-encoded token",
	} {
		if strings.Contains(err.Error(), known) {
			what = known
		}
	}
	return fault.New(fault.Invalid, "postgres", "postgres.url cannot be read: %s", what)
}

// Connect opens a pool and waits, with backoff, until the database answers or
// ctx ends. waiting is told each time that it did not. Wrong credentials and
// unknown databases are errors at once: waiting would not mend them.
func Connect(ctx context.Context, url string, conns int, waiting func(error)) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, unreadable(err)
	}
	if conns > 0 {
		config.MaxConns = int32(conns)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
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
