package e2e

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// patience bounds every wait; reaching it is a failure.
const patience = 30 * time.Second

// place is where workers work: a NATS and a database of their own, and the mail
// server behind their one provider, "sink".
type place struct {
	t    *testing.T
	nats *testkit.NATSServer
	db   string // connection string
	mail *mailServer

	pool *pgxpool.Pool
	js   jetstream.JetStream
}

func newPlace(t *testing.T) *place {
	t.Helper()
	return newPlaceOver(t, testkit.NATS(t), migrated(t))
}

func newPlaceOver(t *testing.T, server *testkit.NATSServer, db string) *place {
	t.Helper()
	return &place{t: t, nats: server, db: db, mail: newMailServer(t)}
}

// in is the same place for a subtest.
func (p *place) in(t *testing.T) *place {
	p.jetstream() // they last as long as the place
	p.database()
	sub := *p
	sub.t = t
	return &sub
}

// migrated is the URL of a new database in which `worker migrate up` has run.
func migrated(t *testing.T) string {
	t.Helper()
	worker := testkit.Build(t, "cmd/worker")
	return testkit.PostgresFrom(t, "migrated", func(_ context.Context, url string) error {
		migrate := testkit.Start(t, testkit.Program{Path: worker, Args: []string{"migrate", "up"}, Env: []string{"GANGWAY_POSTGRES_URL=" + url}, Dir: t.TempDir()})
		if code := migrate.Wait(patience); code != 0 {
			return fmt.Errorf("worker migrate up: exit code %d: %s", code, migrate.Output())
		}
		return nil
	})
}

// env is the configuration of a worker: one mail provider, and times short
// enough for a test.
func (p *place) env() []string {
	return []string{
		"GANGWAY_NATS_URL=" + p.nats.URL(),
		"GANGWAY_POSTGRES_URL=" + p.db, "GANGWAY_POSTGRES_MAX_CONNS=8",
		"GANGWAY_HTTP_ADDR=127.0.0.1:0", "GANGWAY_ADMIN_ADDR=127.0.0.1:0",
		"GANGWAY_ROUTES_EMAIL=sink",
		"GANGWAY_PROVIDERS_SINK_DRIVER=smtp", "GANGWAY_PROVIDERS_SINK_FROM=portal@example.kr",
		"GANGWAY_PROVIDERS_SINK_HOST=" + p.mail.host, "GANGWAY_PROVIDERS_SINK_PORT=" + p.mail.port,
		"GANGWAY_PROVIDERS_SINK_TLS=none", "GANGWAY_PROVIDERS_SINK_AUTH=none",
		"GANGWAY_PROVIDERS_SINK_MAX_CONNS=64", "GANGWAY_PROVIDERS_SINK_TIMEOUT=5s",
		"GANGWAY_WORKER_HEARTBEAT=200ms", "GANGWAY_WORKER_LEASE=6s", "GANGWAY_WORKER_ACK_WAIT=2s",
		"GANGWAY_RETRY_EMAIL_SEND_BASE=50ms", "GANGWAY_RETRY_EMAIL_SEND_CAP=200ms",
	}
}

// worker starts a worker and waits until it consumes. What env says again wins.
func (p *place) worker(env ...string) *testkit.Process {
	p.t.Helper()
	worker := p.startWorker(nil, env...)
	worker.WaitOutput(patience, `"worker is ready"`)
	return worker
}

func (p *place) startWorker(flags []string, env ...string) *testkit.Process {
	p.t.Helper()
	return testkit.Start(p.t, testkit.Program{
		Path: testkit.Build(p.t, "cmd/worker"), Args: append([]string{"run"}, flags...),
		Env: append(p.env(), env...), Dir: p.t.TempDir(),
	})
}

// outcome is what one run of a program came to.
type outcome struct {
	code     int
	out, all string
}

func (o outcome) lines() []string { return strings.Split(strings.TrimSuffix(o.out, "\n"), "\n") }

// publisher runs the program publisher to its end.
func (p *place) publisher(stdin io.Reader, args ...string) outcome {
	p.t.Helper()
	process := testkit.Start(p.t, testkit.Program{
		Path: testkit.Build(p.t, "cmd/publisher"), Args: args, Dir: p.t.TempDir(), Stdin: stdin,
		Env: []string{"GANGWAY_NATS_URL=" + p.nats.URL(), "GANGWAY_POSTGRES_URL=" + p.db},
	})
	code := process.Wait(patience)
	return outcome{code, process.Stdout(), process.Output()}
}

// mails publishes n e-mails through an ordinary client and returns their ids.
func (p *place) mails(n int) []string {
	p.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7()).String()
		p.publish("email.send", ids[i], mailBody("kim@example.kr"))
	}
	return ids
}

func mailBody(to string) string {
	return fmt.Sprintf(`{"to":[%q],"subject":"접수 안내","text":"신청이 접수되었습니다."}`, to)
}

// publish stores one message, under a Nats-Msg-Id when there is one.
func (p *place) publish(subject, msgID, body string) {
	p.t.Helper()
	msg := nats.NewMsg(subject)
	msg.Data = []byte(body)
	if msgID != "" {
		msg.Header.Set(nats.MsgIdHdr, msgID)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if _, err := p.jetstream().PublishMsg(ctx, msg); err != nil {
		p.t.Fatalf("publish on %s: %v", subject, err)
	}
}

func (p *place) jetstream() jetstream.JetStream {
	p.t.Helper()
	if p.js == nil {
		js, err := jetstream.New(p.nats.Connect())
		if err != nil {
			p.t.Fatal(err)
		}
		p.js = js
	}
	return p.js
}

// database is an ordinary connection pool, as the portal has one.
func (p *place) database() *pgxpool.Pool {
	p.t.Helper()
	if p.pool == nil {
		pool, err := pgxpool.New(p.t.Context(), p.db)
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(pool.Close)
		p.pool = pool
	}
	return p.pool
}

// count counts the deliveries that fulfil a condition in SQL.
func (p *place) count(condition string, args ...any) (n int) {
	p.t.Helper()
	if err := p.database().QueryRow(p.t.Context(), "SELECT count(*) FROM gangway.deliveries WHERE "+condition, args...).Scan(&n); err != nil {
		p.t.Fatal(err)
	}
	return n
}

// delivery is what these tests look at in gangway.delivery_status.
type delivery struct {
	Status   string
	Reason   *string
	Attempts int
	Error    *string `db:"error_message"`
}

func (d delivery) error() string {
	if d.Error == nil {
		return ""
	}
	return *d.Error
}

// delivery reads a row of the view; the zero value while there is none.
func (p *place) delivery(id string) delivery {
	p.t.Helper()
	rows, err := p.database().Query(p.t.Context(), "SELECT status, reason, attempts, error_message FROM gangway.delivery_status WHERE id = $1", id)
	if err != nil {
		p.t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[delivery])
	if err != nil {
		p.t.Fatal(err)
	}
	if len(found) == 0 {
		return delivery{}
	}
	return found[0]
}

// ends waits until a delivery has a status.
func (p *place) ends(id, status string) delivery {
	p.t.Helper()
	var last delivery
	testkit.Eventually(p.t, patience, func() bool {
		last = p.delivery(id)
		return last.Status == status
	}, "delivery %s is %s", id, status)
	return last
}

// allSent waits until every one of the commands is sent.
func (p *place) allSent(ids []string) {
	p.t.Helper()
	testkit.Eventually(p.t, patience, func() bool {
		return p.count("id = ANY ($1::uuid[]) AND status = 'sent'", ids) == len(ids)
	}, "all %d commands are sent", len(ids))
}

// settled waits until the streams of commands hold nothing any more: every
// message is acknowledged or terminated.
func (p *place) settled() {
	p.t.Helper()
	for _, name := range []string{"GANGWAY_COMMANDS", "GANGWAY_SCHEDULED"} {
		stream, err := p.jetstream().Stream(p.t.Context(), name)
		if err != nil {
			p.t.Fatal(err)
		}
		testkit.Eventually(p.t, patience, func() bool {
			info, err := stream.Info(p.t.Context())
			return err == nil && info.State.Msgs == 0
		}, "%s is empty", name)
	}
}
