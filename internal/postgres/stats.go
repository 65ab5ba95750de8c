package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/stats"
)

// SaveStats stores the minutes of one worker whole, over what it stored of them
// before.
func SaveStats(ctx context.Context, pool *pgxpool.Pool, worker uuid.UUID, minutes []stats.Figures) error {
	batch := new(pgx.Batch)
	for _, m := range minutes {
		classes, counts := make([]int16, 0, len(m.Times)), make([]int64, 0, len(m.Times))
		for class, n := range m.Times {
			classes, counts = append(classes, class), append(counts, n)
		}
		batch.Queue(`
INSERT INTO gangway.stat_minutes (minute, scope, name, part, worker, count, failures, classes, counts, failed_reason, failed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, ''), $11)
ON CONFLICT (minute, scope, name, part, worker) DO UPDATE SET count = excluded.count, failures = excluded.failures,
    classes = excluded.classes, counts = excluded.counts, failed_reason = excluded.failed_reason, failed_at = excluded.failed_at`,
			m.At, m.Scope, m.Name, m.Part, worker, m.Count, m.Failures, classes, counts, m.FailedReason, stamp(m.FailedAt))
	}
	if err := pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("postgres: stats: %w", err)
	}
	return nil
}

// StatsFilter says which figures to read.
type StatsFilter struct {
	Scope stats.Scope
	Name  string // "" for all
	Since time.Time
	// ByMinute gives figures for each minute; else they are joined.
	ByMinute bool
}

// Stats reads what all workers counted: one for each key, and minute if asked,
// ordered by them.
func (r Reader) Stats(ctx context.Context, f StatsFilter) ([]stats.Figures, error) {
	rows, err := r.pool.Query(ctx, `
WITH m AS (
    SELECT CASE WHEN $4 THEN minute ELSE $3 END AS at, name, part, count, failures, failed_reason, failed_at, classes, counts
    FROM gangway.stat_minutes WHERE scope = $1 AND ($2 = '' OR name = $2) AND minute >= $3
), total AS (
    SELECT at, name, part, sum(count)::bigint AS count, sum(failures)::bigint AS failures, max(failed_at) AS failed_at,
           (array_agg(failed_reason ORDER BY failed_at DESC NULLS LAST))[1] AS failed_reason
    FROM m GROUP BY at, name, part
), class AS (
    SELECT at, name, part, k.class, sum(k.n)::bigint AS n FROM m, unnest(m.classes, m.counts) AS k (class, n) GROUP BY at, name, part, k.class
), sketch AS (
    SELECT at, name, part, array_agg(class) AS classes, array_agg(n) AS counts FROM class GROUP BY at, name, part
)
SELECT at, name, part, count, failures, coalesce(failed_reason, ''), coalesce(failed_at, '0001-01-01Z'),
       coalesce(classes, '{}'), coalesce(counts, '{}')
FROM total LEFT JOIN sketch USING (at, name, part) ORDER BY name, part, at`, f.Scope, f.Name, f.Since, f.ByMinute)
	if err != nil {
		return nil, fmt.Errorf("postgres: stats: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s stats.Figures, err error) {
		var classes []int16
		var counts []int64
		s.Scope, s.Times = f.Scope, stats.Sketch{}
		err = row.Scan(&s.At, &s.Name, &s.Part, &s.Count, &s.Failures, &s.FailedReason, &s.FailedAt, &classes, &counts)
		for i, class := range classes {
			s.Times[class] += counts[i]
		}
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: stats: %w", err)
	}
	return list, nil
}

// Outbox is what waits in the outbox.
type Outbox struct {
	Pending int
	Oldest  time.Time // zero when it is empty
}

// Outbox looks at what waits in the outbox; a row that the bus refused waits too.
func (r Reader) Outbox(ctx context.Context) (o Outbox, err error) {
	err = r.pool.QueryRow(ctx, `SELECT count(*), coalesce(min(created_at), '0001-01-01Z') FROM gangway.outbox`).Scan(&o.Pending, &o.Oldest)
	if err != nil {
		return o, fmt.Errorf("postgres: outbox: %w", err)
	}
	return o, nil
}
