package postgres

import (
	"context"
	"database/sql"
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

// migrationsTable is named with its schema: without, a role called gangway would
// look for it first in the schema of its own name, which the first migration
// makes, and would take the database for a new one.
const migrationsTable = "public.gangway_migrations"

const (
	// migratorLock is the advisory lock of those who migrate. It is our own: the
	// portal may use goose in the same database.
	migratorLock = 0x67616e67776179 // "gangway"
	// migrateWait is how long a migration may wait for the lock of a table, because
	// all that use the table wait behind it. It is tried migrateTries times.
	migrateWait  = 2 * time.Second
	migrateTries = 30
)

// Migrator returns goose over the embedded migrations, for those who look at them.
func Migrator(pool *pgxpool.Pool) (*goose.Provider, error) {
	return migratorOf(stdlib.OpenDBFromPool(pool), migrations.FS)
}

func migratorOf(db *sql.DB, files fs.FS) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migratorLock), lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, fmt.Errorf("postgres: migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker), goose.WithTableName(migrationsTable))
	if err != nil {
		return nil, fmt.Errorf("postgres: migrate: %w", err)
	}
	return provider, nil
}

// MigrateUp applies what is pending, beside live workers: of several migrators one
// does it while the others wait, and no table is waited for longer than two
// seconds at a time. waiting is told each time that one was in use.
func MigrateUp(ctx context.Context, pool *pgxpool.Pool, waiting func(error)) (done []*goose.MigrationResult, err error) {
	err = migrate(ctx, pool, migrations.FS, waiting, func(p *goose.Provider) error {
		applied, err := p.Up(ctx)
		if failed, ok := errors.AsType[*goose.PartialError](err); ok {
			applied = failed.Applied
		}
		done = append(done, applied...)
		return err
	})
	return done, err
}

// MigrateDown takes the last migration back.
func MigrateDown(ctx context.Context, pool *pgxpool.Pool, waiting func(error)) error {
	return migrate(ctx, pool, migrations.FS, waiting, func(p *goose.Provider) error {
		_, err := p.Down(ctx)
		return err
	})
}

// migrate does something to the schema over a connection of its own, again while
// tables are in use.
func migrate(ctx context.Context, pool *pgxpool.Pool, files fs.FS, waiting func(error), do func(*goose.Provider) error) error {
	connection := pool.Config().ConnConfig.Copy()
	connection.RuntimeParams["lock_timeout"] = fmt.Sprint(migrateWait.Milliseconds())
	provider, err := migratorOf(stdlib.OpenDB(*connection), files)
	if err != nil {
		return err
	}
	defer func() { _ = provider.Close() }()
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	if current > known {
		return fmt.Errorf("postgres: the schema is newer than this program (migration %d; it knows %d): migrate with the newer one", current, known)
	}
	for try := 1; ; try++ {
		err := do(provider)
		refused, ok := errors.AsType[*pgconn.PgError](err)
		switch {
		case err == nil:
			return nil
		case !ok || refused.Code != lockNotAvailable:
			return fmt.Errorf("postgres: migrate: %w", err)
		case try == migrateTries:
			return fmt.Errorf("postgres: migrate: a transaction keeps a table for too long; see pg_stat_activity, end it and try again: %w", err)
		}
		waiting(err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("postgres: migrate: %w", ctx.Err())
		case <-time.After(min(time.Duration(try)*100*time.Millisecond, migrateWait)):
		}
	}
}

// CheckSchema reports whether this program can work on the schema, and what to do
// when it cannot. A newer schema serves the programs of before as well, unless it
// says which migration they have to know.
func CheckSchema(ctx context.Context, pool *pgxpool.Pool) error {
	migrator, err := Migrator(pool)
	if err != nil {
		return err
	}
	defer func() { _ = migrator.Close() }() // of its view of the pool, not of the pool
	pending, err := migrator.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	if pending {
		return errors.New("the schema is older than this worker: run `worker migrate up`, or start with --migrate")
	}
	current, known, err := migrator.GetVersions(ctx)
	if err != nil || current <= known {
		return err
	}
	var needs int64
	if err := pool.QueryRow(ctx, `SELECT needs FROM gangway.compatibility`).Scan(&needs); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	if needs > known {
		return fmt.Errorf("the schema is too new for this worker: it needs one that knows migration %d, this one knows %d; start a newer worker", needs, known)
	}
	return nil
}
