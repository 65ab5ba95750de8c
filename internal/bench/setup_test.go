// Package bench measures Gangway on this machine, beside the raw ceiling of the
// same machine, so that every figure has a ratio. It has tests only.
package bench

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/app"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/devstack"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// stack is an embedded NATS with file storage and a durable Postgres.
type stack struct {
	conn                 *broker.Conn
	pool                 *pgxpool.Pool
	natsURL, postgresURL string
}

func startStack(b *testing.B) stack {
	b.Helper()
	ctx := b.Context()
	dir, err := devstack.Ephemeral()
	check(b, err)
	server, err := devstack.StartNATS(ctx, dir, devstack.NATSOptions{Port: devstack.AnyPort})
	check(b, err)
	database, err := devstack.StartPostgres(ctx, dir, devstack.PostgresOptions{Port: devstack.AnyPort})
	check(b, err)
	conn, err := broker.Connect(ctx, broker.ConnectOptions{URLs: []string{server.URL()}, Log: zap.NewNop()})
	check(b, err)
	check(b, broker.Provision(ctx, conn, broker.TopologyOptions{}))
	pool, err := postgres.Connect(ctx, database.URL(), 8, func(error) {})
	check(b, err)
	migrator, err := postgres.Migrator(pool)
	check(b, err)
	_, err = migrator.Up(ctx)
	check(b, err)
	b.Cleanup(func() {
		pool.Close()
		conn.Close()
		check(b, database.Close())
		server.Close()
		check(b, dir.Close())
	})
	return stack{conn: conn, pool: pool, natsURL: server.URL(), postgresURL: database.URL()}
}

// noop is a provider that takes everything at once, or after a while.
type noop struct {
	takes time.Duration
	calls atomic.Int64
	saw   func(providers.Call[providers.Email])
}

func (n *noop) Name() string                { return "noop" }
func (n *noop) Check(context.Context) error { return nil }

func (n *noop) Do(ctx context.Context, call providers.Call[providers.Email]) (providers.Answer, error) {
	n.calls.Add(1)
	if n.saw != nil {
		n.saw(call)
	}
	if n.takes > 0 {
		select {
		case <-time.After(n.takes):
		case <-ctx.Done():
			return providers.Answer{}, ctx.Err()
		}
	}
	return providers.Answer{MessageID: call.ID.String()}, nil
}

// watch counts committed final statuses and how long they took.
type watch struct {
	settled atomic.Int64
	took    func(time.Duration)
	saw     func(delivery.Row)
}

func (w *watch) Began(command.Kind) {}
func (w *watch) Ended(command.Kind) {}
func (w *watch) Settled(_ context.Context, row delivery.Row) {
	if w.took != nil {
		w.took(time.Since(row.RequestedAt))
	}
	if w.saw != nil {
		w.saw(row)
	}
	w.settled.Add(1)
}
func (w *watch) FailedOver(context.Context, delivery.Failover)            {}
func (w *watch) Trouble(context.Context, *command.Command, string, error) {}

func startEngine(b *testing.B, s stack, provider *noop, inFlight int, w *watch) *app.Engine {
	b.Helper()
	return startEngineWith(b, s, provider, resilience.Limit{}, inFlight, w)
}

func startEngineWith(b *testing.B, s stack, provider *noop, limit resilience.Limit, inFlight int, w *watch) *app.Engine {
	app.TuneMemory()
	b.Helper()
	route := providers.NewRoute(providers.NewGuard(provider, providers.GuardOptions{Sends: true, Limit: limit, Fleet: join(b, s)}))
	suppressions := postgres.NewSuppressions(s.pool)
	b.Cleanup(suppressions.Close)
	engine, err := app.StartEngine(b.Context(), app.EngineOptions{
		Worker: uuid.New(), Version: "bench", Conn: s.conn, Pool: s.pool, Observer: w, Log: zap.NewNop(),
		Handlers: map[command.Kind]pipeline.Handler{
			command.EmailSend: handlers.NewEmail(func() *providers.Route[providers.Email] { return route }, handlers.Messages{Suppressions: suppressions}),
		},
		Retry: func(command.Kind) pipeline.Retry {
			return pipeline.Retry{Base: time.Second, Factor: 2, Cap: time.Minute, Max: 3}
		},
		InFlight: func(string) int { return inFlight }, Lease: 15 * time.Second, Grace: 30 * time.Second,
	})
	check(b, err)
	return engine
}

const body = `{"id":"%s","to":["kim@example.kr"],"from":"portal@gangwon.kr","subject":"접수 안내",` +
	`"text":"신청이 접수되었습니다. 접수번호 2026-0042","metadata":{"case":"2026-0042"}}`

// publish sends n e-mail commands asynchronously and waits for all futures.
func publish(b *testing.B, s stack, n int) {
	b.Helper()
	publishOn(b, s, "email.send", n, func(int) string { return "" })
}

// publishOn is publish in any lane, with the JSON members that more returns.
func publishOn(b *testing.B, s stack, subject string, n int, more func(i int) string) {
	b.Helper()
	js, err := jetstream.New(s.conn.NATS(), jetstream.WithPublishAsyncMaxPending(8192))
	check(b, err)
	futures := make([]jetstream.PubAckFuture, 0, n)
	for i := range n {
		id := uuid.Must(uuid.NewV7()).String()
		text := strings.TrimSuffix(fmt.Sprintf(body, id), "}") + more(i) + "}"
		future, err := js.PublishMsgAsync(&nats.Msg{Subject: subject, Data: []byte(text), Header: nats.Header{"Nats-Msg-Id": {id}}},
			jetstream.WithStallWait(time.Minute))
		check(b, err)
		futures = append(futures, future)
	}
	for _, future := range futures {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			b.Fatal(err)
		}
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func awaitCount(b *testing.B, count *atomic.Int64, n int64) {
	b.Helper()
	deadline := time.After(2 * time.Minute)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for count.Load() < n {
		select {
		case <-look.C:
		case <-deadline:
			b.Fatalf("%d of %d after two minutes", count.Load(), n)
		}
	}
}
