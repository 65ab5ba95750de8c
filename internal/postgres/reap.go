package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// overdueSQL walks the rows in the order of requested_at, a page at a time, and
// returns those that should have moved on by now: held by a worker that is not
// alive, or due and not taken. Whether a message is left for them is the
// caller's to find out.
const overdueSQL = `
WITH page AS (
    SELECT id, requested_at, rank, updated_at, due_at, claimed, claim_worker FROM gangway.deliveries
    WHERE (requested_at, id) > ($1, $2) ORDER BY requested_at, id LIMIT $3
)
SELECT p.id, p.requested_at, p.rank <= 10
       AND p.updated_at < now() - make_interval(secs => $4)
       AND coalesce(p.due_at, p.updated_at) < now() - make_interval(secs => $4)
       AND (NOT p.claimed OR coalesce(w.alive_until < now(), true))
       AND NOT EXISTS (SELECT FROM gangway.outbox o WHERE o.delivery_id = p.id)
FROM page p LEFT JOIN gangway.workers w ON w.id = p.claim_worker
ORDER BY p.requested_at, p.id`

// Place is where a walk over the deliveries has come to.
type Place struct {
	At time.Time
	ID uuid.UUID
}

// Overdue looks at one page of rows after a place and returns the ids that
// should have moved on at least grace ago, and the place of the next page; done
// reports that the walk is at its end.
func (r Reader) Overdue(ctx context.Context, from Place, most int, grace time.Duration) (ids []uuid.UUID, next Place, done bool, err error) {
	rows, err := r.pool.Query(ctx, overdueSQL, from.At, from.ID, most, grace.Seconds())
	if err != nil {
		return nil, from, false, fmt.Errorf("postgres: overdue: %w", err)
	}
	next, seen := from, 0
	var overdue bool
	_, err = pgx.ForEachRow(rows, []any{&next.ID, &next.At, &overdue}, func() error {
		if seen++; overdue {
			ids = append(ids, next.ID)
		}
		return nil
	})
	if err != nil {
		return nil, from, false, fmt.Errorf("postgres: overdue: %w", err)
	}
	return ids, next, seen < most, nil
}

// Reap ends a command that has no message any more: a send that may have been
// made is unknown, everything else a dead letter. The letter has no payload. It
// returns false when the row has moved on meanwhile.
func (o *Operator) Reap(ctx context.Context, target uuid.UUID, version int) (row delivery.Row, reaped bool, err error) {
	err = o.change(ctx, func(tx pgx.Tx) (err error) {
		if row, err = lockRow(ctx, tx, target); err != nil {
			return err
		}
		if row.Version != version || !row.Status.Open() || (row.Token != uuid.Nil && row.OwnerAlive) {
			return nil
		}
		reaped = true
		row.Status, row.Reason = delivery.DeadLettered, fault.Internal
		row.ErrorMessage = "its message is gone: it was removed from the stream before the command ended"
		if row.Kind.Send() && (row.ClaimProvider != "" && row.Token != uuid.Nil || row.Unsure != "") {
			row.Status, row.Reason = delivery.Unknown, fault.UnknownOutcome
			row.ErrorMessage = "its worker died around the call and its message is gone: it may have been sent"
		}
		if err := o.move(ctx, tx, &row); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
INSERT INTO gangway.dead_letters (delivery_id, kind, lane, generation, version, reason, error, provider, recipient, subject, template,
       attempts, trace_id, first_seen)
SELECT id, kind, lane, generation, version, reason, error_message, coalesce(unsure_provider, claim_provider, provider), recipient,
       subject, template, attempts, trace_id, requested_at
FROM gangway.deliveries WHERE id = $1 ON CONFLICT DO NOTHING`, target)
		return err
	})
	if err != nil {
		return row, false, fmt.Errorf("postgres: reap %s: %w", target, err)
	}
	return row, reaped, nil
}
