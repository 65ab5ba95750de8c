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

// The role is called as the schema that the first migration makes.
func TestMigrationsAreFoundAgain(t *testing.T) {
	ctx := t.Context()
	url := testkit.Postgres(t)
	for start, wantApplied := range []bool{true, false, false} {
		pool, err := postgres.Connect(ctx, url, 4, func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		migrator, err := postgres.Migrator(pool)
		if err != nil {
			t.Fatal(err)
		}
		if pending, err := migrator.HasPending(ctx); err != nil || pending != wantApplied {
			t.Errorf("start %d: pending %t, %v; want %t", start+1, pending, err, wantApplied)
		}
		applied, err := migrator.Up(ctx)
		if err != nil || (len(applied) > 0) != wantApplied {
			t.Errorf("start %d: applied %d migrations, %v", start+1, len(applied), err)
		}
		pool.Close()
	}
}
