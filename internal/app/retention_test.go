package app

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestRetentionOfEveryTable puts one row that is too old and one that is not into
// every table with a retention.
func TestRetentionOfEveryTable(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), testkit.PostgresFrom(t, "migrated by the worker", migrated))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	inserts := map[string]string{
		"deliveries": `INSERT INTO gangway.deliveries (id, kind, status, rank, recipient, requested_at, asked_at, completed_at)
			VALUES (gen_random_uuid(), 'email.send', 'delivered', 60, 'kim@example.kr', $1, $1, $1)`,
		"delivery_attempts": `INSERT INTO gangway.delivery_attempts (delivery_id, attempt, round, generation, provider, endpoint, outcome, duration_ms, started_at)
			VALUES (gen_random_uuid(), 1, 1, 0, 'ses', 'smtp', 'ok', 5, $1)`,
		"delivery_events": `INSERT INTO gangway.delivery_events (delivery_id, provider, event_id, type, occurred_at, received_at)
			VALUES (gen_random_uuid(), 'ses', 'x', 'Delivery', $1, $1)`,
		"webhook_events": `INSERT INTO gangway.webhook_events (id, provider, event_id, received_at, outcome) VALUES (gen_random_uuid(), 'ses', 'x', $1, 'applied')`,
		"dead_letters": `INSERT INTO gangway.dead_letters (delivery_id, kind, lane, generation, version, reason, error, attempts, first_seen, created_at)
			VALUES (gen_random_uuid(), 'email.send', 'normal', 0, 1, 'timeout', 'x', 1, $1, $1)`,
		"audit_log": `INSERT INTO gangway.audit_log (at, actor, action, target) VALUES ($1, 'kim', 'x', 'y')`,
		"stat_minutes": `INSERT INTO gangway.stat_minutes (minute, scope, name, part, worker, count, failures, classes, counts)
			VALUES ($1, 'call', 'ses', 'smtp', gen_random_uuid(), 1, 0, '{1}', '{1}')`,
		"alerts": `INSERT INTO gangway.alerts (id, alert, subject, severity, message, since, raised_at, resolved_at)
			VALUES (gen_random_uuid(), 'BreakerOpen', 'ses', 'critical', 'x', $1, $1, $1)`,
		"alert_notices":  `INSERT INTO gangway.alert_notices (sink, alert_id, what, severity, message, at) VALUES ('email', gen_random_uuid(), 'raised', 'critical', 'x', $1)`,
		"alert_silences": `INSERT INTO gangway.alert_silences (alert, subject, until, actor) VALUES ('', $1::timestamptz::text, $1, 'kim')`,
	}
	now := time.Now()
	for table, insert := range inserts {
		for _, at := range []time.Time{now.Add(-3 * time.Hour), now} {
			if _, err := pool.Exec(t.Context(), insert, at); err != nil {
				t.Fatalf("%s: %v", table, err)
			}
		}
	}
	keep := config.Retention{}
	r := newRetention(pool, func() config.Retention { return keep }, zap.NewNop())
	rows := func(table string) (n int) {
		where := ""
		if table == "deliveries" {
			where = " WHERE purged_at IS NULL"
		}
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM gangway.`+table+where).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	r.enforce(t.Context(), now)
	for table := range inserts {
		if n := rows(table); n != 2 {
			t.Errorf("0 keeps everything; %s has %d rows", table, n)
		}
	}
	h := 2 * time.Hour
	keep = config.Retention{Deliveries: h, Attempts: h, Events: h, Webhooks: h, Deadletters: h, Audit: h, Stats: h, Alerts: h}
	r.enforce(t.Context(), now)
	for table := range inserts {
		if n := rows(table); n != 1 {
			t.Errorf("%s has %d rows, want the young one", table, n)
		}
	}
}
