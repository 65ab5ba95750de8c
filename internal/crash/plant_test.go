package crash

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// plant is a real bus, a real database and two recording mail servers, over
// which workers run as child processes.
type plant struct {
	t             *testing.T
	natsURL       string // as the test reaches it
	pgURL         string
	js            jetstream.JetStream
	pool          *pgxpool.Pool
	first, second *mailServer
	options       options
	settings      string // file
	published     []uuid.UUID
	workers       int
}

type options struct {
	onUnknown string // default retry
	maxBytes  int    // of the stream of commands
	retries   int    // default 3; -1 for none
	// natsURL and pgURL stand for servers of the test's own.
	natsURL, pgURL string
}

func newPlant(t *testing.T, o options) *plant {
	t.Helper()
	p := &plant{t: t, options: o, natsURL: o.natsURL, pgURL: o.pgURL, first: startMailServer(t, "first"), second: startMailServer(t, "second")}
	if p.natsURL == "" {
		p.natsURL = testkit.NATS(t).URL()
	}
	if p.pgURL == "" {
		p.pgURL = testkit.PostgresFrom(t, "gangway", migrate)
	}
	p.connect()
	p.settings = filepath.Join(t.TempDir(), "worker.yaml")
	p.configure()
	return p
}

// migrate is what worker migrate up does.
func migrate(ctx context.Context, url string) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := postgres.Migrator(pool)
	if err == nil {
		_, err = migrator.Up(ctx)
	}
	return err
}

func (p *plant) connect() {
	p.t.Helper()
	conn, err := nats.Connect(p.natsURL, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	p.check(err)
	p.t.Cleanup(conn.Close)
	p.js, err = jetstream.New(conn)
	p.check(err)
	p.pool, err = pgxpool.New(context.Background(), p.pgURL)
	p.check(err)
	p.t.Cleanup(p.pool.Close)
}

// configure writes the workers' settings: everything that is waited for is short.
func (p *plant) configure() {
	p.t.Helper()
	o := p.options
	o.onUnknown = cmp.Or(o.onUnknown, "retry")
	retries := 3
	if o.retries != 0 {
		retries = max(o.retries, 0)
	}
	provider := func(m *mailServer) string {
		return fmt.Sprintf("{driver: smtp, host: 127.0.0.1, port: %s, tls: none, auth: none, from: portal@gangwon.example, timeout: 2s, on_unknown: %s, breaker: {failures: 1000, cooldown: 1s}}",
			m.port, o.onUnknown)
	}
	p.check(os.WriteFile(p.settings, []byte(strings.Join([]string{
		fmt.Sprintf("nats: {max_bytes: %d}", o.maxBytes), "postgres: {max_conns: 6}",
		"http: {addr: 127.0.0.1:0}", "admin: {addr: 127.0.0.1:0}",
		"worker: {heartbeat: 500ms, lease: 3s, ack_wait: 1s, reap: 2s, leader_lease: 2s}",
		"shutdown: {grace: 5s}",
		"routes: {email: [first, second]}",
		fmt.Sprintf("providers: {first: %s, second: %s}", provider(p.first), provider(p.second)),
		fmt.Sprintf("retry: {email.send: {base: 50ms, factor: 2, cap: 200ms, max: %d}}", retries),
		"pool: {email.send: 8}",
	}, "\n")), 0o600))
}

// worker starts a worker, which may be told to end at a step, and waits until it
// consumes, or has ended at that step.
func (p *plant) worker(failpoint string, env ...string) *testkit.Process {
	p.t.Helper()
	process := p.spawn(failpoint, env...)
	testkit.Eventually(p.t, 60*time.Second, func() bool {
		return strings.Contains(process.Output(), "worker is ready") || gone(process)
	}, "a worker to be ready")
	if failpoint == "" && !strings.Contains(process.Output(), "worker is ready") {
		p.t.Fatal("the worker does not start")
	}
	return process
}

// spawn starts a worker and waits for nothing.
func (p *plant) spawn(failpoint string, env ...string) *testkit.Process {
	p.t.Helper()
	p.workers++
	return testkit.Start(p.t, testkit.Program{
		Path: testkit.Build(p.t, "cmd/worker", "-tags=failpoint"), Args: []string{"run"},
		Env: append([]string{
			"GANGWAY_ENV=staging", "GANGWAY_CONFIG=" + p.settings, "GANGWAY_TEST_FAILPOINT=" + failpoint,
			"GANGWAY_NATS_URL=" + p.natsURL, "GANGWAY_POSTGRES_URL=" + p.pgURL,
		}, env...),
	})
}

func gone(process *testkit.Process) bool { return isClosed(process.Exited()) }

// died waits until a worker has been killed by its failpoint.
func (p *plant) died(process *testkit.Process) {
	p.t.Helper()
	if code := process.Wait(30 * time.Second); code != -1 {
		p.t.Fatalf("the worker ended with code %d instead of being killed at its step", code)
	}
}

// mail publishes e-mail commands, each with the JSON members in fields, and
// returns their ids. It insists until the stream has them.
func (p *plant) mail(n int, fields string) []uuid.UUID {
	p.t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7())
		p.publish("email.send", ids[i].String(), fmt.Sprintf(`{"id":%q,"to":["kim@example.kr"],"subject":"x","text":"y"%s}`, ids[i], fields))
	}
	p.published = append(p.published, ids...)
	return ids
}

func (p *plant) publish(subject, id, body string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	for {
		err := p.try(ctx, subject, id, body)
		if err == nil {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			p.t.Fatalf("not published: %v", err)
		}
	}
}

// try publishes once.
func (p *plant) try(ctx context.Context, subject, id, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // an acknowledgement may be lost with its server
	defer cancel()
	_, err := p.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: []byte(body), Header: nats.Header{"Nats-Msg-Id": {id}}})
	return err
}

// enqueue hands commands to the outbox, as the portal does.
func (p *plant) enqueue(n int) []uuid.UUID {
	p.t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		p.check(p.pool.QueryRow(p.t.Context(),
			`SELECT gangway.enqueue('email.send', '{"to":["kim@example.kr"],"subject":"x","text":"y"}')`).Scan(&ids[i]))
	}
	p.published = append(p.published, ids...)
	return ids
}

// provision makes the streams before any worker has: a worker starts and ends.
func (p *plant) provision() {
	p.t.Helper()
	process := p.worker("")
	process.Signal(os.Interrupt)
	if code := process.Wait(30 * time.Second); code != 0 {
		p.t.Fatalf("a worker that was told to stop ended with code %d", code)
	}
}

// statuses counts the published commands by status.
func (p *plant) statuses() map[string]int {
	rows, err := p.pool.Query(p.t.Context(), `SELECT status, count(*) FROM gangway.deliveries WHERE id = ANY ($1) GROUP BY 1`, p.published)
	counts := map[string]int{}
	if err != nil {
		return counts // the database is away
	}
	defer rows.Close()
	for rows.Next() {
		var status string
		var n int
		if rows.Scan(&status, &n) == nil {
			counts[status] = n
		}
	}
	return counts
}

// open are the statuses that a command does not keep.
var open = []string{"queued", "scheduled", "processing", "retrying"}

// settled waits until every published command rests and nothing is left in the
// streams that feed the pipeline, nor in the outbox.
func (p *plant) settled(within time.Duration) {
	p.t.Helper()
	var counts map[string]int
	var left uint64
	var rows int
	defer func() {
		if p.t.Failed() {
			p.t.Logf("statuses %v, %d messages, %d outbox rows", counts, left, rows)
		}
	}()
	testkit.Eventually(p.t, within, func() bool {
		counts = p.statuses()
		resting := 0
		for status, n := range counts {
			if !slices.Contains(open, status) {
				resting += n
			}
		}
		if resting < len(p.published) {
			return false
		}
		left = p.messages("GANGWAY_COMMANDS") + p.messages("GANGWAY_SCHEDULED")
		err := p.pool.QueryRow(p.t.Context(), `SELECT count(*) FROM gangway.outbox`).Scan(&rows)
		return err == nil && left == 0 && rows == 0
	}, "every command to rest")
}

// messages counts what a stream holds; many when it cannot be asked.
func (p *plant) messages(stream string) uint64 {
	ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Second)
	defer cancel()
	s, err := p.js.Stream(ctx, stream)
	if err != nil {
		return 1 << 32
	}
	return s.CachedInfo().State.Msgs
}

// arrivals are what both servers got under an id, in the order of time.
func (p *plant) arrivals(id uuid.UUID) []arrival {
	all := append(p.first.got(id), p.second.got(id)...)
	slices.SortFunc(all, func(a, b arrival) int { return a.at.Compare(b.at) })
	return all
}

func (p *plant) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}
