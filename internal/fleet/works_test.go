package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/migrations"
)

// works is where worker processes work: one NATS, one Postgres, one mail server
// behind the one provider "sink", and a simulator behind "solapi".
type works struct {
	t       *testing.T
	natsURL string
	db      string
	sink    *sink
	pool    *pgxpool.Pool
	js      jetstream.JetStream
	env     []string
}

func newWorks(t *testing.T, natsURL string, env ...string) *works {
	t.Helper()
	w := &works{t: t, natsURL: natsURL, db: testkit.PostgresMigrated(t, migrations.FS), sink: startSink(t), env: env}
	var err error
	if w.pool, err = pgxpool.New(t.Context(), w.db); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.pool.Close)
	conn, err := nats.Connect(natsURL, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if w.js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	return w
}

// worker starts a worker process and waits until it consumes.
func (w *works) worker() *testkit.Process {
	w.t.Helper()
	worker := testkit.Start(w.t, testkit.Program{
		Path: testkit.Build(w.t, "cmd/worker"), Args: []string{"run"}, Dir: w.t.TempDir(),
		Env: append([]string{
			"GANGWAY_NATS_URL=" + w.natsURL, "GANGWAY_POSTGRES_URL=" + w.db, "GANGWAY_POSTGRES_MAX_CONNS=8",
			"GANGWAY_HTTP_ADDR=127.0.0.1:0", "GANGWAY_ADMIN_ADDR=127.0.0.1:0", "GANGWAY_MOCK_IN_PRODUCTION=true",
			"GANGWAY_ROUTES_EMAIL=sink", "GANGWAY_ROUTES_SMS=solapi", "GANGWAY_PROVIDERS_SOLAPI_MODE=mock",
			"GANGWAY_PROVIDERS_SINK_DRIVER=smtp", "GANGWAY_PROVIDERS_SINK_FROM=portal@example.kr",
			"GANGWAY_PROVIDERS_SINK_HOST=127.0.0.1", "GANGWAY_PROVIDERS_SINK_PORT=" + w.sink.port,
			"GANGWAY_PROVIDERS_SINK_TLS=none", "GANGWAY_PROVIDERS_SINK_AUTH=none",
			"GANGWAY_PROVIDERS_SINK_TIMEOUT=5s", "GANGWAY_POOL_EMAIL_SEND=16",
			"GANGWAY_RETRY_EMAIL_SEND_BASE=20ms", "GANGWAY_RETRY_EMAIL_SEND_CAP=100ms",
			"GANGWAY_WORKER_LEADER_LEASE=3s", "GANGWAY_WORKER_HEARTBEAT=500ms", "GANGWAY_WORKER_LEASE=8s",
		}, w.env...),
	})
	worker.WaitOutput(patience, `"worker is ready"`)
	return worker
}

func (w *works) workers(n int) (workers []*testkit.Process) {
	w.t.Helper()
	for range n {
		workers = append(workers, w.worker())
	}
	return workers
}

// admin is the address of a worker's admin listener.
func admin(t *testing.T, worker *testkit.Process) string {
	t.Helper()
	_, after, found := strings.Cut(worker.Output(), `"admin":"`)
	addr, _, ended := strings.Cut(after, `"`)
	if !found || !ended {
		t.Fatal("the worker does not say where its admin listener is")
	}
	return "http://" + addr
}

// publisher runs the program publisher and fails the test when that fails.
func (w *works) publisher(args ...string) string {
	w.t.Helper()
	process := testkit.Start(w.t, testkit.Program{
		Path: testkit.Build(w.t, "cmd/publisher"), Args: args, Dir: w.t.TempDir(),
		Env: []string{"GANGWAY_NATS_URL=" + w.natsURL, "GANGWAY_POSTGRES_URL=" + w.db},
	})
	if code := process.Wait(patience); code != 0 {
		w.t.Fatalf("publisher %v: exit code %d: %s", args, code, process.Output())
	}
	return process.Stdout()
}

// mails publishes n e-mails to a lane, "" for the usual one.
func (w *works) mails(n int, lane string) {
	w.t.Helper()
	for range n {
		w.publish("email.send"+lane, `{"to":["kim@example.kr"],"subject":"접수 안내","text":"신청이 접수되었습니다."}`)
	}
}

func (w *works) publish(subject, body string) uuid.UUID {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	for deadline := time.Now().Add(patience); ; {
		_, err := w.js.Publish(w.t.Context(), subject, []byte(body), jetstream.WithMsgID(id.String()))
		if err == nil {
			return id
		}
		if time.Now().After(deadline) {
			w.t.Fatal(err)
		}
	}
}

// count returns what a query counts.
func (w *works) count(query string, args ...any) int {
	w.t.Helper()
	var n int
	if err := w.pool.QueryRow(w.t.Context(), query, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// reach waits until so many commands of a kind have a status.
func (w *works) reach(kind, status string, n int) {
	w.t.Helper()
	testkit.Eventually(w.t, 2*patience, func() bool {
		return w.count(`SELECT count(*) FROM gangway.delivery_status WHERE kind = $1 AND status = $2`, kind, status) >= n
	}, "%d commands of %s are %s: %s", n, kind, status, w)
}

// String shows how the commands stand.
func (w *works) String() string {
	rows, err := w.pool.Query(w.t.Context(), `SELECT kind || ' ' || status || ' ' || coalesce(reason, ''), count(*) FROM gangway.delivery_status GROUP BY 1`)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var text []string
	for rows.Next() {
		var what string
		var n int
		if err := rows.Scan(&what, &n); err != nil {
			return err.Error()
		}
		text = append(text, fmt.Sprintf("%d %s", n, what))
	}
	return strings.Join(text, ", ")
}

// all waits until every one of workers has written text n times.
func all(t *testing.T, workers []*testkit.Process, n int, text string) {
	t.Helper()
	for i, worker := range workers {
		testkit.Eventually(t, patience, func() bool { return strings.Count(worker.Output(), text) >= n }, "worker %d writes %q %d times", i, text, n)
	}
}
