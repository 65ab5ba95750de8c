package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Adopt implements [pipeline.Store]: the tombstone of a cancellation becomes the
// row of the command that has come after it.
func (s *Store) Adopt(ctx context.Context, cmd *command.Command) (delivery.Row, error) {
	row := newRow(&delivery.Claim{Command: cmd})
	_, err := s.pool.Exec(ctx, `
UPDATE gangway.deliveries SET kind = $2, lane = $3, digest = $4, recipient = nullif($5, ''), subject = nullif($6, ''),
       template = nullif($7, ''), metadata = nullif($8, '')::jsonb, correlation_id = nullif($9, ''), trace_id = nullif($10, ''),
       requested_at = $11, version = version + 1, updated_at = now()
WHERE id = $1 AND kind = ''`,
		cmd.ID, cmd.Kind, row.Lane, cmd.Digest[:], row.Recipient, row.Subject, row.Template, metadataJSON(row.Metadata),
		row.CorrelationID, row.TraceID, row.RequestedAt)
	if err != nil {
		return row, fmt.Errorf("postgres: adopt %s: %w", cmd.ID, err)
	}
	rows, err := s.Rows(ctx, []uuid.UUID{cmd.ID})
	if err != nil {
		return row, err
	}
	return rows[cmd.ID], nil
}

// Conflict implements [pipeline.Store].
func (s *Store) Conflict(ctx context.Context, l delivery.Letter) error {
	kept := s.seal(l.ID, delivery.LetterContent{Body: l.Body, Headers: l.Headers})
	_, err := s.pool.Exec(ctx, `
INSERT INTO gangway.dead_letters (delivery_id, kind, lane, generation, version, reason, error, recipient, attempts, trace_id,
       payload, headers, conflict, first_seen)
VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''), 0, nullif($9, ''), $10, $11::text::jsonb, true, $12)
ON CONFLICT DO NOTHING`,
		l.ID, l.Kind, l.Lane, l.Row.Replays, l.Row.Version, l.Reason, l.Error, l.Row.Recipient, l.Row.TraceID,
		kept.Body, headersJSON(kept.Headers), l.FirstSeen)
	if err != nil {
		return fmt.Errorf("postgres: conflict %s: %w", l.ID, err)
	}
	return nil
}
