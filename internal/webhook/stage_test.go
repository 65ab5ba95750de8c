package webhook_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/gangwon-portal/gangway/internal/app"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/internal/webhook"
	"github.com/gangwon-portal/gangway/outbox"
)

// stage is an engine that processes webhooks and nothing else; the deliveries
// that they speak of are put into the database by hand.
type stage struct {
	t       *testing.T
	conn    *broker.Conn
	pool    *pgxpool.Pool
	reports *postgres.Reports
	reader  postgres.Reader
}

func newStage(t *testing.T, park time.Duration) *stage {
	t.Helper()
	s := newRows(t)
	server := testkit.NATS(t)
	var err error
	s.conn, err = broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{server.URL()}})
	s.check(err)
	t.Cleanup(s.conn.Close)
	s.check(broker.Provision(t.Context(), s.conn, broker.TopologyOptions{}))
	source := webhook.NewStandard([]string{secret}, time.Minute)
	engine, err := app.StartEngine(t.Context(), app.EngineOptions{
		Worker: uuid.New(), Version: "test", Conn: s.conn, Pool: s.pool, Log: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)), Observer: silent{},
		Handlers: map[command.Kind]pipeline.Handler{command.WebhookProcess: webhook.NewProcessor(
			func(provider string) (webhook.Source, bool) { return source, provider == "mail" }, s.reports, webhook.ProcessorOptions{Park: park})},
		Retry: func(command.Kind) pipeline.Retry {
			return pipeline.Retry{Base: 5 * time.Millisecond, Factor: 2, Cap: 20 * time.Millisecond, Max: 3}
		},
		InFlight: func(string) int { return 16 }, Lease: 15 * time.Second, Grace: 5 * time.Second,
	})
	s.check(err)
	t.Cleanup(func() { s.check(engine.Stop()) })
	return s
}

// newRows is a stage without the engine.
func newRows(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t}
	var err error
	s.pool, err = postgres.Connect(t.Context(), testkit.PostgresFrom(t, "migrated", migrated), 8, func(error) {})
	s.check(err)
	t.Cleanup(s.pool.Close)
	s.reader = postgres.NewReader(s.pool)
	s.reports = postgres.NewReports(s.pool, func(row delivery.Row) (outbox.Message, error) {
		return outbox.Message{Subject: "event." + string(row.Kind) + "." + string(row.Status), ID: fmt.Sprintf("%s.%d", row.ID, row.Version), Payload: []byte("{}")}, nil
	}, func(_ string, body []byte, _ int) string { return string(body) })
	return s
}

type silent struct{}

func (silent) Began(command.Kind)                                       {}
func (silent) Ended(command.Kind)                                       {}
func (silent) Settled(context.Context, delivery.Row)                    {}
func (silent) FailedOver(context.Context, delivery.Failover)            {}
func (silent) Trouble(context.Context, *command.Command, string, error) {}

func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) exec(sql string, args ...any) {
	s.t.Helper()
	_, err := s.pool.Exec(context.Background(), sql, args...)
	s.check(err)
}

// row puts a delivery into the database.
func (s *stage) row(id uuid.UUID, status delivery.Status, recipient string) uuid.UUID {
	s.t.Helper()
	s.exec(`INSERT INTO gangway.deliveries (id, kind, status, rank, recipient, requested_at, asked_at) VALUES ($1, 'email.send', $2, $3, $4, now(), now())
		ON CONFLICT (id) DO UPDATE SET status = excluded.status, rank = excluded.rank`, id, status, status.Rank(), recipient)
	return id
}

// attempt records a call that was answered with a message id.
func (s *stage) attempt(id uuid.UUID, generation int, messageID string) {
	s.t.Helper()
	s.exec(`INSERT INTO gangway.delivery_attempts (delivery_id, attempt, round, generation, provider, endpoint, outcome, provider_message_id, duration_ms, started_at)
		VALUES ($1, $2, 1, $3, 'mail', 'smtp', 'ok', $4, 1, now())`, id, generation+1, generation, messageID)
}

func (s *stage) look(id uuid.UUID) delivery.Row {
	s.t.Helper()
	rows, err := s.reader.Rows(context.Background(), []uuid.UUID{id})
	s.check(err)
	return rows[id]
}

func (s *stage) await(id uuid.UUID, status delivery.Status) delivery.Row {
	s.t.Helper()
	testkit.Eventually(s.t, 15*time.Second, func() bool { return s.look(id).Status == status }, "%s to be %s", id, status)
	return s.look(id)
}

// event publishes a webhook and returns the id of its command.
func (s *stage) event(id, event string) uuid.UUID {
	s.t.Helper()
	m, err := webhook.NewMessage("mail", delivery.Notice{EventID: id, Event: []byte(event)}, nil, time.Now().Format(time.RFC3339))
	s.check(err)
	_, err = s.conn.JetStream().PublishMsg(s.t.Context(), &nats.Msg{Subject: string(command.WebhookProcess), Data: m.Body, Header: nats.Header{jetstream.MsgIDHeader: {m.ID}}})
	s.check(err)
	return command.ParseID(m.ID)
}

func (s *stage) count(sql string, args ...any) (n int) {
	s.t.Helper()
	s.check(s.pool.QueryRow(context.Background(), sql, args...).Scan(&n))
	return n
}

// apply hands reports to the book, as one notice.
func (s *stage) apply(eventID string, reports ...delivery.Report) delivery.Applied {
	s.t.Helper()
	applied, err := s.reports.Apply(context.Background(), delivery.Received{
		Notice: delivery.Notice{EventID: eventID, Event: []byte(`{}`)}, ID: command.ParseID(eventID), Provider: "mail", ReceivedAt: time.Now(),
	}, reports)
	s.check(err)
	return applied
}

// replayed publishes what the outbox holds for the command stream, as its relay
// would.
func (s *stage) replayed() {
	s.t.Helper()
	var payload []byte
	var id, generation string
	s.check(s.pool.QueryRow(s.t.Context(), `DELETE FROM gangway.outbox WHERE subject = 'webhook.process'
		RETURNING payload, headers ->> 'Gangway-Id', headers ->> 'Gangway-Generation'`).Scan(&payload, &id, &generation))
	_, err := s.conn.JetStream().PublishMsg(s.t.Context(), &nats.Msg{Subject: string(command.WebhookProcess), Data: payload, Header: nats.Header{
		broker.HeaderID: {id}, broker.HeaderGeneration: {generation},
	}})
	s.check(err)
}
