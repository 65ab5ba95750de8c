package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// reaper ends commands that have no message any more, so that nothing stays
// processing for ever, and wakes those whose schedule did not fire. One worker
// of the fleet runs it.
type reaper struct {
	reader   postgres.Reader
	operator *postgres.Operator
	conn     *broker.Conn
	log      *zap.Logger
	// grace is how long a command may stand still; longer than any redelivery.
	grace time.Duration
}

// reapPage is how many rows one statement looks at.
const reapPage = 10_000

// run sweeps every interval until ctx ends.
func (r reaper) run(ctx context.Context, interval time.Duration) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if _, err := r.sweep(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("reaper: sweep ended early", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// sweep looks at every delivery once and returns how many it ended.
func (r reaper) sweep(ctx context.Context) (reaped int, err error) {
	var from postgres.Place
	for done := false; !done; {
		var ids []uuid.UUID
		if ids, from, done, err = r.reader.Overdue(ctx, from, reapPage, r.grace); err != nil {
			return reaped, err
		}
		rows, err := r.reader.Rows(ctx, ids)
		if err != nil {
			return reaped, err
		}
		for _, id := range ids {
			row := rows[id]
			ok, err := r.settle(ctx, row)
			if err != nil {
				return reaped, err
			}
			if ok {
				reaped++
			}
		}
	}
	return reaped, nil
}

// settle finds out what became of the message of a row that stands still, and
// reports whether it ended the command because there is none.
func (r reaper) settle(ctx context.Context, row delivery.Row) (reaped bool, err error) {
	refired, err := r.conn.Refire(ctx, row.ID, time.Now().Add(-r.grace))
	if err != nil {
		return false, err
	}
	if refired {
		r.log.Warn("a schedule did not fire at its time and was set anew; was the store of NATS full?",
			zap.Stringer("command_id", row.ID), zap.String("kind", string(row.Kind)), zap.Time("due", row.Due))
		return false, nil
	}
	left, err := r.conn.HasMessage(ctx, row.ID, row.Kind, row.Lane, row.UpdatedAt)
	if err != nil || left {
		return false, err
	}
	ended, reaped, err := r.operator.Reap(ctx, row.ID, row.Version)
	if err != nil || !reaped {
		return false, err
	}
	r.log.Error("a command lost its message and was ended", zap.Stringer("command_id", row.ID),
		zap.String("kind", string(ended.Kind)), zap.String("status", string(ended.Status)))
	return true, nil
}
