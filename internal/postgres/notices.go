package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/command"
)

// Tell implements [alert.Notices]. The e-mail command goes into the outbox, in a
// lane of its own, in the transaction that marks its notices: they are told once.
func (s *Alerts) Tell(ctx context.Context, sink string, every time.Duration, most int, tell func([]alert.Notice) (mail []byte, err error)) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var soon bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gangway.alert_notices WHERE sink = $1 AND sent_at > now() - make_interval(secs => $2))`,
			sink, every.Seconds()).Scan(&soon)
		if err != nil || soon {
			return err
		}
		rows, err := tx.Query(ctx, `
SELECT n.id, n.alert_id, a.alert, a.subject, n.what, n.severity, n.message, n.at
FROM gangway.alert_notices n JOIN gangway.alerts a ON a.id = n.alert_id
WHERE n.sink = $1 AND n.sent_at IS NULL ORDER BY n.id LIMIT $2 FOR UPDATE OF n SKIP LOCKED`, sink, most)
		if err != nil {
			return err
		}
		var ids []int64
		notices, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n alert.Notice, err error) {
			err = row.Scan(&n.ID, &n.AlertID, &n.Alert, &n.Subject, &n.What, &n.Severity, &n.Message, &n.At)
			ids = append(ids, n.ID)
			return n, err
		})
		if err != nil || len(notices) == 0 {
			return err
		}
		mail, err := tell(notices)
		if err != nil {
			return err
		}
		var carrier *uuid.UUID
		if mail != nil {
			carrier = new(uuid.Must(uuid.NewV7()))
			_, err := tx.Exec(ctx, `SELECT gangway.enqueue('email.send', $1::text::jsonb, id => $2::uuid::text, lane => 'high')`, string(mail), *carrier)
			if err != nil {
				return err
			}
			// Producers cannot ask for this lane, by the function neither.
			_, err = tx.Exec(ctx, `UPDATE gangway.outbox SET subject = $1 WHERE seq = currval(pg_get_serial_sequence('gangway.outbox', 'seq'))`,
				command.EmailSend.Subject(command.Alerts))
			if err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `UPDATE gangway.alert_notices SET sent_at = clock_timestamp(), command_id = $2 WHERE id = ANY ($1)`, ids, carrier)
		return err
	})
	if err != nil {
		return fmt.Errorf("postgres: notices by %s: %w", sink, err)
	}
	return nil
}

// Forget implements [alert.Notices].
func (s *Alerts) Forget(ctx context.Context, before time.Time) (int, error) {
	tag, err := s.pool.Exec(ctx, `DELETE FROM gangway.alert_notices WHERE sent_at IS NULL AND at < $1`, before)
	if err != nil {
		return 0, fmt.Errorf("postgres: notices: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// Shown implements [alert.Notices].
func (s *Alerts) Shown(ctx context.Context, since time.Time) ([]alert.Alert, error) {
	return NewReader(s.pool).alerts(ctx, `WHERE a.raised_at IS NOT NULL AND (a.resolved_at IS NULL OR a.resolved_at >= $1)
  AND NOT EXISTS (SELECT FROM gangway.alert_silences s WHERE s.until > now() AND s.alert IN ('', a.alert) AND s.subject IN ('', a.subject))
ORDER BY a.raised_at, a.id`, since)
}

// Silences implements [alert.Store].
func (s *Alerts) Silences(ctx context.Context) ([]alert.Silence, error) {
	return NewReader(s.pool).Silences(ctx)
}

// Silences lists those that last, by alert and what they are about.
func (r Reader) Silences(ctx context.Context) ([]alert.Silence, error) {
	rows, err := r.pool.Query(ctx, `SELECT alert, subject, until, actor, coalesce(note, ''), created_at FROM gangway.alert_silences
WHERE until > now() ORDER BY alert, subject`)
	if err != nil {
		return nil, fmt.Errorf("postgres: silences: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s alert.Silence, err error) {
		return s, row.Scan(&s.Alert, &s.Subject, &s.Until, &s.By, &s.Note, &s.CreatedAt)
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: silences: %w", err)
	}
	return list, nil
}

// Silence keeps people from being told; one of the same key is replaced.
func (o *Operator) Silence(ctx context.Context, s alert.Silence) error {
	err := o.change(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
INSERT INTO gangway.alert_silences (alert, subject, until, actor, note) VALUES ($1, $2, $3, $4, nullif($5, ''))
ON CONFLICT (alert, subject) DO UPDATE SET until = excluded.until, actor = excluded.actor, note = excluded.note, created_at = now()`,
			s.Alert, s.Subject, s.Until, s.By, s.Note)
		if err != nil {
			return err
		}
		return audit(ctx, tx, s.By, "alert.silence", s.String(), map[string]any{"until": s.Until, "note": s.Note})
	})
	if err != nil {
		return fmt.Errorf("postgres: silence: %w", err)
	}
	return nil
}

// Unsilence ends a silence and reports whether there was one.
func (o *Operator) Unsilence(ctx context.Context, key alert.Key, by string) (found bool, err error) {
	err = o.change(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM gangway.alert_silences WHERE alert = $1 AND subject = $2 AND until > now()`, key.Alert, key.Subject)
		if found = tag.RowsAffected() > 0; err != nil || !found {
			return err
		}
		return audit(ctx, tx, by, "alert.unsilence", key.String(), nil)
	})
	if err != nil {
		return false, fmt.Errorf("postgres: unsilence: %w", err)
	}
	return found, nil
}

// Alerts removes what was over before a time, with its notices and silences.
func (r Retention) Alerts(ctx context.Context, before time.Time) (removed int64, err error) {
	for _, part := range []string{
		`alert_notices WHERE ctid = ANY (ARRAY (SELECT ctid FROM gangway.alert_notices WHERE at < $1 LIMIT $2))`,
		`alert_silences WHERE ctid = ANY (ARRAY (SELECT ctid FROM gangway.alert_silences WHERE until < $1 LIMIT $2))`,
		`alerts WHERE ctid = ANY (ARRAY (SELECT ctid FROM gangway.alerts WHERE resolved_at < $1 LIMIT $2))`,
	} {
		table, _, _ := strings.Cut(part, " ")
		n, err := r.repeat(ctx, table, `DELETE FROM gangway.`+part, before)
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

var _ alert.Notices = (*Alerts)(nil)
