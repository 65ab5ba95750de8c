package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/postgres"
)

func (d desk) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := d.pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (d desk) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	if err := d.pool.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// month makes the partition of a month and returns its first moment.
func (d desk) month(t *testing.T, table string, year int, month time.Month) time.Time {
	t.Helper()
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	d.exec(t, fmt.Sprintf(`CREATE TABLE gangway.%s_%s PARTITION OF gangway.%[1]s FOR VALUES FROM ('%[3]s') TO ('%[4]s')`,
		table, first.Format("2006_01"), first.Format(time.RFC3339), first.AddDate(0, 1, 0).Format(time.RFC3339)))
	return first
}

func (d desk) attempts(t *testing.T, from time.Time, n int, every time.Duration) {
	t.Helper()
	d.exec(t, `
INSERT INTO gangway.delivery_attempts (delivery_id, attempt, round, generation, provider, endpoint, outcome, duration_ms, started_at, request)
SELECT gen_random_uuid(), 1, 1, 0, 'ses', 'smtp', 'ok', 5, $1::timestamptz + i * $3::interval, to_jsonb(repeat('x', 200))
FROM generate_series(0, $2 - 1) AS i`, from, n, every)
}

func TestMonthsAreShortened(t *testing.T) {
	d := fresh(t)
	january, february := d.month(t, "delivery_attempts", 2020, time.January), d.month(t, "delivery_attempts", 2020, time.February)
	d.attempts(t, time.Date(2019, 5, 1, 0, 0, 0, 0, time.UTC), 10, time.Hour) // in the default partition
	d.attempts(t, january, 100, time.Hour)
	d.attempts(t, february, 2800, 14*time.Minute) // 27 days
	before := february.AddDate(0, 0, 10)
	old := d.count(t, `SELECT count(*) FROM gangway.delivery_attempts WHERE started_at >= $1 AND started_at < $2`, february, before)

	// Somebody reads while the month is to be dropped: others are not kept waiting,
	// and the drop comes when it can.
	reader, err := d.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(t.Context(), `SELECT 1 FROM gangway.delivery_attempts LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	retention := postgres.Retention{Pool: d.pool, Batch: 100}
	done := make(chan error, 1)
	var removed int64
	go func() {
		var err error
		removed, err = retention.Months(t.Context(), postgres.DeliveryAttempts, before)
		done <- err
	}()
	for range 5 {
		err := pgx.BeginFunc(t.Context(), d.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `SET LOCAL statement_timeout = '20s'`); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `INSERT INTO gangway.delivery_attempts (delivery_id, attempt, round, generation, provider, endpoint, outcome, duration_ms, started_at)
				VALUES (gen_random_uuid(), 1, 1, 0, 'ses', 'smtp', 'ok', 5, now())`)
			return err
		})
		if err != nil {
			t.Errorf("a worker cannot write: %v", err)
		}
	}
	if err := reader.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil { // the machine was slow: the reader outlived every try
		if removed, err = retention.Months(t.Context(), postgres.DeliveryAttempts, before); err != nil {
			t.Fatal(err)
		}
	}
	if want := int64(old + 10); removed != want {
		t.Errorf("%d rows removed, want %d", removed, want)
	}
	if n := d.count(t, `SELECT count(*) FROM gangway.delivery_attempts WHERE started_at < $1`, before); n != 0 {
		t.Errorf("%d rows are too old", n)
	}
	if n := d.count(t, `SELECT count(*) FROM gangway.delivery_attempts`); n != 2800-old+5 {
		t.Errorf("%d rows are left, want %d", n, 2800-old+5)
	}
	if n := d.count(t, `SELECT count(*) FROM pg_class WHERE relname = 'delivery_attempts_2020_01'`); n != 0 {
		t.Error("the month that is over is still there")
	}
	if n, err := retention.Months(t.Context(), postgres.DeliveryAttempts, before); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

func TestNumberedTablesAreShortened(t *testing.T) {
	d := fresh(t)
	d.exec(t, `INSERT INTO gangway.audit_log (at, actor, action, target) SELECT now() - i * interval '1 hour', 'kim', 'x', 'y' FROM generate_series(100, 1, -1) AS i`)
	retention := postgres.Retention{Pool: d.pool, Batch: 7}
	if n, err := retention.Rows(t.Context(), postgres.AuditLog, time.Now().Add(-50*time.Hour-time.Minute)); n != 50 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n := d.count(t, `SELECT count(*) FROM gangway.audit_log`); n != 50 {
		t.Errorf("%d are left", n)
	}
}

func TestOldDeliveriesBecomeStubs(t *testing.T) {
	d := fresh(t)
	for i, status := range []struct {
		name string
		rank int
	}{{"delivered", 60}, {"manual_review", 20}, {"failed", 30}, {"processing", 10}} {
		d.exec(t, `
INSERT INTO gangway.deliveries (id, kind, status, rank, recipient, result, requested_at, asked_at, completed_at)
SELECT gen_random_uuid(), 'email.send', $1, $2::smallint, 'kim@example.kr', '{}', now() - age, now() - age, CASE WHEN $2::smallint >= 30 THEN now() - age END
FROM (SELECT ($3 + i) * interval '1 hour' AS age FROM generate_series(1, 20) AS i) AS ages`, status.name, status.rank, 100*(i%2))
	}
	d.exec(t, `INSERT INTO gangway.delivery_recipients (delivery_id, address, status, rank) SELECT id, 'kim@example.kr', 'sent', 40 FROM gangway.deliveries`)
	d.exec(t, `INSERT INTO gangway.manual_entries (delivery_id, command_id, registration_number, result, entered_by)
		SELECT id, id, '1248100998', '{}', 'lee' FROM gangway.deliveries`)
	retention := postgres.Retention{Pool: d.pool, Batch: 6}
	if n, err := retention.Deliveries(t.Context(), time.Now().Add(-10*time.Hour-time.Minute)); n != 20 || err != nil {
		// Of those delivered and failed, 10 and 10 ended before; what is still open stays.
		t.Errorf("%d, %v", n, err)
	}
	for _, table := range []string{"delivery_recipients", "manual_entries"} {
		if n := d.count(t, `SELECT count(*) FROM gangway.`+table); n != 60 {
			t.Errorf("%s: %d rows are left", table, n)
		}
	}
	if n := d.count(t, `SELECT count(*) FROM gangway.deliveries WHERE (recipient IS NULL) = (purged_at IS NULL) OR purged_at IS NOT NULL AND rank < 30`); n != 0 {
		t.Errorf("%d rows are neither whole nor stubs", n)
	}
	if n, err := retention.Deliveries(t.Context(), time.Now().Add(-10*time.Hour-time.Minute)); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}
