package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Reported is a table of what providers reported, partitioned by the month in
// which it was received.
type Reported string

// The tables that [ExpireReported] shortens.
const (
	DeliveryEvents Reported = "delivery_events"
	WebhookEvents  Reported = "webhook_events"
)

// ExpireReported removes what was received before a time: whole months by
// dropping their partition, the rest row by row, at most so many at once. It
// returns the rows that it deleted; as many as most means that there are more.
func ExpireReported(ctx context.Context, pool *pgxpool.Pool, table Reported, before time.Time, most int) (int, error) {
	parent := pgx.Identifier{"gangway", string(table)}.Sanitize()
	months, err := partitions(ctx, pool, table)
	if err != nil {
		return 0, fmt.Errorf("postgres: expire %s: %w", table, err)
	}
	for _, name := range months {
		month, err := time.Parse("2006_01", strings.TrimPrefix(name, string(table)+"_"))
		if err != nil || month.AddDate(0, 1, 0).After(before.UTC()) {
			continue // the default partition, or a month that is still wanted
		}
		if _, err := pool.Exec(ctx, `DROP TABLE IF EXISTS `+pgx.Identifier{"gangway", name}.Sanitize()); err != nil {
			return 0, fmt.Errorf("postgres: expire %s: %w", table, err)
		}
	}
	tag, err := pool.Exec(ctx, `DELETE FROM `+parent+` WHERE (tableoid, ctid) IN
		(SELECT tableoid, ctid FROM `+parent+` WHERE received_at < $1 LIMIT $2)`, before, most)
	if err != nil {
		return 0, fmt.Errorf("postgres: expire %s: %w", table, err)
	}
	return int(tag.RowsAffected()), nil
}

func partitions(ctx context.Context, pool *pgxpool.Pool, table Reported) ([]string, error) {
	rows, err := pool.Query(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = ('gangway.' || $1)::regclass ORDER BY c.relname`, string(table))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
