package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/outbox"
)

// CompleteManually ends the verification that entry names with what a person
// found out: row, entry, event and audit row in one transaction. result is made
// of the row while nobody else can change it. It is a not_found fault for an
// unknown id and a refused one for a delivery that does not wait for a person;
// the same command may complete it again.
func (o *Operator) CompleteManually(ctx context.Context, entry delivery.ManualEntry, result func(delivery.Row) (jsontext.Value, error)) (delivery.Row, error) {
	var row delivery.Row
	err := o.change(ctx, func(tx pgx.Tx) (err error) {
		if row, err = lockRow(ctx, tx, entry.DeliveryID); err != nil {
			return err
		}
		if row.Kind == command.BusinessVerify && row.Status == delivery.Completed {
			if done, err := o.completedBy(ctx, tx, entry); done || err != nil {
				return err
			}
		}
		if row.Kind != command.BusinessVerify || row.Status != delivery.ManualReview {
			return fault.New(fault.Refused, "", "%s does not wait for a person: it is a %s in status %s", entry.DeliveryID, row.Kind, row.Status)
		}
		value, err := result(row)
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `UPDATE gangway.deliveries SET result = $2 WHERE id = $1`, row.ID, value); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
INSERT INTO gangway.manual_entries (delivery_id, command_id, registration_number, result, entered_by, note)
VALUES ($1, $2, $3::jsonb #>> '{company,registration_number}', $3, $4, nullif($5, ''))
ON CONFLICT (delivery_id) DO UPDATE SET command_id = excluded.command_id, result = excluded.result, entered_by = excluded.entered_by,
    note = excluded.note, entered_at = excluded.entered_at, contradicted_at = NULL, contradiction = NULL`,
			entry.DeliveryID, entry.CommandID, value, entry.EnteredBy, entry.Note)
		if err != nil {
			return err
		}
		row.Result, row.Status = value, delivery.Completed
		row.Reason, row.ErrorCode, row.ErrorMessage = fault.None, "", ""
		if err := o.move(ctx, tx, &row); err != nil {
			return err
		}
		return audit(ctx, tx, entry.EnteredBy, "business.complete", entry.DeliveryID.String(), map[string]any{"note": entry.Note})
	})
	if err != nil {
		return row, fmt.Errorf("postgres: complete %s: %w", entry.DeliveryID, err)
	}
	return row, nil
}

// completedBy reports whether this very command completed the delivery before.
func (o *Operator) completedBy(ctx context.Context, tx pgx.Tx, entry delivery.ManualEntry) (done bool, err error) {
	err = tx.QueryRow(ctx, `SELECT command_id = $2 FROM gangway.manual_entries WHERE delivery_id = $1`, entry.DeliveryID, entry.CommandID).Scan(&done)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return done, err
}

// OpenEntries returns what was entered about a number and not contradicted yet.
func (r Reader) OpenEntries(ctx context.Context, number string) ([]delivery.ManualEntry, error) {
	rows, err := r.pool.Query(ctx, `
SELECT delivery_id, command_id, registration_number, result, entered_by, coalesce(note, ''), entered_at
FROM gangway.manual_entries WHERE registration_number = $1 AND contradicted_at IS NULL ORDER BY entered_at`, number)
	if err != nil {
		return nil, fmt.Errorf("postgres: manual entries: %w", err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e delivery.ManualEntry, err error) {
		return e, row.Scan(&e.DeliveryID, &e.CommandID, &e.RegistrationNumber, (*[]byte)(&e.Result), &e.EnteredBy, &e.Note, &e.EnteredAt)
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: manual entries: %w", err)
	}
	return entries, nil
}

// Contradict marks an entry as contradicted and puts message, which tells of it,
// into the outbox, in one transaction. Of several callers one does it.
func (o *Operator) Contradict(ctx context.Context, c delivery.Contradiction, message outbox.Message) error {
	detail, err := json.Marshal(struct {
		Differs []string       `json:"differs"`
		Answer  jsontext.Value `json:"answer"`
	}{c.Differs, c.Answer})
	if err != nil {
		return fmt.Errorf("postgres: contradict: %w", err)
	}
	err = o.change(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE gangway.manual_entries SET contradicted_at = $2, contradiction = $3
			WHERE delivery_id = $1 AND command_id = $4 AND contradicted_at IS NULL`, c.Entry.DeliveryID, c.At, detail, c.Entry.CommandID)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return put(ctx, tx, c.Entry.DeliveryID, message)
	})
	if err != nil {
		return fmt.Errorf("postgres: contradict %s: %w", c.Entry.DeliveryID, err)
	}
	return nil
}

// Audit writes down what somebody did outside the database.
func (o *Operator) Audit(ctx context.Context, by, action, target string, detail any) error {
	text, err := json.Marshal(detail, json.Deterministic(true))
	if err == nil {
		_, err = o.pool.Exec(ctx, `INSERT INTO gangway.audit_log (actor, action, target, detail) VALUES ($1, $2, $3, $4)`, by, action, target, text)
	}
	if err != nil {
		return fmt.Errorf("postgres: audit %s: %w", action, err)
	}
	return nil
}
