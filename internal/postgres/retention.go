package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Retention removes what has been kept long enough, in small statements with
// pauses between them: live traffic goes first. Each of its methods may be
// interrupted and repeated, and returns how many rows it removed; a month that
// goes as a whole counts as none.
type Retention struct {
	Pool *pgxpool.Pool
	// Batch is how many rows one statement removes at most, or looks at.
	Batch int
	Pause time.Duration
}

// Monthly is a table in partitions of a month.
type Monthly string

// The monthly tables.
const (
	DeliveryAttempts Monthly = "delivery_attempts"
	DeliveryEvents   Monthly = "delivery_events"
	WebhookEvents    Monthly = "webhook_events"
)

// at is the column that says in which month a row belongs.
func (m Monthly) at() string {
	if m == DeliveryAttempts {
		return "started_at"
	}
	return "received_at"
}

// Numbered is a table whose rows are numbered in the order of their time.
type Numbered string

// The numbered tables.
const (
	DeadLetters Numbered = "dead_letters"
	AuditLog    Numbered = "audit_log"
)

func (n Numbered) at() string {
	if n == DeadLetters {
		return "created_at"
	}
	return "at"
}

// Months shortens a monthly table: a month that is over is dropped, of the one
// that is not and of the default partition the rows before the time are deleted.
func (r Retention) Months(ctx context.Context, table Monthly, before time.Time) (removed int64, err error) {
	months, err := r.partitions(ctx, table)
	for i := 0; i < len(months) && err == nil; i++ {
		name := pgx.Identifier{"gangway", months[i]}.Sanitize()
		month, notAMonth := time.Parse("2006_01", strings.TrimPrefix(months[i], string(table)+"_"))
		switch {
		case notAMonth == nil && !month.Before(before):
		case notAMonth == nil && !month.AddDate(0, 1, 0).After(before.UTC()):
			err = r.drop(ctx, name)
		default:
			var n int64
			n, err = r.sweep(ctx, name, table.at(), before)
			removed += n
		}
	}
	if err != nil {
		return removed, fmt.Errorf("postgres: expire %s: %w", table, err)
	}
	return removed, nil
}

func (r Retention) partitions(ctx context.Context, table Monthly) ([]string, error) {
	rows, err := r.Pool.Query(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = ('gangway.' || $1)::regclass ORDER BY c.relname`, string(table))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

const (
	// dropWait is how long a drop may wait for its lock, because everybody else then
	// waits behind it. It is tried dropTries times before the next round.
	dropWait  = 100 * time.Millisecond
	dropTries = 20
)

// drop drops a partition as soon as nobody uses its table for a moment.
func (r Retention) drop(ctx context.Context, name string) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = %d`, dropWait.Milliseconds())); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `DROP TABLE IF EXISTS `+name)
			return err
		})
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != lockNotAvailable || try == dropTries {
			return err
		}
		if err := r.rest(ctx); err != nil {
			return err
		}
	}
}

// lockNotAvailable is the SQLSTATE of a lock that was not to be had in time.
const lockNotAvailable = "55P03"

// sweep deletes the old rows of one partition. Rows lie in the order in which
// they came, so it goes through the file from the beginning, a few blocks at a
// time, and ends where nothing is old any more; no index is needed and no
// statement looks at the whole.
func (r Retention) sweep(ctx context.Context, name, at string, before time.Time) (removed int64, err error) {
	var blocks int64
	err = r.Pool.QueryRow(ctx, `SELECT pg_relation_size($1::regclass) / current_setting('block_size')::bigint`, name).Scan(&blocks)
	const rowsOfABlock = 20 // or so
	step := max(int64(r.Batch)/rowsOfABlock, 1)
	for from := int64(0); err == nil && from < blocks; from += step {
		var n int64
		var younger bool
		err = r.Pool.QueryRow(ctx, `
WITH gone AS (DELETE FROM `+name+` WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND `+at+` < $3 RETURNING 1)
SELECT (SELECT count(*) FROM gone), EXISTS (SELECT FROM `+name+` WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND `+at+` >= $3)`,
			fmt.Sprintf("(%d,0)", from), fmt.Sprintf("(%d,0)", from+step), before).Scan(&n, &younger)
		if removed += n; err != nil || n == 0 && younger {
			break
		}
		err = r.rest(ctx)
	}
	return removed, err
}

// Rows shortens a numbered table from its beginning.
func (r Retention) Rows(ctx context.Context, table Numbered, before time.Time) (removed int64, err error) {
	return r.repeat(ctx, string(table), `DELETE FROM gangway.`+string(table)+` WHERE id = ANY (ARRAY (
		SELECT id FROM (SELECT id, `+table.at()+` AS at FROM gangway.`+string(table)+` ORDER BY id LIMIT $2) AS first WHERE at < $1))`, before)
}

// Statistics removes the minutes before a time.
func (r Retention) Statistics(ctx context.Context, before time.Time) (removed int64, err error) {
	return r.repeat(ctx, "stat_minutes", `DELETE FROM gangway.stat_minutes WHERE ctid = ANY (ARRAY (
		SELECT ctid FROM gangway.stat_minutes WHERE minute < $1 ORDER BY minute LIMIT $2))`, before)
}

// repeat executes a statement until it removes less than a batch.
func (r Retention) repeat(ctx context.Context, table, statement string, before time.Time) (removed int64, err error) {
	for {
		tag, err := r.Pool.Exec(ctx, statement, before, r.Batch)
		removed += tag.RowsAffected()
		if err == nil && tag.RowsAffected() == int64(r.Batch) {
			if err = r.rest(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return removed, fmt.Errorf("postgres: expire %s: %w", table, err)
		}
		return removed, nil
	}
}

// purgeSQL looks at one page of deliveries and reduces those that ended before
// the time to their stubs.
const purgeSQL = `
WITH page AS (
    SELECT id, requested_at FROM gangway.deliveries
    WHERE (requested_at, id) > ($2, $3) AND requested_at < $1 ORDER BY requested_at, id LIMIT $4
), old AS (
    SELECT id FROM gangway.deliveries
    WHERE id = ANY (ARRAY (SELECT id FROM page)) AND completed_at < $1 AND rank >= 30 AND purged_at IS NULL FOR UPDATE SKIP LOCKED
), recipients AS (
    DELETE FROM gangway.delivery_recipients WHERE delivery_id = ANY (ARRAY (SELECT id FROM old))
), letters AS (
    DELETE FROM gangway.dead_letters WHERE delivery_id = ANY (ARRAY (SELECT id FROM old))
), entries AS (
    DELETE FROM gangway.manual_entries WHERE delivery_id = ANY (ARRAY (SELECT id FROM old))
), stubs AS (
    UPDATE gangway.deliveries SET recipient = NULL, subject = NULL, template = NULL, result = NULL, metadata = NULL, correlation_id = NULL,
           error_message = NULL, provider_message_id = NULL, purged_at = now()
    WHERE id = ANY (ARRAY (SELECT id FROM old)) RETURNING 1
)
SELECT (SELECT count(*) FROM stubs), (SELECT count(*) FROM page), last.requested_at, last.id
FROM page AS last ORDER BY last.requested_at DESC, last.id DESC LIMIT 1`

// Deliveries removes what is personal or large from deliveries that ended before
// a time, and keeps the stub (id, kind, digest, generation, status) for ever: it
// is what makes a command with a known id run only once.
func (r Retention) Deliveries(ctx context.Context, before time.Time) (removed int64, err error) {
	from := Place{At: time.Time{}, ID: uuid.Nil}
	for {
		var n int64
		var seen int
		err := r.Pool.QueryRow(ctx, purgeSQL, before, from.At, from.ID, r.Batch).Scan(&n, &seen, &from.At, &from.ID)
		if removed += n; errors.Is(err, pgx.ErrNoRows) || err == nil && seen < r.Batch {
			return removed, nil
		}
		if err == nil {
			err = r.rest(ctx)
		}
		if err != nil {
			return removed, fmt.Errorf("postgres: purge: %w", err)
		}
	}
}

// rest waits between two statements.
func (r Retention) rest(ctx context.Context) error {
	timer := time.NewTimer(r.Pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
