package app

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
)

// TestUrgentOvertakesBulk: high is taken before what waits in the other lanes,
// and bulk never fills the pool.
func TestUrgentOvertakesBulk(t *testing.T) {
	p := newPlant(t, plantOptions{inFlight: 8})
	p.first.say(func(ctx context.Context) error { return sleepFor(ctx, 20*time.Millisecond) })
	const bulk = 1000
	for i := range bulk {
		id := fmt.Sprintf("bulk-%d", i)
		p.publish("email.send.bulk", id, fmt.Sprintf(`{"id":%q,"to":["kim@example.kr"],"subject":"x","text":"y"}`, id))
	}
	p.start()
	testkit.Eventually(t, 10*time.Second, func() bool { return p.first.count() > 20 })
	high := p.publish("email.send.high", "urgent", `{"id":"urgent","to":["kim@example.kr"],"subject":"x","text":"y"}`)
	before := p.first.count()
	p.await(high, delivery.Sent)
	// In calls, not in seconds: how long it takes shows the benchmark.
	if turn := p.first.turn(high); turn < 0 || turn > before+100 || turn > bulk/2 {
		t.Errorf("called as number %d, published when %d had been called", turn, before)
	}
}

func sleepFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestDeadWorkersClaimIsRecovered: the worker dies between its intent and its
// record. A send follows on_unknown; nothing is sent a second time silently.
func TestDeadWorkersClaimIsRecovered(t *testing.T) {
	p := newPlant(t, plantOptions{onUnknown: providers.Hold, topology: broker.TopologyOptions{AckWait: time.Second}})
	cmd, err := command.Decode(command.EmailSend, command.Normal, []byte(`{"id":"orphan","to":["kim@example.kr"],"subject":"x","text":"y"}`),
		command.Source{Timestamp: time.Now()})
	p.check(err)
	gone := postgres.NewStore(p.pool, postgres.Options{Worker: uuid.New()})
	p.check(gone.Register(t.Context(), "test", time.Millisecond))
	claimed, err := gone.Claim(t.Context(), delivery.Claim{Command: cmd, Token: uuid.New(), Provider: "first", Status: delivery.Processing})
	p.check(err)
	gone.Close()
	if !claimed.Won {
		t.Fatalf("%+v", claimed)
	}
	p.start()
	id := p.mail("orphan", "")
	row := p.await(id, delivery.Unknown)
	attempts := p.attempts(id)
	if p.first.count()+p.second.count() != 0 || len(attempts) != 1 || attempts[0].Outcome != "unknown" || row.Reason != fault.UnknownOutcome {
		t.Errorf("%d calls, attempts %+v, %+v", p.first.count(), attempts, row.View)
	}
}

// TestReaperEndsWhatHasNoMessage: a command whose message is gone does not stay
// processing for ever.
func TestReaperEndsWhatHasNoMessage(t *testing.T) {
	p := newPlant(t, plantOptions{})
	insert := func(id, claimed string) uuid.UUID {
		target := command.ParseID(id)
		_, err := p.pool.Exec(t.Context(), `INSERT INTO gangway.deliveries (id, kind, status, rank, claimed, claim_token, claim_worker, claim_provider,
			requested_at, asked_at, updated_at, digest) VALUES ($1, 'email.send', $2, 10, $2 = 'processing', gen_random_uuid(), gen_random_uuid(),
			'first', now() - interval '1 hour', now(), now() - interval '1 hour', '\x00')`, target, claimed)
		p.check(err)
		return target
	}
	called, waiting := insert("called", "processing"), insert("waiting", "retrying")
	r := reaper{reader: p.reader, operator: p.operator, conn: p.conn, log: zap.NewNop(), grace: time.Minute}
	if n, err := r.sweep(t.Context()); err != nil || n != 2 {
		t.Fatalf("%d reaped, %v", n, err)
	}
	if row := p.await(called, delivery.Unknown); row.Reason != fault.UnknownOutcome {
		t.Errorf("%+v", row.View)
	}
	if row := p.await(waiting, delivery.DeadLettered); row.Reason != fault.Internal {
		t.Errorf("%+v", row.View)
	}
	if n, err := r.sweep(t.Context()); err != nil || n != 0 {
		t.Errorf("a second sweep reaps %d, %v", n, err)
	}
	// One whose message still waits is left alone, however long it stands.
	p.mail("kept", "")
	kept := insert("kept", "retrying")
	_, err := p.pool.Exec(t.Context(), `UPDATE gangway.deliveries SET updated_at = now() WHERE id = $1`, kept)
	p.check(err)
	r.grace = 100 * time.Millisecond
	testkit.Eventually(t, 10*time.Second, func() bool {
		overdue, _, _, err := p.reader.Overdue(t.Context(), postgres.Place{}, reapPage, r.grace)
		return err == nil && slices.Contains(overdue, kept)
	}, "it to stand still for too long")
	if n, err := r.sweep(t.Context()); err != nil || n != 0 {
		t.Errorf("a command with a message is reaped: %d, %v", n, err)
	}
	commands, err := p.conn.JetStream().Stream(t.Context(), broker.StreamCommands)
	p.check(err)
	p.check(commands.Purge(t.Context()))
	if n, err := r.sweep(t.Context()); err != nil || n != 1 {
		t.Errorf("without its message it is not reaped: %d, %v", n, err)
	}
}

// TestPoisonEndsAsALetter: a message that the broker gave up on is settled from
// the advisory.
func TestPoisonEndsAsALetter(t *testing.T) {
	p := newPlant(t, plantOptions{})
	id := p.mail("poison", "")
	consumer, err := p.conn.JetStream().Consumer(t.Context(), broker.StreamCommands, broker.ConsumerName(command.EmailSend, command.Normal))
	p.check(err)
	for range 21 {
		messages, err := consumer.Fetch(1, jetstream.FetchMaxWait(500*time.Millisecond))
		p.check(err)
		for m := range messages.Messages() {
			p.check(m.Nak())
		}
	}
	p.start()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	store := postgres.NewStore(p.pool, postgres.Options{Worker: uuid.New()})
	p.check(store.Register(t.Context(), "test", time.Minute))
	publisher, err := broker.NewPublisher(p.conn, broker.PublisherOptions{})
	p.check(err)
	path := pipeline.New(store, broker.NewOutlet(p.conn, publisher), map[command.Kind]pipeline.Handler{command.EmailSend: handlers.NewCancel(nil)},
		pipeline.Options{Observer: newObserver(quiet(t)), Retry: func(command.Kind) pipeline.Retry { return p.options.retry }})
	go func() {
		done <- p.conn.WatchExhausted(ctx, func(ctx context.Context, e *broker.Exhausted) error { return path.Process(ctx, e) })
	}()
	row := p.await(id, delivery.DeadLettered)
	if row.Reason != fault.Internal || p.first.count() != 0 {
		t.Errorf("%+v after %d calls", row.View, p.first.count())
	}
	p.drained()
	stop()
	p.check(<-done)
	store.Close()
	p.check(publisher.Close())
}
