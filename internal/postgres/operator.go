package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/outbox"
)

// Operator changes deliveries for people: cancel, replay, discard, settle. Each
// change, its event and its audit row are one transaction; the event leaves
// through the outbox.
type Operator struct {
	Reader
	event func(delivery.Row) (outbox.Message, error)
}

// NewOperator returns an operator on pool; event makes the message that tells of
// a row.
func NewOperator(pool *pgxpool.Pool, event func(delivery.Row) (outbox.Message, error)) *Operator {
	return &Operator{Reader: NewReader(pool), event: event}
}

// Sealed makes the operator open sealed letters, and returns it.
func (o *Operator) Sealed(sealer Sealer) *Operator {
	o.sealer = sealer
	return o
}

// CancelOutcome is what a cancellation achieved.
type CancelOutcome string

// The outcomes of Cancel.
const (
	CancelDone      CancelOutcome = "cancelled"
	CancelRequested CancelOutcome = "requested" // in flight: takes effect unless it is sent
	CancelAhead     CancelOutcome = "recorded"  // not known yet: refused when it comes
	CancelTooLate   CancelOutcome = "too_late"
)

// Cancel stops what has not been sent yet and returns the row as it then stands
// (zero when the id is not known). It may be repeated.
func (o *Operator) Cancel(ctx context.Context, target uuid.UUID, reason string) (CancelOutcome, delivery.Row, error) {
	var outcome CancelOutcome
	var row delivery.Row
	err := o.change(ctx, func(tx pgx.Tx) (err error) {
		// A tombstone for an id that is not known; the command is refused when it comes.
		tag, err := tx.Exec(ctx, `
INSERT INTO gangway.deliveries (id, kind, status, rank, reason, error_message, requested_at, asked_at, completed_at)
VALUES ($1, '', 'cancelled', $2, 'cancelled', nullif($3, ''), now(), now(), now()) ON CONFLICT (id) DO NOTHING`,
			target, delivery.Cancelled.Rank(), reason)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 1 {
			outcome = CancelAhead
			return nil
		}
		if row, err = lockRow(ctx, tx, target); err != nil {
			return err
		}
		switch {
		case row.Status == delivery.Cancelled:
			outcome = CancelDone
			return nil
		case row.Status.Open() && row.Token != uuid.Nil:
			outcome = CancelRequested
			_, err = tx.Exec(ctx, `UPDATE gangway.deliveries SET cancel_requested = true WHERE id = $1`, target)
			return err
		case row.Status.Open() && row.Unsure == "" || row.Status == delivery.ManualReview:
			outcome = CancelDone
			row.Status, row.Reason, row.ErrorMessage = delivery.Cancelled, fault.Cancelled, reason
			return o.move(ctx, tx, &row)
		default:
			outcome = CancelTooLate
			return nil
		}
	})
	if err != nil {
		return "", row, fmt.Errorf("postgres: cancel %s: %w", target, err)
	}
	return outcome, row, nil
}

// SettleUnknown records what a person found out about an unknown outcome: it was
// sent, or it was not and is sent again. A delivery that is not unknown is an
// invalid fault.
func (o *Operator) SettleUnknown(ctx context.Context, target uuid.UUID, sent bool, by, note string) (delivery.Row, error) {
	var row delivery.Row
	err := o.change(ctx, func(tx pgx.Tx) (err error) {
		if row, err = lockRow(ctx, tx, target); err != nil {
			return err
		}
		if row.Status != delivery.Unknown {
			return fault.New(fault.Invalid, "", "the outcome of %s is not unknown: it is %s", target, row.Status)
		}
		if sent {
			row.Status, row.Reason, row.ErrorCode, row.ErrorMessage = delivery.Sent, fault.None, "", ""
			if err := o.move(ctx, tx, &row); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `UPDATE gangway.dead_letters SET discarded_at = now()
				WHERE delivery_id = $1 AND replayed_at IS NULL AND discarded_at IS NULL`, target)
		} else {
			err = o.sendAgain(ctx, tx, target)
			row.Status, row.Replays = delivery.Queued, row.Replays+1
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, by, "unknown.settle", target.String(), map[string]any{"sent": sent, "note": note})
	})
	if err != nil {
		return row, fmt.Errorf("postgres: settle %s: %w", target, err)
	}
	return row, nil
}

// sendAgain replays the newest letter of a delivery.
func (o *Operator) sendAgain(ctx context.Context, tx pgx.Tx, target uuid.UUID) error {
	var number int64
	var key string
	err := tx.QueryRow(ctx, `SELECT l.id, coalesce(`+sealedKeySQL+`, '') FROM gangway.dead_letters l
		WHERE delivery_id = $1 AND payload IS NOT NULL AND NOT conflict AND replayed_at IS NULL AND discarded_at IS NULL
		ORDER BY id DESC LIMIT 1 FOR UPDATE`, target).Scan(&number, &key)
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.NotFound, "", "no payload of %s is left; publish the command anew under another id", target)
	}
	if err != nil {
		return err
	}
	if key != "" && !o.sealer.Knows(key) {
		return fault.New(fault.Refused, "", "the body of %s is sealed under key %s, which is not known here: set GANGWAY_SECRETS_KEY to the secrets key of the workers", target, key)
	}
	return replay(ctx, tx, []int64{number})
}

// move commits a decided row: forward in rank, one version on, with its event.
func (o *Operator) move(ctx context.Context, tx pgx.Tx, row *delivery.Row) error {
	err := tx.QueryRow(ctx, `
UPDATE gangway.deliveries SET status = $2, rank = $3, reason = nullif($4, ''), error_code = nullif($5, ''),
       error_message = nullif($6, ''), claimed = false, due_at = NULL, version = version + 1, updated_at = now(),
       completed_at = coalesce(completed_at, now())
WHERE id = $1 RETURNING version, updated_at, completed_at`,
		row.ID, row.Status, row.Status.Rank(), row.Reason, row.ErrorCode, row.ErrorMessage,
	).Scan(&row.Version, &row.UpdatedAt, &row.CompletedAt)
	if err != nil {
		return err
	}
	message, err := o.event(*row)
	if err != nil {
		return err
	}
	return put(ctx, tx, row.ID, message)
}

func (o *Operator) change(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, o.pool, f)
}

// lockRow reads a row whole and keeps others from changing it until the
// transaction ends.
func lockRow(ctx context.Context, tx pgx.Tx, target uuid.UUID) (delivery.Row, error) {
	rows, err := tx.Query(ctx, rowsSQL+` FOR UPDATE OF d`, []uuid.UUID{target})
	if err != nil {
		return delivery.Row{}, err
	}
	found, err := collectRows(rows)
	if err != nil {
		return delivery.Row{}, err
	}
	row, ok := found[target]
	if !ok {
		return row, fault.New(fault.NotFound, "", "no delivery has the id %s", target)
	}
	return row, nil
}

// Keep commits a message about a command into the outbox, for whoever could not
// publish it.
func (o *Operator) Keep(ctx context.Context, id uuid.UUID, m outbox.Message) error {
	err := o.change(ctx, func(tx pgx.Tx) error { return put(ctx, tx, id, m) })
	if err != nil {
		return fmt.Errorf("postgres: keep %s: %w", m.Subject, err)
	}
	return nil
}

// put writes a message into the outbox.
func put(ctx context.Context, tx pgx.Tx, deliveryID uuid.UUID, m outbox.Message) error {
	headers, err := json.Marshal(m.Headers, json.Deterministic(true))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO gangway.outbox (delivery_id, subject, message_id, headers, payload) VALUES ($1, $2, $3, $4, $5)`,
		deliveryID, m.Subject, m.ID, headers, m.Payload)
	return err
}

// audit writes down who did what to which target.
func audit(ctx context.Context, tx pgx.Tx, by, action, target string, detail map[string]any) error {
	text, err := json.Marshal(detail, json.Deterministic(true))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO gangway.audit_log (actor, action, target, detail) VALUES ($1, $2, $3, $4)`, by, action, target, text)
	return err
}
