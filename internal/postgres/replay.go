package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

// pickSQL locks the letters that are still open, and their rows, and says what
// may be done with each. A letter that somebody else settles is passed over.
const pickSQL = `
SELECT l.id, l.delivery_id,
       d.rank >= $2 OR d.rank <= 10 OR d.generation > l.generation OR d.status IN ('unknown', 'manual_review', 'cancelled') AS moved,
       l.payload IS NULL OR l.conflict AS lacking, coalesce(l.headers ? 'Gangway-Wiped', false) AS wiped,
       coalesce(` + sealedKeySQL + `, '') AS key
FROM gangway.dead_letters l JOIN gangway.deliveries d ON d.id = l.delivery_id
WHERE l.id = ANY ($1) AND l.replayed_at IS NULL AND l.discarded_at IS NULL
ORDER BY l.id FOR UPDATE OF l, d SKIP LOCKED`

// replaySQL begins a new generation: the only way back to queued. The message
// leaves through the outbox, under an id of its own; the command keeps its id. A
// sealed body stays sealed until the relay publishes it.
const replaySQL = `
WITH letters AS (
    SELECT DISTINCT ON (delivery_id) id, delivery_id, kind, lane, payload, headers, first_seen
    FROM gangway.dead_letters WHERE id = ANY ($1) ORDER BY delivery_id, id DESC
), rows AS (
    UPDATE gangway.deliveries d SET status = 'queued', rank = 0, generation = d.generation + 1, version = d.version + 1,
        round = 0, dead_intents = 0, claimed = false, cancel_requested = false, unsure_provider = NULL, unsure_at = NULL,
        due_at = NULL, completed_at = NULL, reason = NULL, error_code = NULL, error_message = NULL, updated_at = now()
    FROM letters l WHERE d.id = l.delivery_id RETURNING d.id, d.generation
), sent AS (
    INSERT INTO gangway.outbox (delivery_id, subject, message_id, headers, payload)
    SELECT l.delivery_id, CASE l.lane WHEN 'normal' THEN l.kind ELSE l.kind || '.' || l.lane END,
           l.delivery_id || '.replay.' || r.generation,
           jsonb_strip_nulls(jsonb_build_object('Gangway-Id', l.delivery_id, 'Gangway-Generation', r.generation::text,
               'traceparent', l.headers -> 'traceparent' ->> 0, 'tracestate', l.headers -> 'tracestate' ->> 0,
               'Gangway-Sealed', ` + sealedKeySQL + `)),
           l.payload
    FROM letters l JOIN rows r ON r.id = l.delivery_id
)
UPDATE gangway.dead_letters SET replayed_at = now() WHERE id = ANY ($1)`

// SettleLetters implements [deadletter.Store].
func (o *Operator) SettleLetters(ctx context.Context, action deadletter.Action, numbers []int64, by, note string) (deadletter.Report, error) {
	var report deadletter.Report
	err := o.change(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, pickSQL, numbers, delivery.RankSent)
		if err != nil {
			return err
		}
		picked, err := pgx.CollectRows(rows, pgx.RowToStructByPos[pickedLetter])
		if err != nil {
			return err
		}
		report = deadletter.Report{Skipped: len(numbers) - len(picked)}
		var ready []pickedLetter
		for _, p := range picked {
			switch {
			case p.Moved && action == deadletter.Replay:
				report.Skipped++
			case p.Wiped && action == deadletter.Replay:
				report.Failed, report.Wiped = report.Failed+1, report.Wiped+1
			case p.Lacking && action == deadletter.Replay:
				report.Failed++
			case p.Key != "" && !o.sealer.Knows(p.Key) && action == deadletter.Replay:
				report.Failed, report.Sealed = report.Failed+1, report.Sealed+1
			default:
				ready = append(ready, p)
			}
		}
		report.Done = len(ready)
		if action == deadletter.Replay {
			err = replay(ctx, tx, numbersOf(ready))
		} else {
			err = o.discard(ctx, tx, ready)
		}
		if err != nil {
			return err
		}
		for _, p := range ready {
			if err := audit(ctx, tx, by, "deadletter."+string(action), p.Delivery.String(), map[string]any{"letter": p.Number, "note": note}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return deadletter.Report{}, fmt.Errorf("postgres: %s dead letters: %w", action, err)
	}
	return report, nil
}

type pickedLetter struct {
	Number   int64
	Delivery uuid.UUID
	Moved    bool   // the delivery went on without this letter
	Lacking  bool   // nothing that could be published again
	Wiped    bool   // the values of its sensitive variables are gone
	Key      string // of a sealed body
}

func replay(ctx context.Context, tx pgx.Tx, numbers []int64) error {
	if len(numbers) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, replaySQL, numbers)
	return err
}

// discard closes letters. A delivery that ended with the letter becomes
// discarded; one that has moved on since is left alone.
func (o *Operator) discard(ctx context.Context, tx pgx.Tx, letters []pickedLetter) error {
	for _, l := range letters {
		if _, err := tx.Exec(ctx, `UPDATE gangway.dead_letters SET discarded_at = now() WHERE id = $1`, l.Number); err != nil {
			return err
		}
		if l.Moved {
			continue
		}
		row, err := lockRow(ctx, tx, l.Delivery)
		if err != nil {
			return err
		}
		if row.Status.Rank() >= delivery.Discarded.Rank() {
			continue
		}
		row.Status = delivery.Discarded
		if err := o.move(ctx, tx, &row); err != nil {
			return err
		}
	}
	return nil
}

func numbersOf(letters []pickedLetter) []int64 {
	numbers := make([]int64, len(letters))
	for i, l := range letters {
		numbers[i] = l.Number
	}
	return numbers
}

var _ deadletter.Store = (*Operator)(nil)
