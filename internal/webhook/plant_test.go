package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/app"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// plant is the whole worker in mock mode over a real NATS and a real Postgres.
type plant struct {
	t      *testing.T
	url    string // of the public listener
	conn   *broker.Conn
	pool   *pgxpool.Pool
	reader postgres.Reader
	sim    *simulator.Simulator
	log    *lines
}

// lines is a log that a test reads.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// with returns the lines that contain all parts.
func (l *lines) with(parts ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			found = append(found, line)
		}
	}
	return found
}

// newPlant runs a worker until the test ends. env are variables of its
// environment, without the prefix.
func newPlant(t *testing.T, env ...string) *plant {
	t.Helper()
	p := &plant{t: t, log: new(lines)}
	database, server := testkit.PostgresFrom(t, "migrated", migrated), testkit.NATS(t)
	environ := append([]string{
		"NATS_URL=" + server.URL(), "POSTGRES_URL=" + database, "HTTP_ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0", "LOG_FORMAT=json",
		"RETRY_EMAIL_BASE=5ms", "RETRY_SMS_BASE=5ms", "RETRY_WEBHOOK_BASE=50ms", "WORKER_LEADER_LEASE=1s",
	}, env...)
	for i := range environ {
		environ[i] = "GANGWAY_" + environ[i]
	}
	cfg, _, err := config.Load(config.Options{Env: config.Dev, Dir: t.TempDir(), Environ: environ, Defaults: map[string]string{"mock": "true"}})
	p.check(err)
	shown, err := app.NewTelemetry(cfg, p.log)
	p.check(err)
	if p.sim, err = simulator.Start(simulator.Options{SlowDelay: 50 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.check(p.sim.Close()) })
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Running, 1), make(chan error, 1)
	go func() {
		ended <- app.RunWorker(ctx, app.WorkerOptions{
			Config: cfg, Telemetry: shown, Migrate: false, Simulator: p.sim, Ready: func(r app.Running) { ready <- r },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case running := <-ready:
		p.url = "http://" + running.HTTPAddr
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	case <-time.After(30 * time.Second):
		t.Fatal("the worker is not ready")
	}
	p.conn, err = broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{server.URL()}})
	p.check(err)
	t.Cleanup(p.conn.Close)
	p.pool, err = postgres.Connect(t.Context(), database, 4, func(error) {})
	p.check(err)
	t.Cleanup(p.pool.Close)
	p.reader = postgres.NewReader(p.pool)
	return p
}

// publisher runs the program of that name and returns what it prints.
func (p *plant) publisher(args ...string) string {
	p.t.Helper()
	var out, trouble bytes.Buffer
	args = append(args, "--postgres-url", p.pool.Config().ConnString())
	if code := cli.Run(p.t.Context(), args, strings.NewReader(""), &out, &trouble, app.PublisherBackends()); code != cli.ExitDone {
		p.t.Fatalf("publisher %s: exit code %d: %s", args[0], code, trouble.String())
	}
	return out.String()
}

// migrated prepares the schema as the worker does.
func migrated(ctx context.Context, url string) error {
	pool, err := postgres.Connect(ctx, url, 4, func(error) {})
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := postgres.Migrator(pool)
	if err != nil {
		return err
	}
	_, err = migrator.Up(ctx)
	return err
}

func (p *plant) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// publish puts a command on the bus under a new id.
func (p *plant) publish(kind command.Kind, body string) uuid.UUID {
	p.t.Helper()
	id := uuid.Must(uuid.NewV7())
	p.publishAs(id, kind, body)
	return id
}

func (p *plant) publishAs(id uuid.UUID, kind command.Kind, body string) {
	p.t.Helper()
	_, err := p.conn.JetStream().PublishMsg(p.t.Context(), &nats.Msg{
		Subject: string(kind), Data: []byte(body), Header: nats.Header{jetstream.MsgIDHeader: {id.String()}},
	})
	p.check(err)
}

// mail sends an e-mail to the recipients through a provider.
func (p *plant) mail(provider string, to ...string) uuid.UUID {
	p.t.Helper()
	return p.publish(command.EmailSend, mailBody(provider, to...))
}

func mailBody(provider string, to ...string) string {
	return fmt.Sprintf(`{"to":["%s"],"subject":"접수 안내","text":"접수되었습니다.","provider":%q}`, strings.Join(to, `","`), provider)
}

func (p *plant) sms(provider, to string) uuid.UUID {
	p.t.Helper()
	return p.publish(command.SMSSend, fmt.Sprintf(`{"to":%q,"text":"접수되었습니다. %s","provider":%q}`, to, uuid.NewString()[:8], provider))
}

// await waits until a delivery has the status and returns its row.
func (p *plant) await(id uuid.UUID, status delivery.Status) delivery.Row {
	p.t.Helper()
	var row delivery.Row
	testkit.Eventually(p.t, 30*time.Second, func() bool {
		row = p.row(id)
		return row.Status == status
	}, "%s to be %s; log:\n%s", id, status, lazy(func() string { return strings.Join(p.log.with(`"warn"`), "") + string(row.Status) }))
	return row
}

// lazy is text that is made when it is printed.
type lazy func() string

func (l lazy) String() string { return l() }

func (p *plant) row(id uuid.UUID) delivery.Row {
	p.t.Helper()
	rows, err := p.reader.Rows(p.t.Context(), []uuid.UUID{id})
	p.check(err)
	return rows[id]
}

// post sends a webhook and returns the answer's status.
func (p *plant) post(provider string, header http.Header, body string) int {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/webhooks/"+provider, strings.NewReader(body))
	p.check(err)
	request.Header = header
	answer, err := http.DefaultClient.Do(request)
	p.check(err)
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	p.check(err)
	return answer.StatusCode
}

func (p *plant) exec(sql string, args ...any) {
	p.t.Helper()
	_, err := p.pool.Exec(p.t.Context(), sql, args...)
	p.check(err)
}

// count asks for one number.
func (p *plant) count(sql string, args ...any) (n int) {
	p.t.Helper()
	p.check(p.pool.QueryRow(p.t.Context(), sql, args...).Scan(&n))
	return n
}

// report posts an event in the form of Standard Webhooks.
func (p *plant) report(provider, event string) {
	p.t.Helper()
	if status := p.post(provider, signed(p.t, simulator.WebhookSecret(provider), "msg_"+uuid.NewString(), time.Now(), event), event); status != http.StatusAccepted {
		p.t.Fatalf("%s: answer %d", event, status)
	}
}
