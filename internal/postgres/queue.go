package postgres

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// op is one claim or record that waits for its COMMIT.
type op struct {
	ctx    context.Context
	id     uuid.UUID
	claim  *delivery.Claim
	record *delivery.Record

	// The answer, once done is closed: whether the row was changed, and the row as
	// it then stands.
	applied bool
	row     delivery.Row
	err     error
	done    chan struct{}
}

func (o *op) finish(err error) {
	o.err = err
	close(o.done)
}

// queue hands out batches in which every id stands once: a statement may not
// touch a row twice, and two flushers that hold the same ids could wait for each
// other. A second operation on an id waits for the next batch.
type queue struct {
	most int

	mu      sync.Mutex
	ready   sync.Cond
	waiting []*op
	flying  map[uuid.UUID]struct{} // ids in batches being written
	closed  bool
}

func newQueue(most int) *queue {
	q := &queue{most: most, flying: map[uuid.UUID]struct{}{}}
	q.ready.L = &q.mu
	return q
}

func (q *queue) push(o *op) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.waiting = append(q.waiting, o)
	q.ready.Signal()
	return nil
}

// take waits for work and returns the next batch; nil when the queue is closed
// and empty.
func (q *queue) take() []*op {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if batch := q.pick(); len(batch) > 0 {
			return batch
		}
		if q.closed && len(q.waiting) == 0 {
			return nil
		}
		q.ready.Wait()
	}
}

func (q *queue) pick() []*op {
	var batch []*op
	rest := q.waiting[:0]
	for _, o := range q.waiting {
		_, busy := q.flying[o.id]
		switch {
		case o.ctx.Err() != nil:
			o.finish(o.ctx.Err())
		case busy || len(batch) == q.most:
			rest = append(rest, o)
		default:
			q.flying[o.id] = struct{}{}
			batch = append(batch, o)
		}
	}
	clear(q.waiting[len(rest):])
	q.waiting = rest
	return batch
}

// landed frees the ids of a written batch and wakes whoever waits for them.
func (q *queue) landed(batch []*op) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, o := range batch {
		delete(q.flying, o.id)
	}
	q.ready.Broadcast()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}
