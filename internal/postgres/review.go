package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Review leaves a verification that was answered for somebody who waited, and
// that no provider could answer, to a person: its row in manual_review and its
// event in one transaction. A row that stands under the id already stays as it
// is. Either is returned.
func (o *Operator) Review(ctx context.Context, cmd *command.Command, question jsontext.Value, cause *fault.Error) (row delivery.Row, err error) {
	summary, trace := cmd.Payload.Summary(), ""
	if parts := strings.Split(cmd.TraceParent, "-"); len(parts) == 4 {
		trace = parts[1]
	}
	err = o.change(ctx, func(tx pgx.Tx) (err error) {
		tag, err := tx.Exec(ctx, `
INSERT INTO gangway.deliveries (id, kind, lane, status, rank, reason, digest, recipient, error_code, error_message, result, trace_id,
       requested_at, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), nullif($10, ''), $11, nullif($12, ''), now(), now()) ON CONFLICT (id) DO NOTHING`,
			cmd.ID, cmd.Kind, cmd.Lane, delivery.ManualReview, delivery.ManualReview.Rank(), cause.Reason, cmd.Digest[:], summary.Recipient,
			cause.Code, cause.Message, []byte(question), trace)
		if err != nil {
			return err
		}
		if row, err = lockRow(ctx, tx, cmd.ID); err != nil || tag.RowsAffected() == 0 {
			return err
		}
		message, err := o.event(row)
		if err != nil {
			return err
		}
		return put(ctx, tx, row.ID, message)
	})
	if err != nil {
		return row, fmt.Errorf("postgres: review %s: %w", cmd.ID, err)
	}
	return row, nil
}
