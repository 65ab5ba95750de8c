package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/outbox"
)

// Alerts keeps the alerts of the fleet. Each change, the event that tells of it
// and its notices are one transaction.
type Alerts struct {
	pool  *pgxpool.Pool
	event func(alert.Change) (outbox.Message, error)
	sinks func() []string
}

// NewAlerts returns the alerts on pool; event makes the message that tells of a
// change, sinks names those that get notices.
func NewAlerts(pool *pgxpool.Pool, event func(alert.Change) (outbox.Message, error), sinks func() []string) *Alerts {
	return &Alerts{pool: pool, event: event, sinks: sinks}
}

const alertColumns = `a.id, a.alert, a.subject, a.severity, a.message, a.since, a.raised_at, a.fine_since, a.resolved_at, a.told_at, a.told, a.version,
	(SELECT max(s.until) FROM gangway.alert_silences s WHERE s.until > now() AND s.alert IN ('', a.alert) AND s.subject IN ('', a.subject))`

// OpenAlerts implements [alert.Store].
func (s *Alerts) OpenAlerts(ctx context.Context) ([]alert.Alert, error) {
	return NewReader(s.pool).alerts(ctx, `WHERE a.resolved_at IS NULL ORDER BY a.since, a.id`)
}

// ChangeAlerts implements [alert.Store].
func (s *Alerts) ChangeAlerts(ctx context.Context, changes []alert.Change) (stored []alert.Change, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		stored = nil
		for _, change := range changes {
			done, err := s.change(ctx, tx, change)
			if err != nil {
				return fmt.Errorf("%s %s: %w", change.What, change.Alert.Alert, err)
			}
			if done {
				stored = append(stored, change)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: alerts: %w", err)
	}
	return stored, nil
}

// change stores one change, unless another worker was first.
func (s *Alerts) change(ctx context.Context, tx pgx.Tx, c alert.Change) (bool, error) {
	a := c.Alert
	query := `UPDATE gangway.alerts SET severity = $4, message = $5, since = $6, raised_at = $7, fine_since = $8, resolved_at = $9,
       told_at = $10, told = $11, version = version + 1 WHERE id = $1 AND alert = $2 AND subject = $3 AND version = $12 AND resolved_at IS NULL`
	if a.Version == 0 {
		query = `INSERT INTO gangway.alerts (id, alert, subject, severity, message, since, raised_at, fine_since, resolved_at, told_at, told, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 + 1) ON CONFLICT (alert, subject) WHERE resolved_at IS NULL DO NOTHING`
	}
	if c.What == alert.Dropped {
		query = `DELETE FROM gangway.alerts WHERE id = $1 AND version = $2`
		tag, err := tx.Exec(ctx, query, a.ID, a.Version)
		return tag.RowsAffected() == 1, err
	}
	tag, err := tx.Exec(ctx, query, a.ID, a.Alert, a.Subject, a.Severity, a.Message, a.Since, stamp(a.RaisedAt), stamp(a.FineSince),
		stamp(a.ResolvedAt), stamp(a.ToldAt), a.Told, a.Version)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	if !c.What.Told() {
		return true, nil
	}
	if c.What != alert.Reminded { // programs need no reminder
		message, err := s.event(c)
		if err != nil {
			return false, err
		}
		if err := put(ctx, tx, a.ID, message); err != nil {
			return false, err
		}
	}
	if c.Silent {
		return true, nil
	}
	for _, sink := range s.sinks() {
		_, err := tx.Exec(ctx, `INSERT INTO gangway.alert_notices (sink, alert_id, what, severity, message) VALUES ($1, $2, $3, $4, $5)`,
			sink, a.ID, c.What, a.Severity, a.Message)
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// FiringAlerts lists what is raised and not over, the oldest first.
func (r Reader) FiringAlerts(ctx context.Context) ([]alert.Alert, error) {
	return r.alerts(ctx, `WHERE a.resolved_at IS NULL AND a.raised_at IS NOT NULL ORDER BY a.raised_at, a.id`)
}

// ResolvedAlerts lists what is over and was raised since a time, the newest first,
// at most 1000.
func (r Reader) ResolvedAlerts(ctx context.Context, since time.Time) ([]alert.Alert, error) {
	return r.alerts(ctx, `WHERE a.resolved_at IS NOT NULL AND a.raised_at >= $1 ORDER BY a.raised_at DESC, a.id DESC LIMIT 1000`, since)
}

func (r Reader) alerts(ctx context.Context, where string, args ...any) ([]alert.Alert, error) {
	rows, err := r.pool.Query(ctx, `SELECT `+alertColumns+` FROM gangway.alerts a `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("postgres: alerts: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a alert.Alert, err error) {
		var raised, fine, resolved, told, silenced *time.Time
		err = row.Scan(&a.ID, &a.Alert, &a.Subject, &a.Severity, &a.Message, &a.Since, &raised, &fine, &resolved, &told, &a.Told, &a.Version, &silenced)
		a.Since = a.Since.UTC()
		a.RaisedAt, a.FineSince, a.ResolvedAt, a.ToldAt, a.Silenced = moment(raised), moment(fine), moment(resolved), moment(told), moment(silenced)
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: alerts: %w", err)
	}
	return list, nil
}

func moment(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.UTC()
}

// NewLetters are the dead letters of a kind that nobody has settled.
type NewLetters struct {
	Kind   string
	Count  int
	Reason string // of the last
}

// NewLetters counts the open dead letters since a time, by kind. E-mails that
// carry alerts do not count: they would raise another.
func (r Reader) NewLetters(ctx context.Context, since time.Time) ([]NewLetters, error) {
	rows, err := r.pool.Query(ctx, `
SELECT kind, count(*), (array_agg(reason ORDER BY id DESC))[1] FROM gangway.dead_letters l
WHERE replayed_at IS NULL AND discarded_at IS NULL AND created_at >= $1
  AND NOT EXISTS (SELECT FROM gangway.alert_notices n WHERE n.command_id = l.delivery_id)
GROUP BY kind ORDER BY kind`, since)
	if err != nil {
		return nil, fmt.Errorf("postgres: new dead letters: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[NewLetters])
	if err != nil {
		return nil, fmt.Errorf("postgres: new dead letters: %w", err)
	}
	return list, nil
}

// Waiting counts what waits, and since when.
type Waiting struct {
	Count  int       `json:"count"`
	Oldest time.Time `json:"oldest_at,omitzero"` // zero when nothing waits
}

// ManualQueue looks at the verifications since a time that wait for a person.
func (r Reader) ManualQueue(ctx context.Context, since time.Time) (w Waiting, err error) {
	err = r.pool.QueryRow(ctx, `SELECT count(*), coalesce(min(updated_at), '0001-01-01Z') FROM gangway.deliveries
WHERE kind = 'business.verify' AND requested_at >= $1 AND status = 'manual_review'`, since).Scan(&w.Count, &w.Oldest)
	if err != nil {
		return w, fmt.Errorf("postgres: manual queue: %w", err)
	}
	return w, nil
}

var _ alert.Store = (*Alerts)(nil)
