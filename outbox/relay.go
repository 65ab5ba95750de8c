package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Message is one row of the outbox on its way to the bus.
type Message struct {
	Seq     int64
	Subject string
	// ID is the Nats-Msg-Id, the same each time the row is published.
	ID      string
	Headers map[string]string
	Payload []byte
	// Age is how long the row had waited when it was taken.
	Age time.Duration
}

// Publish sends messages and returns one error each, nil where the stream has
// acknowledged. ErrUnreachable means that the bus is away: nothing is wrong with
// the message.
type Publish func(ctx context.Context, messages []Message) []error

// ErrUnreachable is wrapped by errors of [Publish] that pass by themselves.
var ErrUnreachable = errors.New("outbox: the bus is not reachable")

// RelayOptions say how a relay works; zero values mean the defaults.
type RelayOptions struct {
	// Batch is how many rows one transaction takes; default 500.
	Batch int
	// Poll is how often the table is looked at without being notified; default 1 s.
	Poll time.Duration
	// Hold is how long a row that the stream refused waits; default 30 s.
	Hold time.Duration
	// Relayed is told after each batch how many rows went and how long it took.
	Relayed func(rows int, took time.Duration)
	// Waited is told of each row how long it took until the stream had it.
	Waited func(time.Duration)
	// Backlog is told how many rows have gone and how many are left, every
	// BacklogEvery (default 5 s) while a backlog is worked off, and once when no more
	// is to be had; another relay may still hold what is left then.
	Backlog      func(gone, left int)
	BacklogEvery time.Duration
	// Trouble is told of what went wrong; the relay goes on.
	Trouble func(error)
}

// Relay moves committed rows to the bus. Any number of relays share one table:
// each takes rows that no other holds.
type Relay struct {
	pool    *pgxpool.Pool
	publish Publish
	options RelayOptions
}

// NewRelay returns a relay; Run runs it.
func NewRelay(pool *pgxpool.Pool, publish Publish, options RelayOptions) *Relay {
	if options.Batch <= 0 {
		options.Batch = 500
	}
	if options.Poll <= 0 {
		options.Poll = time.Second
	}
	if options.Hold <= 0 {
		options.Hold = 30 * time.Second
	}
	if options.Relayed == nil {
		options.Relayed = func(int, time.Duration) {}
	}
	if options.Waited == nil {
		options.Waited = func(time.Duration) {}
	}
	if options.Backlog == nil {
		options.Backlog = func(int, int) {}
	}
	if options.BacklogEvery <= 0 {
		options.BacklogEvery = 5 * time.Second
	}
	if options.Trouble == nil {
		options.Trouble = func(error) {}
	}
	return &Relay{pool: pool, publish: publish, options: options}
}

// Run relays until ctx ends. It sleeps on LISTEN, with a poll as the fallback,
// and slows down while database or bus are away.
func (r *Relay) Run(ctx context.Context) error {
	woken := make(chan struct{}, 1)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		r.listen(ctx, woken)
	}()
	defer func() { <-listening }()
	pause := r.options.Poll
	var behind backlog
	for {
		moved, err := r.batch(ctx)
		r.progress(ctx, &behind, moved, err)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			r.options.Trouble(err)
			pause = min(2*pause, 10*time.Second)
		case moved == r.options.Batch:
			pause = r.options.Poll
			continue // more is waiting
		default:
			pause = r.options.Poll
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-woken:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// batch takes rows, publishes them, and deletes what the stream acknowledged, in
// one transaction. Ended in between, the rows are published again with the same
// id, which the delivery row recognises.
func (r *Relay) batch(ctx context.Context) (int, error) {
	started := time.Now()
	tx, err := r.pool.Begin(ctx)
	if err != nil {
		return 0, fmt.Errorf("outbox: relay: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	messages, err := r.take(ctx, tx)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	var gone, held []int64
	var reasons []string
	var unreachable error
	for i, err := range r.publish(ctx, messages) {
		switch {
		case err == nil:
			r.options.Waited(messages[i].Age + time.Since(started))
			gone = append(gone, messages[i].Seq)
		case errors.Is(err, ErrUnreachable) || ctx.Err() != nil:
			unreachable = err
		default:
			held, reasons = append(held, messages[i].Seq), append(reasons, err.Error())
		}
	}
	// What was acknowledged must leave the table even when ctx has ended by now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if _, err := tx.Exec(ctx, `DELETE FROM gangway.outbox WHERE seq = ANY ($1)`, gone); err != nil {
		return 0, fmt.Errorf("outbox: relay: %w", err)
	}
	if len(held) > 0 {
		_, err := tx.Exec(ctx, `UPDATE gangway.outbox o SET held_until = now() + make_interval(secs => $3), error = h.error
			FROM unnest($1::bigint[], $2::text[]) AS h (seq, error) WHERE o.seq = h.seq`, held, reasons, r.options.Hold.Seconds())
		if err != nil {
			return 0, fmt.Errorf("outbox: relay: %w", err)
		}
		r.options.Trouble(fmt.Errorf("outbox: relay: %d rows were refused and wait, the first because: %s", len(held), reasons[0]))
	}
	if err := tx.Commit(ctx); err != nil {
		return 0, fmt.Errorf("outbox: relay: %w", err)
	}
	if len(gone) > 0 {
		r.options.Relayed(len(gone), time.Since(started))
	}
	return len(gone), unreachable
}

func (r *Relay) take(ctx context.Context, tx pgx.Tx) ([]Message, error) {
	rows, err := tx.Query(ctx, `
SELECT seq, subject, message_id, headers, payload, extract(epoch FROM clock_timestamp() - created_at)::float8
FROM gangway.outbox WHERE held_until IS NULL OR held_until <= now()
ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED`, r.options.Batch)
	if err != nil {
		return nil, fmt.Errorf("outbox: relay: %w", err)
	}
	messages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Message, err error) {
		var headers []byte
		var age float64
		if err := row.Scan(&m.Seq, &m.Subject, &m.ID, &headers, &m.Payload, &age); err != nil {
			return m, err
		}
		m.Age = time.Duration(max(0, age) * float64(time.Second))
		if headers != nil {
			err = json.Unmarshal(headers, &m.Headers)
		}
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: relay: %w", err)
	}
	return messages, nil
}

// listen wakes the relay on each notification; on a lost connection it wakes it
// once more and listens anew.
func (r *Relay) listen(ctx context.Context, woken chan<- struct{}) {
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	for ctx.Err() == nil {
		_ = r.listenOnce(ctx, wake) // the poll goes on meanwhile
		wake()
		timer := time.NewTimer(r.options.Poll)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (r *Relay) listenOnce(ctx context.Context, wake func()) error {
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// A connection that listens does not go back to the pool.
	owned := conn.Hijack()
	defer func() { _ = owned.Close(context.WithoutCancel(ctx)) }()
	if _, err := owned.Exec(ctx, `LISTEN gangway_outbox`); err != nil {
		return err
	}
	wake() // for rows that came before anybody listened
	for {
		if _, err := owned.WaitForNotification(ctx); err != nil {
			return err
		}
		wake()
	}
}
