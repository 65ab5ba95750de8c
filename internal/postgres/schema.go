package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
)

// CheckSchema returns why a worker with these migrations cannot work over the
// schema as it stands; nil when it can. During a rolling upgrade the schema is
// ahead of the workers that are still to be replaced. That is no reason: only the
// schema itself knows whether they can still work, and says so.
func CheckSchema(ctx context.Context, pool *pgxpool.Pool, migrator *goose.Provider) error {
	pending, err := migrator.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("postgres: schema: %w", err)
	}
	if pending {
		return errors.New("postgres: the schema is older than this worker: run `worker migrate up`, or start with --migrate")
	}
	sources := migrator.ListSources()
	knows, needs := sources[len(sources)-1].Version, int64(0)
	if err := pool.QueryRow(ctx, `SELECT min_worker_version FROM gangway.schema_info`).Scan(&needs); err != nil {
		return fmt.Errorf("postgres: schema: %w", err)
	}
	if needs > knows {
		return fmt.Errorf("postgres: the schema is too new for this worker: min_worker_version is %d, this worker's version is %d: run a newer worker", needs, knows)
	}
	return nil
}
