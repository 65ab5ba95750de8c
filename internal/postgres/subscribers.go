package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Subscribers keeps how the endpoints stand that events are pushed to.
type Subscribers struct{ pool *pgxpool.Pool }

// NewSubscribers returns the subscribers on pool.
func NewSubscribers(pool *pgxpool.Pool) *Subscribers { return &Subscribers{pool: pool} }

// Enter makes the list that of the configuration: others are forgotten, and one
// that has moved to another URL begins anew.
func (s *Subscribers) Enter(ctx context.Context, configured []delivery.Subscriber) error {
	names := make([]string, len(configured))
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		for i, one := range configured {
			names[i] = one.Name
			_, err := tx.Exec(ctx, `
INSERT INTO gangway.webhooks_out AS w (name, url, kinds) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET url = excluded.url, kinds = excluded.kinds,
    state = CASE WHEN w.url = excluded.url THEN w.state ELSE 'active' END,
    since = CASE WHEN w.url = excluded.url OR w.state = 'active' THEN w.since ELSE now() END`, one.Name, one.URL, one.Kinds)
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `DELETE FROM gangway.webhooks_out WHERE name <> ALL ($1)`, names)
		return err
	})
	if err != nil {
		return fmt.Errorf("postgres: enter subscribers: %w", err)
	}
	return nil
}

// State returns how a subscriber stands, "" when there is none of that name.
func (s *Subscribers) State(ctx context.Context, name string) (state delivery.SubscriberState, err error) {
	err = s.pool.QueryRow(ctx, `SELECT coalesce((SELECT state FROM gangway.webhooks_out WHERE name = $1), '')`, name).Scan(&state)
	if err != nil {
		return "", fmt.Errorf("postgres: state of a subscriber: %w", err)
	}
	return state, nil
}

// Count adds what came of pushing. One that is disabled stays so: only
// [Subscribers.Enable] ends that.
func (s *Subscribers) Count(ctx context.Context, p delivery.Pushing) error {
	_, err := s.pool.Exec(ctx, `
UPDATE gangway.webhooks_out SET
    since = CASE WHEN state IN ($2, 'disabled') THEN since ELSE $7 END,
    state = CASE WHEN state = 'disabled' THEN state ELSE $2 END,
    waiting = $3, pushed = pushed + $4, failed = failed + $5, given_up = given_up + $6,
    pushed_at = CASE WHEN $4 > 0 THEN $7 ELSE pushed_at END,
    failed_at = CASE WHEN $5 > 0 THEN $7 ELSE failed_at END,
    error = CASE WHEN $5 > 0 THEN $8 ELSE error END
WHERE name = $1`, p.Name, p.State, p.Waiting, p.Pushed, p.Failed, p.GivenUp, p.At, storable(p.Error))
	if err != nil {
		return fmt.Errorf("postgres: count what was pushed: %w", err)
	}
	return nil
}

// Enable lets a subscriber get events again, for a person.
func (s *Subscribers) Enable(ctx context.Context, name, by, note string) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE gangway.webhooks_out SET state = 'active', since = now() WHERE name = $1 AND state <> 'active'`, name)
		if err != nil {
			return err
		}
		if tag.RowsAffected() > 0 {
			return audit(ctx, tx, by, "webhook.enable", name, map[string]any{"note": note})
		}
		var known bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gangway.webhooks_out WHERE name = $1)`, name).Scan(&known); err != nil || known {
			return err
		}
		return fault.New(fault.NotFound, "enable", "No endpoint of webhooks_out is named %s.", name)
	})
	if err != nil {
		return fmt.Errorf("postgres: enable a subscriber: %w", err)
	}
	return nil
}

// List reads all subscribers by name.
func (s *Subscribers) List(ctx context.Context) ([]delivery.Subscriber, error) {
	rows, err := s.pool.Query(ctx, `
SELECT name, url, kinds, state, since, waiting, pushed, failed, given_up, pushed_at, failed_at, coalesce(error, '')
FROM gangway.webhooks_out ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("postgres: subscribers: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (one delivery.Subscriber, err error) {
		var pushed, failed *time.Time
		err = row.Scan(&one.Name, &one.URL, &one.Kinds, &one.State, &one.Since, &one.Waiting, &one.Pushed, &one.Failed, &one.GivenUp, &pushed, &failed, &one.Error)
		one.PushedAt, one.FailedAt = deref(pushed), deref(failed)
		return one, err
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: subscribers: %w", err)
	}
	return list, nil
}
