package fleet

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// crew is several workers as processes of their own, on one NATS, one Postgres
// and two mail servers.
type crew struct {
	t             *testing.T
	js            jetstream.JetStream
	pool          *pgxpool.Pool
	first, second *mailServer
	env           []string // of the workers
	members       []*hand
	published     []uuid.UUID
}

// hand is one worker of a crew.
type hand struct {
	*testkit.Process
	name  string // what the mail servers know it by
	admin string // address of its admin listener
}

const crewToken = "a-token-for-the-operators-of-this-crew"

// crewOptions say what the workers' settings are; natsURL stands for a server of
// the test's own.
type crewOptions struct {
	natsURL  string
	replicas int
	limit    string // members of both providers, such as "rate: 50, burst: 20"
	skews    []string
}

func newCrew(t *testing.T, workers int, o crewOptions) *crew {
	t.Helper()
	if o.natsURL == "" {
		o.natsURL = testkit.NATS(t).URL()
	}
	pgURL := testkit.PostgresFrom(t, "gangway", migrate)
	c := &crew{t: t, first: startMailServer(t), second: startMailServer(t)}
	conn, err := nats.Connect(o.natsURL, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	c.check(err)
	t.Cleanup(conn.Close)
	c.js, err = jetstream.New(conn)
	c.check(err)
	testkit.Eventually(t, time.Minute, func() bool { // a cluster has to elect a leader first
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := c.js.AccountInfo(ctx)
		return err == nil
	}, "JetStream answers")
	c.pool, err = pgxpool.New(context.Background(), pgURL)
	c.check(err)
	t.Cleanup(c.pool.Close)

	settings := filepath.Join(t.TempDir(), "worker.yaml")
	provider := func(m *mailServer) string {
		return fmt.Sprintf("{driver: smtp, host: 127.0.0.1, port: %s, tls: none, auth: none, timeout: 2s, on_unknown: retry, breaker: {cooldown: 2s}, %s}", m.port, o.limit)
	}
	c.check(os.WriteFile(settings, []byte(strings.Join([]string{
		"http: {addr: 127.0.0.1:0}", "admin: {addr: 127.0.0.1:0}", "postgres: {max_conns: 4}",
		fmt.Sprintf("nats: {replicas: %d}", max(1, o.replicas)),
		"worker: {heartbeat: 500ms, lease: 4s, ack_wait: 2s, reap: 2s, leader_lease: 2s}", "shutdown: {grace: 5s}", "alerts: {interval: 1s, for: 0s, keep: 2s}",
		"routes: {email: [first, second]}",
		fmt.Sprintf("providers: {first: %s, second: %s}", provider(c.first), provider(c.second)),
		"retry: {email.send: {base: 50ms, factor: 2, cap: 200ms, max: 3}}", "pool: {email.send: 8}",
	}, "\n")), 0o600))
	c.env = []string{
		"GANGWAY_ENV=staging", "GANGWAY_CONFIG=" + settings, "GANGWAY_NATS_URL=" + o.natsURL, "GANGWAY_POSTGRES_URL=" + pgURL,
		"GANGWAY_ADMIN_TOKEN=" + crewToken,
	}
	for i := range workers {
		skew := ""
		if o.skews != nil {
			skew = o.skews[i]
		}
		c.join(fmt.Sprintf("w%d", i+1), skew)
	}
	c.ready()
	return c
}

// join starts one more worker, whose clock is off by skew.
func (c *crew) join(name, skew string) {
	c.t.Helper()
	c.members = append(c.members, &hand{name: name, Process: testkit.Start(c.t, testkit.Program{
		Path: testkit.Build(c.t, "cmd/worker", "-tags=failpoint"), Args: []string{"run"},
		Env: append(slices.Clone(c.env), "GANGWAY_TEST_CLOCK="+skew,
			"GANGWAY_PROVIDERS_FIRST_FROM="+name+"@gangwon.example", "GANGWAY_PROVIDERS_SECOND_FROM="+name+"@gangwon.example"),
	})})
}

// ready waits until all workers consume.
func (c *crew) ready() {
	c.t.Helper()
	for _, m := range c.members {
		m.WaitOutput(2*time.Minute, "worker is ready")
		m.admin = adminAddr.FindStringSubmatch(m.Output())[1]
	}
}

var adminAddr = regexp.MustCompile(`"worker is ready".*"admin":"([^"]+)"`)

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

// mail publishes e-mail commands. It insists until the stream has them.
func (c *crew) mail(n int) {
	c.t.Helper()
	for range n {
		id := uuid.Must(uuid.NewV7())
		message := &nats.Msg{
			Subject: "email.send", Header: nats.Header{"Nats-Msg-Id": {id.String()}},
			Data: fmt.Appendf(nil, `{"id":%q,"to":["kim@example.kr"],"subject":"x","text":"y"}`, id),
		}
		testkit.Eventually(c.t, time.Minute, func() bool {
			ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Second)
			defer cancel()
			_, err := c.js.PublishMsg(ctx, message)
			return err == nil || c.t.Context().Err() != nil
		}, "a command can be published")
		c.published = append(c.published, id)
	}
}

// flow publishes a command now and then until stop is called.
func (c *crew) flow(every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for ctx.Err() == nil {
			c.mail(1)
			<-ticker.C
		}
	}()
	stop = func() { cancel(); <-done }
	c.t.Cleanup(stop)
	return stop
}

// settled waits until every published command has been sent, and was taken by a
// mail server.
func (c *crew) settled() {
	c.t.Helper()
	var sent int
	testkit.Eventually(c.t, 2*time.Minute, func() bool {
		err := c.pool.QueryRow(c.t.Context(), `SELECT count(*) FROM gangway.deliveries WHERE id = ANY ($1) AND status = 'sent'`, c.published).Scan(&sent)
		return err == nil && sent == len(c.published)
	}, "every command is sent")
	taken := map[uuid.UUID]bool{}
	for _, p := range append(c.first.since(0), c.second.since(0)...) {
		taken[p.id] = true
	}
	for _, id := range c.published {
		if !taken[id] {
			c.t.Errorf("%s is called sent, and no server has it", id)
		}
	}
}

// operate asks the API of one worker for something.
func (c *crew) operate(by *hand, method, path, body string) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, "http://"+by.admin+path, bytes.NewBufferString(body))
	c.check(err)
	request.Header.Set("Authorization", "Bearer "+crewToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	c.check(err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		var problem any
		_ = json.UnmarshalRead(response.Body, &problem)
		c.t.Fatalf("%s %s: %s %v", method, path, response.Status, problem)
	}
}

// seen asks every worker how it sees the health of a provider.
func (c *crew) seen(provider string) (reasons []string) {
	c.t.Helper()
	for _, m := range c.members {
		response, err := http.Get("http://" + m.admin + "/health/" + provider)
		c.check(err)
		var report struct {
			Reason string `json:"reason"`
		}
		err = json.UnmarshalRead(response.Body, &report)
		_ = response.Body.Close()
		c.check(err)
		reasons = append(reasons, report.Reason)
	}
	return reasons
}

// senders are the workers that sent something.
func senders(posts []post) map[string]int {
	counts := map[string]int{}
	for _, p := range posts {
		counts[p.worker]++
	}
	return counts
}

func (c *crew) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}
