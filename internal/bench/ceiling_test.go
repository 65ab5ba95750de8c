package bench

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
)

// ceiling is what this machine can do with none of our code: asynchronous
// publishing, one pull consumer, two batched writes a command, acknowledgement
// after the commit. claim and record are the writes; each gets the ids of a
// batch, and rows its further arguments.
type ceiling struct {
	claim, record, attempts string
	rows                    func(n int) []any
}

// narrow writes two small columns; product fills the product's own tables with the
// same values, which come over the wire row by row as those of real commands do.
var (
	narrow = ceiling{
		claim:  `INSERT INTO narrow (id, status) SELECT unnest($1::uuid[]), 'processing' ON CONFLICT (id) DO UPDATE SET status = excluded.status`,
		record: `UPDATE narrow SET status = 'sent', updated_at = now() FROM unnest($1::uuid[]) AS r (id) WHERE narrow.id = r.id`,
	}
	product = ceiling{
		claim: `INSERT INTO gangway.deliveries AS d (id, kind, lane, status, rank, generation, digest, attempts, claimed, claim_token, claim_worker,
		            claim_provider, recipient, subject, metadata, trace_id, requested_at, asked_at)
		        SELECT c.id, c.kind, 'normal', 'processing', 10, 0, c.digest, 1, true,
		            c.id, c.id, c.provider, c.recipient, c.subject, c.metadata, c.trace_id, c.at, c.at
		        FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::text[], $9::timestamptz[])
		            AS c (id, kind, digest, provider, recipient, subject, metadata, trace_id, at)
		        ON CONFLICT (id) DO UPDATE SET version = d.version + 1`,
		record: `UPDATE gangway.deliveries AS d SET status = 'sent', rank = 40, provider = 'noop', provider_message_id = d.id::text, claimed = false,
		            version = d.version + 1, updated_at = now(), completed_at = now()
		        FROM unnest($1::uuid[]) AS r (id) WHERE d.id = r.id`,
		attempts: `INSERT INTO gangway.delivery_attempts (delivery_id, attempt, round, generation, provider, endpoint, outcome, duration_ms, started_at)
		        SELECT a.id, 1, 1, 0, 'noop', 'smtp', 'ok', 0, now() FROM unnest($1::uuid[]) AS a (id) ON CONFLICT DO NOTHING`,
		rows: func(n int) []any {
			return []any{
				slices.Repeat([]string{"email.send"}, n), slices.Repeat([][]byte{make([]byte, 32)}, n), slices.Repeat([]string{"noop"}, n),
				slices.Repeat([]string{"kim@example.kr"}, n), slices.Repeat([]string{"접수 안내"}, n), slices.Repeat([]string{`{"case":"2026-0042"}`}, n),
				slices.Repeat([]string{"0af7651916cd43dd8448eb211c80319c"}, n), slices.Repeat([]time.Time{time.Now()}, n),
			}
		},
	}
)

// BenchmarkCeiling: the raw ceilings of this machine, commands a second.
func BenchmarkCeiling(b *testing.B) {
	const n = 60_000
	for _, c := range []struct {
		name string
		ceiling
	}{{"narrow", narrow}, {"product", product}} {
		b.Run(c.name, func(b *testing.B) {
			s := startStack(b)
			_, err := s.pool.Exec(b.Context(), `CREATE TABLE narrow (id uuid PRIMARY KEY, status text NOT NULL, updated_at timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 70)`)
			check(b, err)
			var done atomic.Int64
			stop := c.consume(b, s, &done)
			publish(b, s, 2000)
			awaitCount(b, &done, 2000)
			for b.Loop() {
				before := done.Load()
				started := time.Now()
				publish(b, s, n)
				awaitCount(b, &done, before+n)
				b.ReportMetric(n/time.Since(started).Seconds(), "commands/s")
			}
			stop()
		})
	}
}

func (c ceiling) consume(b *testing.B, s stack, done *atomic.Int64) (stop func()) {
	consumer, err := s.conn.JetStream().Consumer(b.Context(), "GANGWAY_COMMANDS", broker.ConsumerName(command.EmailSend, command.Normal))
	check(b, err)
	messages := make(chan jetstream.Msg, 2048)
	consuming, err := consumer.Consume(func(m jetstream.Msg) { messages <- m }, jetstream.PullMaxMessages(2048))
	check(b, err)
	var flushers sync.WaitGroup
	for range 2 {
		flushers.Go(func() {
			for first := range messages {
				batch := []jetstream.Msg{first}
				for len(batch) < 500 && len(messages) > 0 {
					batch = append(batch, <-messages)
				}
				ids := make([]uuid.UUID, len(batch))
				for i, m := range batch {
					ids[i] = uuid.MustParse(m.Headers().Get("Nats-Msg-Id"))
				}
				check(b, c.write(s, ids))
				for _, m := range batch {
					check(b, m.Ack())
				}
				done.Add(int64(len(batch)))
			}
		})
	}
	return func() {
		consuming.Drain()
		<-consuming.Closed()
		close(messages)
		flushers.Wait()
	}
}

// write commits twice, as a command is committed twice: before its call and
// after it.
func (c ceiling) write(s stack, ids []uuid.UUID) error {
	args := []any{ids}
	if c.rows != nil {
		args = append(args, c.rows(len(ids))...)
	}
	if _, err := s.pool.Exec(context.Background(), c.claim, args...); err != nil {
		return err
	}
	var batch pgx.Batch
	batch.Queue(c.record, ids)
	if c.attempts != "" {
		batch.Queue(c.attempts, ids)
	}
	return s.pool.SendBatch(context.Background(), &batch).Close()
}
