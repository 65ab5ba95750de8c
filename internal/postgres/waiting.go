package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// OpenReason counts the open dead letters of one reason.
type OpenReason struct {
	Reason fault.Reason `json:"reason"`
	Count  int          `json:"count"`
	Oldest time.Time    `json:"oldest_at"`
}

// OpenReasons counts the open dead letters, the most frequent reason first.
func (r Reader) OpenReasons(ctx context.Context) ([]OpenReason, error) {
	rows, err := r.pool.Query(ctx, `SELECT reason, count(*), min(created_at) FROM gangway.dead_letters
WHERE replayed_at IS NULL AND discarded_at IS NULL GROUP BY reason ORDER BY count(*) DESC, reason`)
	if err != nil {
		return nil, fmt.Errorf("postgres: open reasons: %w", err)
	}
	reasons, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OpenReason])
	if err != nil {
		return nil, fmt.Errorf("postgres: open reasons: %w", err)
	}
	return reasons, nil
}
