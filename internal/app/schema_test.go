package app

import (
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestOlderWorkerOverANewerSchema: a schema that is ahead of a worker does not
// keep it from starting. One that says that it needs a newer worker does.
func TestOlderWorkerOverANewerSchema(t *testing.T) {
	pool, err := postgres.Connect(t.Context(), testkit.PostgresFrom(t, "migrated by the worker", migrated), 4, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	start := func() error { return prepareSchema(t.Context(), pool, zap.NewNop(), true) }
	exec := func(sql string) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO public.gangway_migrations (version_id, is_applied) VALUES (9999, true)`)
	if err := start(); err != nil {
		t.Errorf("a migration that only adds stops an older worker: %v", err)
	}
	exec(`UPDATE gangway.schema_info SET min_worker_version = 9999`)
	if err := start(); err == nil || !strings.Contains(err.Error(), "min_worker_version is 9999") {
		t.Errorf("a worker starts over a schema that is too new for it: %v", err)
	}
}
