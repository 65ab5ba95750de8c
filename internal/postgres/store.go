// Package postgres is the only package beside outbox that speaks SQL: the
// batched store of claims and records, and the queries of operators.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Options say how a store writes.
type Options struct {
	// Worker is the owner that claims are made for.
	Worker uuid.UUID
	// Flushers write batches at the same time; default 2. Measured: one flusher
	// waits for its own commits, four contend for the same pages.
	Flushers int
	// MaxBatch bounds the rows of one flush; default 500.
	MaxBatch int
	// Sealer encrypts the bodies of dead letters; nil leaves them readable.
	Sealer Sealer
	Log    *zap.Logger
}

// Store commits claims and records in batches. A caller waits for the COMMIT
// that carries its row; whatever waits when a flusher becomes free is the next
// batch, so an idle system answers at once and a loaded one batches by itself.
type Store struct {
	Reader
	options Options
	queue   *queue
	flush   sync.WaitGroup

	sign atomic.Pointer[sign] // nil before [Store.Register]
}

// ErrClosed is returned for claims and records after Close.
var ErrClosed = errors.New("postgres: store is closed")

// NewStore starts the flushers; Close stops them.
func NewStore(pool *pgxpool.Pool, options Options) *Store {
	if options.Flushers == 0 {
		options.Flushers = 2
	}
	if options.MaxBatch == 0 {
		options.MaxBatch = 500
	}
	if options.Log == nil {
		options.Log = zap.NewNop()
	}
	s := &Store{Reader: NewReader(pool), options: options, queue: newQueue(options.MaxBatch)}
	if options.Sealer != nil {
		s.sealer = options.Sealer
	}
	for range options.Flushers {
		s.flush.Go((&flusher{Store: s}).run)
	}
	return s
}

// Claim implements [pipeline.Store]: it returns after COMMIT, with the row as it
// then stands and whether this claim holds it.
func (s *Store) Claim(ctx context.Context, claim delivery.Claim) (delivery.Claimed, error) {
	op := &op{id: claim.Command.ID, claim: &claim, done: make(chan struct{})}
	if err := s.wait(ctx, op); err != nil {
		return delivery.Claimed{}, fmt.Errorf("postgres: claim %s: %w", claim.Command.ID, err)
	}
	return delivery.Claimed{Won: op.applied, Row: op.row}, nil
}

// Record implements [pipeline.Store]: it returns after COMMIT, with the row as
// it then stands and whether this record changed it.
func (s *Store) Record(ctx context.Context, record *delivery.Record) (delivery.Recorded, error) {
	if record.Letter != nil {
		sealed := *record
		sealed.Letter = s.seal(record.Row.ID, *record.Letter)
		record = &sealed
	}
	op := &op{id: record.Row.ID, record: record, done: make(chan struct{})}
	if err := s.wait(ctx, op); err != nil {
		return delivery.Recorded{}, fmt.Errorf("postgres: record %s: %w", record.Row.ID, err)
	}
	return delivery.Recorded{Applied: op.applied, Row: op.row}, nil
}

// Close flushes what waits, stops the flushers and refuses further work.
func (s *Store) Close() {
	s.queue.close()
	s.flush.Wait()
}

// wait queues an operation until it is committed or ctx ends. An operation that
// is being written when ctx ends may still be committed; its token makes a later
// repeat harmless.
func (s *Store) wait(ctx context.Context, op *op) error {
	op.ctx = ctx
	if err := s.queue.push(op); err != nil {
		return err
	}
	select {
	case <-op.done:
		return op.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
