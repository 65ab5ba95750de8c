package outbox

import (
	"context"
	"time"
)

// backlog is what has piled up while the bus was away, or comes faster than it
// goes.
type backlog struct {
	gone int
	told time.Time // when the last word was given; zero while there is no backlog
	said bool      // something is to be said when it is over
}

// progress tells how a backlog is worked off. Rows that go as they come are none.
func (r *Relay) progress(ctx context.Context, b *backlog, moved int, err error) {
	over := err == nil && moved < r.options.Batch
	switch {
	case ctx.Err() != nil || over && b.told.IsZero():
		return
	case b.told.IsZero():
		b.told = time.Now()
	}
	b.gone += moved
	b.said = b.said || err != nil
	if !over && (moved == 0 || time.Since(b.told) < r.options.BacklogEvery) {
		return
	}
	if over && !b.said {
		*b = backlog{}
		return
	}
	var left int
	if err := r.pool.QueryRow(ctx, `SELECT count(*) FROM gangway.outbox WHERE held_until IS NULL`).Scan(&left); err != nil {
		return // the next batch tells why
	}
	r.options.Backlog(b.gone, left)
	b.told, b.said = time.Now(), true
	if over {
		*b = backlog{}
	}
}
