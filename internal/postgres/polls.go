package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Polls are the messages whose provider has to be asked what became of them.
type Polls struct{ pool *pgxpool.Pool }

// NewPolls returns the polls in pool.
func NewPolls(pool *pgxpool.Pool) *Polls { return &Polls{pool: pool} }

// Collect begins to poll what the providers took since then and what has no final
// report. It may look at the same time again.
func (p *Polls) Collect(ctx context.Context, providers []string, since time.Time) (int, error) {
	// A call that was confirmed later has no id in its attempt; the row has it.
	tag, err := p.pool.Exec(ctx, `
INSERT INTO gangway.delivery_polls (delivery_id, provider, message_id, since)
SELECT DISTINCT ON (d.id) d.id, a.provider, coalesce(a.provider_message_id, d.provider_message_id), a.started_at
FROM gangway.delivery_attempts a JOIN gangway.deliveries d ON d.id = a.delivery_id AND d.provider = a.provider
WHERE a.started_at >= $2 AND a.provider = ANY ($1) AND a.outcome IN ('ok', 'unknown') AND d.rank = $3
  AND coalesce(a.provider_message_id, d.provider_message_id) IS NOT NULL
ORDER BY d.id, a.attempt DESC
ON CONFLICT (delivery_id) DO NOTHING`, providers, since, delivery.RankSent)
	if err != nil {
		return 0, fmt.Errorf("postgres: collect polls: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// Due reads the messages that are to be asked about now, those that wait longest
// first.
func (p *Polls) Due(ctx context.Context, providers []string, most int) ([]delivery.Poll, error) {
	rows, err := p.pool.Query(ctx, `
SELECT delivery_id, provider, message_id, since, asked FROM gangway.delivery_polls
WHERE provider = ANY ($1) AND next_at <= now() ORDER BY next_at LIMIT $2`, providers, most)
	if err != nil {
		return nil, fmt.Errorf("postgres: due polls: %w", err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[delivery.Poll])
	if err != nil {
		return nil, fmt.Errorf("postgres: due polls: %w", err)
	}
	return due, nil
}

// Postpone asks again after a while.
func (p *Polls) Postpone(ctx context.Context, deliveryID uuid.UUID, wait time.Duration) error {
	_, err := p.pool.Exec(ctx, `UPDATE gangway.delivery_polls SET asked = asked + 1, next_at = now() + make_interval(secs => $2)
		WHERE delivery_id = $1`, deliveryID, wait.Seconds())
	if err != nil {
		return fmt.Errorf("postgres: postpone poll: %w", err)
	}
	return nil
}

// Finish ends the polling of a message.
func (p *Polls) Finish(ctx context.Context, deliveryID uuid.UUID) error {
	if _, err := p.pool.Exec(ctx, `DELETE FROM gangway.delivery_polls WHERE delivery_id = $1`, deliveryID); err != nil {
		return fmt.Errorf("postgres: finish poll: %w", err)
	}
	return nil
}
