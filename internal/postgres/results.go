package postgres

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// read reads the answers of one batch in the order in which the statements were
// queued. It returns the operations whose rows must be read whole: those that
// changed nothing, and those that met an existing row.
func (f *flusher) read(results pgx.BatchResults, records, claims []*op) (unclear []*op, err error) {
	if len(records) > 0 {
		if unclear, err = readRecords(results, records); err != nil {
			return nil, err
		}
		if err := f.outcomes.skip(results); err != nil {
			return nil, err
		}
	}
	if len(claims) > 0 {
		met, err := readClaims(results, claims)
		if err != nil {
			return nil, err
		}
		unclear = append(unclear, met...)
	}
	for _, o := range slices.Concat(records, claims) {
		if !o.applied {
			unclear = append(unclear, o)
		}
	}
	return unclear, nil
}

// readRecords takes the rows that records have changed, and returns the records
// that a cancellation or a provider's report has changed in turn.
func readRecords(results pgx.BatchResults, records []*op) (unclear []*op, err error) {
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	var (
		rowID              pgtype.UUID
		version, attempts  int
		status             string
		updated, completed pgtype.Timestamptz
		cancel             bool
	)
	_, err = pgx.ForEachRow(rows, []any{&rowID, &version, &status, &attempts, &updated, &completed, &cancel}, func() error {
		o := find(records, rowID.Bytes)
		o.applied = true
		merge(&o.row, o.record)
		o.row.Version, o.row.Attempts, o.row.UpdatedAt, o.row.CompletedAt = version, attempts, updated.Time, completed.Time
		o.row.CancelRequested = cancel
		if delivery.Status(status) != o.record.Status {
			unclear = append(unclear, o)
		}
		return nil
	})
	return unclear, err
}

// readClaims takes the rows that claims hold now, and returns the claims that met
// an existing row.
func readClaims(results pgx.BatchResults, claims []*op) (unclear []*op, err error) {
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	var (
		rowID   pgtype.UUID
		version int
		updated pgtype.Timestamptz
	)
	_, err = pgx.ForEachRow(rows, []any{&rowID, &version, &updated}, func() error {
		o := find(claims, rowID.Bytes)
		o.applied, o.row.Version, o.row.UpdatedAt = true, version, updated.Time
		if version > 1 {
			unclear = append(unclear, o)
		}
		return nil
	})
	return unclear, err
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
		o.row = rows[o.id]
	}
	return nil
}

// merge makes row the claimed row as an applied record leaves it.
func merge(row *delivery.Row, r *delivery.Record) {
	*row = r.Row
	row.Status, row.Reason = r.Status, r.Reason
	row.ErrorCode, row.ErrorMessage = r.ErrorCode, r.ErrorMessage
	row.Round, row.Due, row.Unsure = r.Round, r.Due, r.Unsure
	row.Provider = cmp.Or(r.Provider, row.Provider)
	row.ProviderMessageID = cmp.Or(r.ProviderMessageID, row.ProviderMessageID)
	row.Subject = cmp.Or(r.Subject, row.Subject)
	if len(r.Result) > 0 {
		row.Result = r.Result
	}
	if r.Next != "" {
		row.ClaimProvider = r.Next
	} else {
		row.Token = uuid.Nil
	}
}

// find returns the operation on an id; ops are sorted by id.
func find(ops []*op, rowID uuid.UUID) *op {
	i, _ := slices.BinarySearchFunc(ops, rowID, func(o *op, id uuid.UUID) int { return bytes.Compare(o.id[:], id[:]) })
	return ops[i]
}
