package postgres_test

import (
	"testing"

	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestMigrationsRunUpDownUp(t *testing.T) {
	ctx := t.Context()
	pool, err := postgres.Connect(ctx, testkit.Postgres(t), 4, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	migrator, err := postgres.Migrator(pool)
	if err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		row := pool.QueryRow(ctx, `SELECT count(*) FROM information_schema.tables WHERE table_schema = 'gangway'`)
		if err := row.Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if _, err := migrator.Up(ctx); err != nil {
		t.Fatal(err)
	}
	tables := count()
	if _, err := migrator.DownTo(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if left := count(); left != 0 {
		t.Errorf("%d tables stay after down", left)
	}
	if _, err := migrator.Up(ctx); err != nil {
		t.Fatal(err)
	}
	if again := count(); again != tables || tables == 0 {
		t.Errorf("up again makes %d tables, the first time %d", again, tables)
	}
}
