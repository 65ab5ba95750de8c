package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// viewColumns are the columns of gangway.delivery_status in the order of scanView.
const viewColumns = `d.id, d.kind, d.lane, d.status, coalesce(d.reason, ''), coalesce(d.provider, ''),
    coalesce(d.provider_message_id, ''), coalesce(d.recipient, ''), coalesce(d.subject, ''), coalesce(d.template, ''),
    d.attempts, d.generation, coalesce(d.error_code, ''), coalesce(d.error_message, ''), d.result, d.metadata,
    coalesce(d.correlation_id, ''), coalesce(d.trace_id, ''), d.requested_at, d.send_at, d.updated_at, d.completed_at`

const rowsSQL = `SELECT ` + viewColumns + `,
    d.version, d.digest, d.round, d.due_at, CASE WHEN d.claimed THEN d.claim_token END, d.claim_worker,
    coalesce(d.claim_provider, ''), coalesce(w.alive_until > now(), false), d.dead_intents, d.cancel_requested,
    coalesce(d.unsure_provider, ''), d.unsure_at,
    (SELECT jsonb_agg(jsonb_build_object('address', p.address, 'status', p.status, 'reason', coalesce(p.reason, '')) ORDER BY p.address)
     FROM gangway.delivery_recipients p WHERE p.delivery_id = d.id)
FROM gangway.deliveries d LEFT JOIN gangway.workers w ON w.id = d.claim_worker
WHERE d.id = ANY ($1)`

// Rows reads whole rows by id; unknown ids are absent from the answer.
func (r Reader) Rows(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]delivery.Row, error) {
	rows, err := r.pool.Query(ctx, rowsSQL, ids)
	if err != nil {
		return nil, fmt.Errorf("postgres: rows: %w", err)
	}
	return collectRows(rows)
}

func collectRows(rows pgx.Rows) (map[uuid.UUID]delivery.Row, error) {
	found := map[uuid.UUID]delivery.Row{}
	for rows.Next() {
		var row delivery.Row
		var digest, recipients []byte
		var due, unsureAt *time.Time
		var token, worker *uuid.UUID
		if err := scanView(rows, &row.View, &row.Version, &digest, &row.Round, &due, &token, &worker,
			&row.ClaimProvider, &row.OwnerAlive, &row.DeadIntents, &row.CancelRequested, &row.Unsure, &unsureAt,
			&recipients); err != nil {
			rows.Close()
			return nil, fmt.Errorf("postgres: rows: %w", err)
		}
		copy(row.Digest[:], digest)
		row.Due, row.Token, row.Worker = deref(due), deref(token), deref(worker)
		row.UnsureSince = deref(unsureAt)
		if recipients != nil {
			if err := json.Unmarshal(recipients, &row.Recipients); err != nil {
				rows.Close()
				return nil, fmt.Errorf("postgres: rows: recipients of %s: %w", row.ID, err)
			}
		}
		found[row.ID] = row
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("postgres: rows: %w", err)
	}
	return found, nil
}

// scanView reads viewColumns and whatever columns follow them.
func scanView(row pgx.Row, v *delivery.View, more ...any) error {
	var metadata []byte
	var sendAt, completedAt *time.Time
	targets := append([]any{
		&v.ID, &v.Kind, &v.Lane, &v.Status, &v.Reason, &v.Provider, &v.ProviderMessageID, &v.Recipient, &v.Subject,
		&v.Template, &v.Attempts, &v.Replays, &v.ErrorCode, &v.ErrorMessage, (*[]byte)(&v.Result), &metadata,
		&v.CorrelationID, &v.TraceID, &v.RequestedAt, &sendAt, &v.UpdatedAt, &completedAt,
	}, more...)
	if err := row.Scan(targets...); err != nil {
		return err
	}
	v.SendAt, v.CompletedAt = deref(sendAt), deref(completedAt)
	if metadata != nil {
		return json.Unmarshal(metadata, &v.Metadata)
	}
	return nil
}

func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
