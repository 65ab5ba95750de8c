package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// AuditFilter narrows the audit log. Zero fields do not narrow.
type AuditFilter struct {
	Since              time.Time
	By, Action, Target string
}

// AuditEntry is a row of gangway.audit_log.
type AuditEntry struct {
	Number             int64
	At                 time.Time
	By, Action, Target string
	Detail             jsontext.Value
}

// AuditLog reads who did what, newest first: at most so many below a number, 0 for
// the newest.
func (r Reader) AuditLog(ctx context.Context, f AuditFilter, below int64, most int) ([]AuditEntry, error) {
	where := []string{"true"}
	var args []any
	add := func(condition string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if below > 0 {
		add("(at, id) < (SELECT at, id FROM gangway.audit_log WHERE id = $%d)", below)
	}
	if !f.Since.IsZero() {
		add("at >= $%d", f.Since)
	}
	if f.By != "" {
		add("actor = $%d", f.By)
	}
	if f.Action != "" {
		add("action = $%d", f.Action)
	}
	if f.Target != "" {
		add("target = $%d", f.Target)
	}
	args = append(args, most)
	rows, err := r.pool.Query(ctx, fmt.Sprintf(`SELECT id, at, actor, action, target, detail FROM gangway.audit_log
WHERE %s ORDER BY at DESC, id DESC LIMIT $%d`, strings.Join(where, " AND "), len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("postgres: audit log: %w", err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e AuditEntry, err error) {
		return e, row.Scan(&e.Number, &e.At, &e.By, &e.Action, &e.Target, (*[]byte)(&e.Detail))
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: audit log: %w", err)
	}
	return entries, nil
}

// Worker is a row of gangway.workers.
type Worker struct {
	ID         uuid.UUID
	Host       string
	PID        int
	Version    string
	StartedAt  time.Time
	AliveUntil time.Time
	Alive      bool // by the database's clock
}

// Workers lists the workers that gave a sign of life within a while, those that
// live first, then the newest. At most 1000.
func (r Reader) Workers(ctx context.Context, within time.Duration) ([]Worker, error) {
	rows, err := r.pool.Query(ctx, `SELECT id, host, pid, version, started_at, alive_until, alive_until > now() FROM gangway.workers
WHERE alive_until > now() - make_interval(secs => $1) ORDER BY alive_until > now() DESC, started_at DESC, id LIMIT 1000`, within.Seconds())
	if err != nil {
		return nil, fmt.Errorf("postgres: workers: %w", err)
	}
	workers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Worker])
	if err != nil {
		return nil, fmt.Errorf("postgres: workers: %w", err)
	}
	return workers, nil
}

// Event is what a provider reported: a row of gangway.delivery_events.
type Event struct {
	Provider, Type, Recipient, ErrorCode, Message string
	Status                                        delivery.Status
	Reason                                        fault.Reason
	OccurredAt, ReceivedAt                        time.Time
}

// Events reads what providers reported of one delivery, oldest first.
func (r Reader) Events(ctx context.Context, deliveryID uuid.UUID) ([]Event, error) {
	rows, err := r.pool.Query(ctx, `
SELECT provider, type, recipient, coalesce(error_code, ''), coalesce(message, ''), coalesce(status, ''), coalesce(reason, ''), occurred_at, received_at
FROM gangway.delivery_events WHERE delivery_id = $1 ORDER BY occurred_at, received_at, event_id`, deliveryID)
	if err != nil {
		return nil, fmt.Errorf("postgres: events: %w", err)
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e Event, err error) {
		return e, row.Scan(&e.Provider, &e.Type, &e.Recipient, &e.ErrorCode, &e.Message, &e.Status, &e.Reason, &e.OccurredAt, &e.ReceivedAt)
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: events: %w", err)
	}
	return events, nil
}
