package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Happening is what a provider reported of a delivery, a row of
// gangway.delivery_events.
type Happening struct {
	delivery.Report
	Provider   string
	ReceivedAt time.Time
}

// Happenings reads what was reported of a delivery, in the order of its happening.
func (r Reader) Happenings(ctx context.Context, deliveryID uuid.UUID) ([]Happening, error) {
	rows, err := r.pool.Query(ctx, `
SELECT type, coalesce(status, ''), coalesce(reason, ''), coalesce(error_code, ''), coalesce(message, ''), occurred_at, recipient, provider, received_at
FROM gangway.delivery_events WHERE delivery_id = $1 ORDER BY occurred_at, received_at, event_id`, deliveryID)
	if err != nil {
		return nil, fmt.Errorf("postgres: events of %s: %w", deliveryID, err)
	}
	happened, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h Happening, err error) {
		return h, row.Scan(&h.Type, &h.Status, &h.Reason, &h.Code, &h.Message, &h.At, &h.Recipient, &h.Provider, &h.ReceivedAt)
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: events of %s: %w", deliveryID, err)
	}
	return happened, nil
}
