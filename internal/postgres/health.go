package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ProviderHealth is a row of gangway.provider_health.
type ProviderHealth struct {
	Provider  string
	Status    string
	Since     time.Time
	CheckedAt time.Time // zero when it was never checked
	LatencyMS int64
	Reason    string
}

// SaveHealth stores how a provider is; what was stored later stands.
func SaveHealth(ctx context.Context, pool *pgxpool.Pool, h ProviderHealth) error {
	_, err := pool.Exec(ctx, `
INSERT INTO gangway.health AS h (provider, status, since, checked_at, latency_ms, reason)
VALUES ($1, $2, $3, $4, $5, nullif($6, ''))
ON CONFLICT (provider) DO UPDATE SET
    status = excluded.status, since = excluded.since, checked_at = excluded.checked_at, latency_ms = excluded.latency_ms,
    reason = excluded.reason, updated_at = now()
WHERE (h.since, coalesce(h.checked_at, '-infinity')) <= (excluded.since, coalesce(excluded.checked_at, '-infinity'))`,
		h.Provider, h.Status, h.Since, stamp(h.CheckedAt), h.LatencyMS, h.Reason)
	if err != nil {
		return fmt.Errorf("postgres: health of %s: %w", h.Provider, err)
	}
	return nil
}

// Health lists how the providers are, by name.
func (r Reader) Health(ctx context.Context) ([]ProviderHealth, error) {
	rows, err := r.pool.Query(ctx, `
SELECT provider, status, since, coalesce(checked_at, '0001-01-01Z'), latency_ms, coalesce(reason, '')
FROM gangway.provider_health ORDER BY provider`)
	if err != nil {
		return nil, fmt.Errorf("postgres: health: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ProviderHealth])
	if err != nil {
		return nil, fmt.Errorf("postgres: health: %w", err)
	}
	return list, nil
}

// Audited does something that is not in the database and writes down who did it,
// or neither: the row is committed once do has succeeded.
func (o *Operator) Audited(ctx context.Context, by, action, target string, detail map[string]any, do func(context.Context) error) error {
	err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		if err := audit(ctx, tx, by, action, target, detail); err != nil {
			return err
		}
		return do(ctx)
	})
	if err != nil {
		return fmt.Errorf("postgres: %s %s: %w", action, target, err)
	}
	return nil
}
