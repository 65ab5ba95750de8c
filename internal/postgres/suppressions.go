package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Suppressions are the recipients that get nothing more.
type Suppressions struct {
	pool *pgxpool.Pool
	asks asks
}

// NewSuppressions returns the suppressions in pool.
func NewSuppressions(pool *pgxpool.Pool) *Suppressions { return &Suppressions{pool: pool} }

const suppressedSQL = `
SELECT recipient, list FROM gangway.suppressions WHERE recipient = ANY ($1) AND (expires_at IS NULL OR expires_at > now())`

// Suppressed returns those of the recipients that get no message of the category
// now. It asks the database each time, so that whoever was suppressed before the
// call gets nothing; callers at the same moment share one question.
func (s *Suppressions) Suppressed(ctx context.Context, category string, recipients []string) ([]string, error) {
	found, err := s.asks.join(ctx, recipients, s.lists)
	if err != nil {
		return nil, err
	}
	var suppressed []string
	for _, recipient := range recipients {
		for _, list := range found[recipient] {
			if list == delivery.SuppressAll || string(list) == category {
				suppressed = append(suppressed, recipient)
				break
			}
		}
	}
	return suppressed, nil
}

func (s *Suppressions) lists(ctx context.Context, recipients []string) (map[string][]delivery.SuppressionList, error) {
	rows, err := s.pool.Query(ctx, suppressedSQL, recipients)
	if err != nil {
		return nil, err
	}
	var recipient string
	var list delivery.SuppressionList
	found := map[string][]delivery.SuppressionList{}
	_, err = pgx.ForEachRow(rows, []any{&recipient, &list}, func() error {
		found[recipient] = append(found[recipient], list)
		return nil
	})
	return found, err
}

// Add suppresses a recipient for a person; one that is on the list is changed.
func (s *Suppressions) Add(ctx context.Context, add delivery.Suppression, by string) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
INSERT INTO gangway.suppressions (recipient, list, reason, provider, note, expires_at)
VALUES ($1, $2, $3, nullif($4, ''), nullif($5, ''), $6)
ON CONFLICT (recipient, list) DO UPDATE SET
    reason = excluded.reason, provider = excluded.provider, note = excluded.note, expires_at = excluded.expires_at,
    delivery_id = NULL, created_at = now()`,
			add.Recipient, add.List, add.Reason, add.Provider, add.Note, stamp(add.ExpiresAt))
		if err != nil {
			return err
		}
		return audit(ctx, tx, by, "suppression.add", add.Recipient, map[string]any{"list": add.List, "reason": add.Reason, "note": add.Note})
	})
	if err != nil {
		return fmt.Errorf("postgres: suppress: %w", err)
	}
	return nil
}

// SuppressReported suppresses a recipient because a provider reported it, within
// the transaction that applies the report. What is stricter already stays.
func SuppressReported(ctx context.Context, tx pgx.Tx, add delivery.Suppression) error {
	_, err := tx.Exec(ctx, `
INSERT INTO gangway.suppressions AS s (recipient, list, reason, provider, delivery_id, note, expires_at)
VALUES ($1, $2, $3, nullif($4, ''), $5, nullif($6, ''), $7)
ON CONFLICT (recipient, list) DO UPDATE SET
    reason = excluded.reason, provider = excluded.provider, delivery_id = excluded.delivery_id, note = excluded.note,
    expires_at = excluded.expires_at, created_at = now()
WHERE s.expires_at < coalesce(excluded.expires_at, 'infinity')`,
		add.Recipient, add.List, add.Reason, add.Provider, optional(add.DeliveryID), add.Note, stamp(add.ExpiresAt))
	if err != nil {
		return fmt.Errorf("postgres: suppress reported: %w", err)
	}
	return nil
}

// Remove takes a recipient off a list, "" for every list, and reports whether it
// was on one.
func (s *Suppressions) Remove(ctx context.Context, recipient string, list delivery.SuppressionList, by string) (bool, error) {
	found := false
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM gangway.suppressions WHERE recipient = $1 AND ($2 = '' OR list = $2)`, recipient, list)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		found = true
		return audit(ctx, tx, by, "suppression.remove", recipient, map[string]any{"list": list})
	})
	if err != nil {
		return false, fmt.Errorf("postgres: remove suppression: %w", err)
	}
	return found, nil
}

// SuppressionFilter narrows a list of suppressions.
type SuppressionFilter struct {
	Containing string // a part of the recipient
	// Before continues a list: the last suppression seen.
	Before *delivery.Suppression
	Limit  int
}

// List reads suppressions, newest first, expired ones too.
func (s *Suppressions) List(ctx context.Context, f SuppressionFilter) ([]delivery.Suppression, error) {
	query := `SELECT recipient, list, reason, coalesce(provider, ''), delivery_id, coalesce(note, ''), created_at, expires_at
FROM gangway.suppressions WHERE strpos(recipient, $1) > 0`
	args := []any{strings.ToLower(f.Containing), f.Limit}
	if f.Before != nil {
		query += ` AND (created_at, recipient, list) < ($3, $4, $5)`
		args = append(args, f.Before.CreatedAt, f.Before.Recipient, f.Before.List)
	}
	rows, err := s.pool.Query(ctx, query+` ORDER BY created_at DESC, recipient DESC, list DESC LIMIT $2`, args...)
	if err != nil {
		return nil, fmt.Errorf("postgres: suppressions: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (one delivery.Suppression, err error) {
		var deliveryID *uuid.UUID
		var expires *time.Time
		err = row.Scan(&one.Recipient, &one.List, &one.Reason, &one.Provider, &deliveryID, &one.Note, &one.CreatedAt, &expires)
		one.DeliveryID, one.ExpiresAt = deref(deliveryID), deref(expires)
		return one, err
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: suppressions: %w", err)
	}
	return list, nil
}

// Close waits for the questions that are being asked.
func (s *Suppressions) Close() { s.asks.close() }

func optional(u uuid.UUID) *uuid.UUID {
	if u == uuid.Nil {
		return nil
	}
	return &u
}
