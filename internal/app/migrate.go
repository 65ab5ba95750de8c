package app

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero while pending
}

// migrateWithin is how long migrations wait for the server: they run where
// everything is being started, so it may come after them.
const migrateWithin = time.Minute

// Migrate does what `worker migrate` says (up, down, status) and returns all
// migrations as they then stand. waiting is told each time that a table was in use.
func Migrate(ctx context.Context, cfg *config.Config, direction string, waiting func(error)) ([]Migration, error) {
	pool, err := dialPostgres(ctx, cfg.Static.Postgres.URL.Reveal(), 2, 0, migrateWithin)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	switch direction {
	case "up":
		_, err = postgres.MigrateUp(ctx, pool, waiting)
	case "down":
		err = postgres.MigrateDown(ctx, pool, waiting)
	}
	if err != nil {
		return nil, fmt.Errorf("app: migrate %s: %w", direction, err)
	}
	migrator, err := postgres.Migrator(pool)
	if err != nil {
		return nil, err
	}
	statuses, err := migrator.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("app: migrate: %w", err)
	}
	steps := make([]Migration, len(statuses))
	for i, s := range statuses {
		steps[i] = Migration{Version: s.Source.Version, Name: path.Base(s.Source.Path), AppliedAt: s.AppliedAt}
	}
	return steps, nil
}
