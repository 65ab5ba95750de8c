package postgres

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"

	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/migrations"
)

// withMigration is the embedded migrations and one more.
func withMigration(t *testing.T, up string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(files, fstest.MapFS{name: {Data: data}})
	}
	files["90000_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + up + "\n-- +goose Down\nSELECT 1;\n")}
	return files
}

func up(t *testing.T) func(p *goose.Provider) error {
	return func(p *goose.Provider) error {
		_, err := p.Up(t.Context())
		return err
	}
}

func migratedPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := Connect(t.Context(), testkit.Postgres(t), 6, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := MigrateUp(t.Context(), pool, func(error) {}); err != nil {
		t.Fatal(err)
	}
	return pool
}

// TestMigrationsLetOthersPass: a report that runs for hours does not make a
// migration, and all that come after it, stand in line.
func TestMigrationsLetOthersPass(t *testing.T) {
	pool := migratedPool(t)
	report, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := report.Exec(t.Context(), `SELECT count(*) FROM gangway.deliveries`); err != nil {
		t.Fatal(err)
	}
	waited, done := make(chan error, migrateTries), make(chan error, 1)
	go func() {
		done <- migrate(t.Context(), pool, withMigration(t, "ALTER TABLE gangway.deliveries ADD COLUMN extra text;"), func(err error) { waited <- err }, up(t))
	}()
	if err := <-waited; !strings.Contains(err.Error(), "lock timeout") {
		t.Errorf("it waits because of %v", err)
	}
	const insert = `INSERT INTO gangway.deliveries (id, kind, status, rank, requested_at, asked_at) VALUES (gen_random_uuid(), 'email.send', 'queued', 0, now(), now())`
	if _, err := pool.Exec(t.Context(), insert); err != nil {
		t.Error(err)
	}
	if err := report.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE gangway.deliveries SET extra = 'x'`); err != nil {
		t.Error(err)
	}
}

// TestNewerSchema: the workers of before go on, until the schema says that they
// cannot; and none of them migrates what it does not know.
func TestNewerSchema(t *testing.T) {
	pool := migratedPool(t)
	if err := CheckSchema(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), pool, withMigration(t, "SELECT 1;"), func(error) {}, up(t)); err != nil {
		t.Fatal(err)
	}
	if err := CheckSchema(t.Context(), pool); err != nil {
		t.Errorf("an older worker is refused by a schema that serves it: %v", err)
	}
	if _, err := MigrateUp(t.Context(), pool, func(error) {}); err == nil || !strings.Contains(err.Error(), "newer than this program (migration 90000") {
		t.Errorf("up by an older program: %v", err)
	}
	if err := MigrateDown(t.Context(), pool, func(error) {}); err == nil || !strings.Contains(err.Error(), "newer than this program") {
		t.Errorf("down by an older program: %v", err)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE gangway.compatibility SET needs = 90000`); err != nil {
		t.Fatal(err)
	}
	if err := CheckSchema(t.Context(), pool); err == nil || !strings.Contains(err.Error(), "needs one that knows migration 90000") {
		t.Errorf("a worker that cannot work on it: %v", err)
	}
}

// TestTwoMigrators migrate one database at the same time.
func TestTwoMigrators(t *testing.T) {
	url := testkit.Postgres(t)
	type outcome struct {
		applied int
		err     error
	}
	outcomes := make(chan outcome, 3)
	for range cap(outcomes) {
		go func() {
			pool, err := Connect(t.Context(), url, 2, func(error) {})
			if err != nil {
				outcomes <- outcome{err: err}
				return
			}
			defer pool.Close()
			done, err := MigrateUp(t.Context(), pool, func(error) {})
			outcomes <- outcome{len(done), err}
		}()
	}
	applied := 0
	for range cap(outcomes) {
		o := <-outcomes
		if applied += o.applied; o.err != nil {
			t.Error(o.err)
		}
	}
	if names, _ := fs.Glob(migrations.FS, "*.sql"); applied != len(names) {
		t.Errorf("%d applied by all, want each of %d once", applied, len(names))
	}
}
