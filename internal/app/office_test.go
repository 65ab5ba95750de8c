package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// office is the whole worker in mock mode over a real NATS and a real Postgres.
type office struct {
	t           *testing.T
	postgresURL string
	nats        *testkit.NATSServer
	conn        *broker.Conn
	pool        *pgxpool.Pool
	reader      postgres.Reader
	sim         *simulator.Simulator
	running     Running
	log         *journal
}

// journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// newOffice runs a worker until the test ends. env are variables of its
// environment, without the prefix.
func newOffice(t *testing.T, env ...string) *office { return openOffice(t, officeOptions{env: env}) }

type officeOptions struct {
	env     []string
	file    string // of the configuration; "" for none
	hangups <-chan os.Signal
}

func openOffice(t *testing.T, options officeOptions) *office {
	t.Helper()
	o := &office{t: t, postgresURL: testkit.PostgresFrom(t, "migrated by the worker", migrated), log: new(journal), nats: testkit.NATS(t)}
	environ := []string{
		"NATS_URL=" + o.nats.URL(), "POSTGRES_URL=" + o.postgresURL, "HTTP_ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0",
		"RETRY_EMAIL_BASE=5ms", "RETRY_SMS_BASE=5ms", "LOG_FORMAT=json",
	}
	environ = append(environ, options.env...)
	for i := range environ {
		environ[i] = "GANGWAY_" + environ[i]
	}
	for _, pair := range os.Environ() {
		if strings.HasPrefix(pair, "OTEL_") {
			environ = append(environ, pair)
		}
	}
	load := loads(config.Options{
		Env: config.Dev, Dir: t.TempDir(), File: options.file, Environ: environ, Defaults: map[string]string{"mock": "true"},
	})
	cfg, origins, err := load(config.Overrides{})
	o.check(err)
	shown, err := NewTelemetry(cfg, o.log)
	o.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan Running, 1), make(chan error, 1)
	go func() {
		ended <- RunWorker(ctx, WorkerOptions{
			Config: cfg, Origins: origins, Telemetry: shown, Reload: load, Hangups: options.hangups, Ready: func(r Running) { ready <- r },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	select {
	case running := <-ready:
		o.sim, o.running = running.Simulator, running
	case err := <-ended:
		ended <- nil
		t.Fatalf("worker: %v\n%s", err, o.log)
	}
	o.conn, err = broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{o.nats.URL()}})
	o.check(err)
	t.Cleanup(o.conn.Close)
	o.pool, err = pgxpool.New(t.Context(), o.postgresURL)
	o.check(err)
	t.Cleanup(o.pool.Close)
	o.reader = postgres.NewReader(o.pool)
	return o
}

// migrated applies the migrations as a worker does.
func migrated(ctx context.Context, url string) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := postgres.Migrator(pool)
	if err != nil {
		return err
	}
	defer func() { _ = migrator.Close() }()
	_, err = migrator.Up(ctx)
	return err
}

// publish sends one command and returns its id.
func (o *office) publish(subject, body string) uuid.UUID {
	o.t.Helper()
	id := uuid.NewString()
	_, err := o.conn.JetStream().PublishMsg(o.t.Context(), &nats.Msg{Subject: subject, Data: []byte(body), Header: nats.Header{"Nats-Msg-Id": {id}}})
	o.check(err)
	return command.ParseID(id)
}

// await waits until a delivery has one of the statuses and returns its row.
func (o *office) await(id uuid.UUID, statuses ...delivery.Status) delivery.Row {
	o.t.Helper()
	var row delivery.Row
	testkit.Eventually(o.t, 30*time.Second, func() bool {
		rows, err := o.reader.Rows(o.t.Context(), []uuid.UUID{id})
		o.check(err)
		row = rows[id]
		return slices.Contains(statuses, row.Status)
	}, "%s is not %v but %+v", id, statuses, &row)
	return row
}

// calls are the providers that were called for a delivery, with what came of it.
func (o *office) calls(id uuid.UUID) []string {
	o.t.Helper()
	attempts, err := o.reader.Attempts(o.t.Context(), id)
	o.check(err)
	calls := []string{}
	for _, a := range attempts {
		calls = append(calls, strings.TrimSpace(fmt.Sprintf("%s %s %s", a.Provider, a.Outcome, a.Reason)))
	}
	return calls
}

// received are the messages that the simulator has for an address or number.
func (o *office) received(to string) (found []simulator.Received) {
	for _, message := range o.sim.Inbox().List() {
		if slices.Contains(message.To, to) {
			found = append(found, message)
		}
	}
	return found
}

// messages returns what a stream holds, on subjects that begin so.
func (o *office) messages(stream, subject string) []*jetstream.RawStreamMsg {
	o.t.Helper()
	s, err := o.conn.JetStream().Stream(o.t.Context(), stream)
	o.check(err)
	var all []*jetstream.RawStreamMsg
	state := s.CachedInfo().State
	if state.Msgs == 0 {
		return nil
	}
	for sequence := state.FirstSeq; sequence <= state.LastSeq; sequence++ {
		m, err := s.GetMsg(o.t.Context(), sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		o.check(err)
		if strings.HasPrefix(m.Subject, subject) {
			all = append(all, m)
		}
	}
	return all
}

// keeps lists where a text is stored: tables, streams, the log.
func (o *office) keeps(text string) (where []string) {
	o.t.Helper()
	rows, err := o.pool.Query(o.t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'gangway'`)
	o.check(err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	o.check(err)
	for _, table := range tables {
		var found bool
		// A bytea is shown in hexadecimal digits.
		query := fmt.Sprintf(`SELECT EXISTS (SELECT FROM gangway.%s t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, $2) > 0)`, pgx.Identifier{table}.Sanitize())
		o.check(o.pool.QueryRow(o.t.Context(), query, text, hex.EncodeToString([]byte(text))).Scan(&found))
		if found {
			where = append(where, "table "+table)
		}
	}
	for name := range o.conn.JetStream().StreamNames(o.t.Context()).Name() {
		for _, m := range o.messages(name, "") {
			if strings.Contains(string(m.Data)+fmt.Sprint(m.Header), text) {
				where = append(where, "stream "+name+" "+m.Subject)
			}
		}
	}
	if strings.Contains(o.log.String(), text) {
		where = append(where, "log")
	}
	return where
}

// publisher runs the program publisher against the office.
func (o *office) publisher(args ...string) (code int, out, errs string) {
	o.t.Helper()
	var stdout, stderr bytes.Buffer
	args = append(args, "--postgres-url", o.postgresURL)
	code = cli.Run(o.t.Context(), args, strings.NewReader(""), &stdout, &stderr, PublisherBackends())
	return code, stdout.String(), stderr.String()
}

func (o *office) check(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}
