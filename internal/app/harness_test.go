package app

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/migrations"
	"github.com/gangwon-portal/gangway/providers"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// plant is a real NATS and a real Postgres with one or more engines over them,
// whose mail providers answer as a test scripts.
type plant struct {
	t        *testing.T
	nats     *testkit.NATSServer
	conn     *broker.Conn
	pool     *pgxpool.Pool
	reader   postgres.Reader
	operator *postgres.Operator
	first    *script
	second   *script
	options  plantOptions
}

type plantOptions struct {
	onUnknown providers.OnUnknown
	retry     pipeline.Retry
	inFlight  int
	lease     time.Duration
	topology  broker.TopologyOptions
	clock     func(url string) string           // gives the database a clock of its own
	handlers  map[command.Kind]pipeline.Handler // beside those of mail and cancel
}

func newPlant(t *testing.T, options plantOptions) *plant {
	t.Helper()
	if options.retry.Base == 0 {
		options.retry = pipeline.Retry{Base: 5 * time.Millisecond, Factor: 2, Cap: 20 * time.Millisecond, Max: 3}
	}
	if options.inFlight == 0 {
		options.inFlight = 16
	}
	if options.lease == 0 {
		options.lease = 15 * time.Second
	}
	p := &plant{t: t, nats: testkit.NATS(t), options: options, first: newScript("first"), second: newScript("second")}
	var err error
	p.conn, err = broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{p.nats.URL()}})
	p.check(err)
	t.Cleanup(p.conn.Close)
	p.check(broker.Provision(t.Context(), p.conn, options.topology))
	url := testkit.PostgresMigrated(t, migrations.FS)
	if options.clock != nil {
		url = options.clock(url)
	}
	p.pool, err = postgres.Connect(t.Context(), url, 8, func(error) {})
	p.check(err)
	t.Cleanup(p.pool.Close)
	p.reader, p.operator = postgres.NewReader(p.pool), newOperator(p.pool)
	return p
}

// start runs an engine and its outbox relay until the test ends or stop is called.
func (p *plant) start() (stop func()) {
	p.t.Helper()
	_, stop = p.startEngine()
	return stop
}

func (p *plant) startEngine() (engine *Engine, stop func()) {
	p.t.Helper()
	log := zaptest.NewLogger(p.t, zaptest.Level(zap.WarnLevel))
	shown := quiet(p.t)
	guard := func(s *script) *providers.Guard[providers.Email] {
		return providers.NewGuard(s, providers.GuardOptions{Sends: true, Timeout: 10 * time.Second, OnUnknown: p.options.onUnknown})
	}
	route := providers.NewRoute(guard(p.first), guard(p.second))
	kinds := map[command.Kind]pipeline.Handler{
		command.EmailSend:      handlers.NewEmail(func() *providers.Route[providers.Email] { return route }, handlers.Messages{}),
		command.DeliveryCancel: handlers.NewCancel(canceller{p.operator, p.conn}),
	}
	maps.Copy(kinds, p.options.handlers)
	ctx, cancel := context.WithCancel(context.Background())
	engine, err := StartEngine(ctx, EngineOptions{
		Worker: uuid.New(), Version: "test", Conn: p.conn, Pool: p.pool, Log: log, Observer: newObserver(shown),
		Handlers: kinds,
		Retry:    func(command.Kind) pipeline.Retry { return p.options.retry },
		InFlight: func(string) int { return p.options.inFlight }, Lease: p.options.lease, Grace: 10 * time.Second,
	})
	p.check(err)
	tasks := newBackground(ctx)
	tasks.start("relay", newRelay(p.pool, engine.Publisher(), unsealed(p.t), shown).Run)
	stop = sync.OnceFunc(func() {
		cancel()
		if err := tasks.stop(); err != nil {
			p.t.Error(err)
		}
		if err := engine.Stop(); err != nil {
			p.t.Error(err)
		}
	})
	p.t.Cleanup(stop)
	return engine, stop
}

// quiet is telemetry that nobody reads.
func quiet(t *testing.T) *Telemetry {
	t.Helper()
	cfg, _, err := config.Load(config.Options{Env: config.Dev, Environ: []string{}, Defaults: map[string]string{"mock": "true"}})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := NewTelemetry(cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

// unsealed seals nothing.
func unsealed(t *testing.T) *letterSeals {
	t.Helper()
	seals, err := newLetterSeals(new(config.Live))
	if err != nil {
		t.Fatal(err)
	}
	return seals
}

// mail publishes an e-mail command and returns its id. Fields are JSON members
// to add.
func (p *plant) mail(id, fields string) uuid.UUID {
	p.t.Helper()
	return p.publish("email.send", id, fmt.Sprintf(`{"id":%q,"to":["kim@example.kr"],"subject":"x","text":"y"%s}`, id, fields))
}

func (p *plant) publish(subject, id, body string) uuid.UUID {
	p.t.Helper()
	_, err := p.conn.JetStream().PublishMsg(p.t.Context(), &nats.Msg{
		Subject: subject, Data: []byte(body), Header: nats.Header{"Nats-Msg-Id": {uuid.NewString()}},
	})
	p.check(err)
	return command.ParseID(id)
}

// await waits until a delivery has one of the statuses and returns its row.
func (p *plant) await(id uuid.UUID, statuses ...delivery.Status) delivery.Row {
	p.t.Helper()
	var row delivery.Row
	testkit.Eventually(p.t, 20*time.Second, func() bool {
		rows, err := p.reader.Rows(p.t.Context(), []uuid.UUID{id})
		p.check(err)
		row = rows[id]
		return slices.Contains(statuses, row.Status)
	}, "%s to be %v", id, statuses)
	return row
}

// drained waits until no stream that feeds the pipeline holds a message.
func (p *plant) drained() {
	p.t.Helper()
	testkit.Eventually(p.t, 20*time.Second, func() bool {
		return p.messages(broker.StreamCommands)+p.messages(broker.StreamScheduled) == 0
	}, "the streams to be empty")
}

// messages counts what a stream holds.
func (p *plant) messages(name string) uint64 {
	p.t.Helper()
	stream, err := p.conn.JetStream().Stream(p.t.Context(), name)
	p.check(err)
	return stream.CachedInfo().State.Msgs
}

// events returns the types of a delivery's events, in order, each id once.
func (p *plant) events(id uuid.UUID) []string {
	p.t.Helper()
	stream, err := p.conn.JetStream().Stream(p.t.Context(), broker.StreamEvents)
	p.check(err)
	consumer, err := stream.OrderedConsumer(p.t.Context(), jetstream.OrderedConsumerConfig{})
	p.check(err)
	var types []string
	seen := map[string]bool{}
	for range stream.CachedInfo().State.Msgs {
		m, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
		p.check(err)
		if event := parseEvent(p.t, m.Data()); event.Subject == id.String() && !seen[event.ID] {
			seen[event.ID] = true
			types = append(types, event.Type)
		}
	}
	return types
}

func (p *plant) attempts(id uuid.UUID) []delivery.Attempt {
	p.t.Helper()
	attempts, err := p.reader.Attempts(p.t.Context(), id)
	p.check(err)
	return attempts
}

func (p *plant) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// script is a provider whose answers a test lays out: one for each call, the
// last one for all further calls.
type script struct {
	name string

	mu      sync.Mutex
	answers []func(ctx context.Context) error
	calls   []providers.Call[providers.Email]
	known   map[uuid.UUID]bool // what the vendor says it has
}

func newScript(name string) *script { return &script{name: name, known: map[uuid.UUID]bool{}} }

func (s *script) Name() string                { return s.name }
func (s *script) Check(context.Context) error { return nil }

func (s *script) Do(ctx context.Context, call providers.Call[providers.Email]) (providers.Answer, error) {
	s.mu.Lock()
	s.calls = append(s.calls, call)
	var answer func(context.Context) error
	if len(s.answers) > 0 {
		answer = s.answers[min(len(s.calls), len(s.answers))-1]
	}
	s.mu.Unlock()
	if answer != nil {
		if err := answer(ctx); err != nil {
			return providers.Answer{}, err
		}
	}
	return providers.Answer{MessageID: fmt.Sprintf("%s-%d", s.name, call.Attempt)}, nil
}

// Confirm implements [providers.Confirmer].
func (s *script) Confirm(_ context.Context, call providers.Call[providers.Email]) (providers.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[call.ID] {
		return providers.Answer{MessageID: "confirmed"}, nil
	}
	return providers.Answer{}, fault.New(fault.NotFound, s.name, "not there")
}

func (s *script) say(answers ...func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers, s.calls = answers, nil
}

// turn is which call, from 0, was that of a command; -1 for none.
func (s *script) turn(id uuid.UUID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.IndexFunc(s.calls, func(c providers.Call[providers.Email]) bool { return c.ID == id })
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

func fine(context.Context) error { return nil }

func fails(reason fault.Reason) func(context.Context) error {
	return func(context.Context) error { return fault.New(reason, "script", "as the test asked") }
}

func waits(reason fault.Reason, after time.Duration) func(context.Context) error {
	return func(context.Context) error {
		return &fault.Error{Reason: reason, Op: "script", Message: "as the test asked", RetryAfter: after}
	}
}

// blocks answers fine once release is closed.
func blocks(release <-chan struct{}) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
