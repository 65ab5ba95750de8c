package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// flusher writes batches, one after the other. Its columns keep their memory from
// batch to batch.
type flusher struct {
	*Store
	outcomes outcomeColumns
	claims   claimColumns
}

// run writes batches until the queue is closed and empty.
func (f *flusher) run() {
	for {
		batch := f.queue.take()
		if batch == nil {
			return
		}
		f.write(batch)
		f.queue.landed(batch)
	}
}

// write commits one batch, however long the database is away: an outcome in
// memory is worth more than a fast error. A batch that the database refuses
// because of its data is halved until the row at fault stands alone.
func (f *flusher) write(batch []*op) {
	slices.SortFunc(batch, func(a, b *op) int { return bytes.Compare(a.id[:], b.id[:]) })
	for delay := 50 * time.Millisecond; ; {
		batch = dropAbandoned(batch)
		if len(batch) == 0 {
			return
		}
		err := f.commit(batch)
		switch {
		case err == nil:
			for _, o := range batch {
				o.finish(nil)
			}
			return
		case atFault(err) && len(batch) == 1:
			batch[0].finish(fault.Wrap(fault.Invalid, "postgres", err))
			return
		case atFault(err):
			f.write(slices.Clone(batch[:len(batch)/2]))
			f.write(slices.Clone(batch[len(batch)/2:]))
			return
		case lostRace(err):
			// The other transaction has ended by now: again at once.
		default:
			f.options.Log.Warn("postgres does not take writes; waiting", zap.Int("rows", len(batch)), zap.Error(err))
			rest(batch[0].ctx, delay)
			delay = min(2*delay, 2*time.Second)
		}
	}
}

// rest waits, but no longer than somebody still waits for the batch.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// commit writes records, then claims, in one implicit transaction and one round
// trip, and reads the rows of claims that lost.
func (f *flusher) commit(batch []*op) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var claims, records []*op
	for _, o := range batch {
		o.applied = false
		if o.claim != nil {
			claims = append(claims, o)
		} else {
			records = append(records, o)
		}
	}
	var b pgx.Batch
	f.outcomes.queue(&b, records)
	f.claims.queue(&b, claims, f.options.Worker)
	results := f.pool.SendBatch(ctx, &b)
	unclear, err := f.read(results, records, claims)
	// The implicit transaction commits at the end of the batch: Close reports it.
	if closed := results.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return f.reread(ctx, unclear)
}

func dropAbandoned(batch []*op) []*op {
	return slices.DeleteFunc(batch, func(o *op) bool {
		if o.ctx.Err() == nil {
			return false
		}
		o.finish(o.ctx.Err())
		return true
	})
}

// atFault reports whether the data of a row is to blame: data exception (22) or
// integrity violation (23).
func atFault(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23"))
}

// lostRace reports a serialization failure or a deadlock between two writers.
func lostRace(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}
