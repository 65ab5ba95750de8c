package postgres

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// readResults reads the answers of one batch in the order in which queueRecords
// and queueClaims queued them. It returns what is to be applied once the
// transaction has committed, and the operations whose rows must be read whole:
// those that changed nothing, and those that met an existing row.
func readResults(results pgx.BatchResults, records, claims []*op) (apply []func(), reread []*op, err error) {
	seen := make(map[*op]bool, len(records)+len(claims))
	if len(records) > 0 {
		rows, err := results.Query()
		if err != nil {
			return nil, nil, err
		}
		var (
			rowID     uuid.UUID
			version   int
			status    delivery.Status
			attempts  int
			updated   time.Time
			completed *time.Time
		)
		_, err = pgx.ForEachRow(rows, []any{&rowID, &version, &status, &attempts, &updated, &completed}, func() error {
			o := find(records, rowID)
			seen[o] = true
			recorded := delivery.Recorded{Applied: true, Row: merge(o.record)}
			recorded.Row.Version, recorded.Row.Attempts, recorded.Row.UpdatedAt = version, attempts, updated
			if completed != nil {
				recorded.Row.CompletedAt = *completed
			}
			if status != o.record.Status {
				reread = append(reread, o)
			}
			apply = append(apply, func() { o.recorded = recorded })
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		if err := skipWrites(results, records); err != nil {
			return nil, nil, err
		}
	}
	if len(claims) > 0 {
		rows, err := results.Query()
		if err != nil {
			return nil, nil, err
		}
		var (
			rowID   uuid.UUID
			version int
			updated time.Time
		)
		_, err = pgx.ForEachRow(rows, []any{&rowID, &version, &updated}, func() error {
			o := find(claims, rowID)
			seen[o] = true
			row := newRow(o.claim)
			row.Version, row.UpdatedAt = version, updated
			if version > 1 {
				reread = append(reread, o)
			}
			apply = append(apply, func() { o.claimed = delivery.Claimed{Won: true, Row: row} })
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	for _, o := range slices.Concat(records, claims) {
		if !seen[o] {
			reread = append(reread, o)
		}
	}
	return apply, reread, nil
}

// skipWrites takes the answers of the statements that return no rows.
func skipWrites(results pgx.BatchResults, records []*op) error {
	hasAttempts := slices.ContainsFunc(records, func(o *op) bool { return len(o.record.Attempts) > 0 })
	hasRecipients := slices.ContainsFunc(records, func(o *op) bool { return len(o.record.Recipients) > 0 })
	hasLetters := slices.ContainsFunc(records, func(o *op) bool { return o.record.Letter != nil })
	for _, expected := range []bool{hasAttempts, hasLetters, hasRecipients} {
		if expected {
			if _, err := results.Exec(); err != nil {
				return err
			}
		}
	}
	return nil
}

// reread reads whole rows for operations that need them: a claim that lost or
// met an existing row, a record that another writer was ahead of.
func (s *Store) reread(ctx context.Context, ops []*op) error {
	if len(ops) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(ops))
	for i, o := range ops {
		ids[i] = o.id
	}
	rows, err := s.Rows(ctx, ids)
	if err != nil {
		return err
	}
	for _, o := range ops {
		if o.claim != nil {
			o.claimed.Row = rows[o.id]
		} else {
			o.recorded.Row = rows[o.id]
		}
	}
	return nil
}

// merge is the claimed row as an applied record leaves it.
func merge(r *delivery.Record) delivery.Row {
	row := r.Row
	row.Status, row.Reason = r.Status, r.Reason
	row.ErrorCode, row.ErrorMessage = r.ErrorCode, r.ErrorMessage
	row.Round, row.Due, row.Unsure = r.Round, r.Due, r.Unsure
	for _, column := range []struct {
		to   *string
		from string
	}{{&row.Provider, r.Provider}, {&row.ProviderMessageID, r.ProviderMessageID}, {&row.Subject, r.Subject}} {
		if column.from != "" {
			*column.to = column.from
		}
	}
	if len(r.Result) > 0 {
		row.Result = r.Result
	}
	if r.Next != "" {
		row.ClaimProvider = r.Next
	} else {
		row.Token = uuid.Nil
	}
	return row
}

// find returns the operation on an id; ops are sorted by id.
func find(ops []*op, rowID uuid.UUID) *op {
	i, _ := slices.BinarySearchFunc(ops, rowID, func(o *op, id uuid.UUID) int { return bytes.Compare(o.id[:], id[:]) })
	return ops[i]
}
