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

// run writes batches until the queue is closed and empty.
func (s *Store) run() {
	for {
		batch := s.queue.take()
		if batch == nil {
			return
		}
		s.write(batch)
		s.queue.landed(batch)
	}
}

// write commits one batch, however long the database is away: an outcome in
// memory is worth more than a fast error. A batch that the database refuses
// because of its data is halved until the row at fault stands alone.
func (s *Store) write(batch []*op) {
	slices.SortFunc(batch, func(a, b *op) int { return bytes.Compare(a.id[:], b.id[:]) })
	for delay := 50 * time.Millisecond; ; {
		batch = dropAbandoned(batch)
		if len(batch) == 0 {
			return
		}
		err := s.commit(batch)
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
			s.write(slices.Clone(batch[:len(batch)/2]))
			s.write(slices.Clone(batch[len(batch)/2:]))
			return
		case lostRace(err):
			// The other transaction has ended by now: again at once.
		default:
			s.options.Log.Warn("postgres does not take writes; waiting", zap.Int("rows", len(batch)), zap.Error(err))
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
func (s *Store) commit(batch []*op) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var claims, records []*op
	for _, o := range batch {
		if o.claim != nil {
			claims = append(claims, o)
		} else {
			records = append(records, o)
		}
	}
	var b pgx.Batch
	queueRecords(&b, records)
	queueClaims(&b, claims, s.options.Worker)
	results := s.pool.SendBatch(ctx, &b)
	apply, lost, err := readResults(results, records, claims)
	// The implicit transaction commits at the end of the batch: Close reports it.
	if closed := results.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	for _, fill := range apply {
		fill()
	}
	return s.reread(ctx, lost)
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
