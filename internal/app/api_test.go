package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// counterDesk is a whole worker in mock mode, spoken to by its API only.
type counterDesk struct {
	t     *testing.T
	url   string
	token string
	pool  *pgxpool.Pool
	seen  func(r *http.Request, body []byte, response *http.Response, answer []byte)
}

const writeToken, readToken = "a token that writes", "a token that reads"

// newCounterDesk runs a worker until the test ends.
func newCounterDesk(t *testing.T) *counterDesk {
	t.Helper()
	d := &counterDesk{t: t, token: writeToken}
	url := testkit.PostgresFrom(t, "migrated by the worker", migrated)
	load := loads(config.Options{
		Env: config.Dev, Dir: t.TempDir(), Defaults: map[string]string{"mock": "true"},
		Environ: []string{
			"GANGWAY_NATS_URL=" + testkit.NATS(t).URL(), "GANGWAY_POSTGRES_URL=" + url, "GANGWAY_HTTP_ADDR=127.0.0.1:0",
			"GANGWAY_ADMIN_ADDR=127.0.0.1:0", "GANGWAY_ADMIN_TOKEN=" + writeToken,
			fmt.Sprintf("GANGWAY_ADMIN_TOKENS=portal:read:sha256:%x", sha256.Sum256([]byte(readToken))),
			"GANGWAY_RETRY_EMAIL_BASE=5ms", "GANGWAY_RETRY_EMAIL_MAX=0", "GANGWAY_RETRY_BUSINESS_BASE=5ms", "GANGWAY_RETRY_BUSINESS_MAX=0",
			"GANGWAY_PROVIDERS_SES_TIMEOUT=300ms", "GANGWAY_PROVIDERS_SENDGRID_TIMEOUT=300ms",
			"GANGWAY_WEBHOOKS_OUT_PORTAL_URL=http://127.0.0.1:9/hooks", "GANGWAY_WEBHOOKS_OUT_PORTAL_ALLOW_TO=127.0.0.1", // nobody listens there
			"GANGWAY_WEBHOOKS_OUT_PORTAL_SECRETS=whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
			"GANGWAY_ALERTS_INTERVAL=1s", "GANGWAY_ALERTS_FOR=0s", "GANGWAY_PROVIDERS_SES_ON_UNKNOWN=hold", "GANGWAY_PROVIDERS_SENDGRID_ON_UNKNOWN=hold",
		},
	})
	cfg, origins, err := load(config.Overrides{})
	d.check(err)
	shown, err := NewTelemetry(cfg, io.Discard)
	d.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan Running, 1), make(chan error, 1)
	go func() {
		ended <- RunWorker(ctx, WorkerOptions{Config: cfg, Origins: origins, Reload: load, Telemetry: shown, Ready: func(r Running) { ready <- r }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	select {
	case running := <-ready:
		d.url = "http://" + running.AdminAddr
	case err := <-ended:
		ended <- nil
		t.Fatalf("worker: %v", err)
	}
	d.pool, err = pgxpool.New(t.Context(), url)
	d.check(err)
	t.Cleanup(d.pool.Close)
	return d
}

// loads loads the same configuration each time.
func loads(options config.Options) Loader {
	return func(over config.Overrides) (*config.Config, *config.Origins, error) {
		options := options
		options.Overrides = over
		return config.Load(options)
	}
}

// do makes one request and returns its answer. headers are name and value in turn.
func (d *counterDesk) do(method, path, body string, headers ...string) (*http.Response, []byte) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	d.check(err)
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: 40 * time.Second}
	response, err := client.Do(r)
	d.check(err)
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	d.check(err)
	if d.seen != nil {
		d.seen(r, []byte(body), response, answer)
	}
	return response, answer
}

// want makes a request, insists on its status and reads the answer into into,
// unless that is nil.
func (d *counterDesk) want(status int, method, path, body string, into any, headers ...string) *http.Response {
	d.t.Helper()
	response, answer := d.do(method, path, body, headers...)
	if response.StatusCode != status {
		d.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, response.StatusCode, answer, status)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into, json.MatchCaseInsensitiveNames(true)); err != nil {
			d.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
	return response
}

// shown is what the tests read of a delivery.
type shown struct {
	ID         string           `json:"id"`
	Status     string           `json:"status"`
	Kind       string           `json:"kind"`
	TraceID    string           `json:"trace_id"`
	AttemptLog []map[string]any `json:"attempt_log"`
	Events     []map[string]any `json:"events"`
}

// page is what the tests read of a list.
type page[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// fault is what the tests read of a problem.
type trouble struct {
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	Field     string `json:"field"`
	RequestID string `json:"request_id"`
}

// publish sends a command by the API and returns its id.
func (d *counterDesk) publish(kind, body string) string {
	d.t.Helper()
	var out shown
	d.want(http.StatusAccepted, "POST", "/api/v1/commands/"+kind, body, &out)
	return out.ID
}

// await waits until a delivery has a status.
func (d *counterDesk) await(id, status string) (out shown) {
	d.t.Helper()
	testkit.Eventually(d.t, 30*time.Second, func() bool {
		response, answer := d.do("GET", "/api/v1/deliveries/"+id, "")
		out = shown{}
		if response.StatusCode != http.StatusOK || json.Unmarshal(answer, &out) != nil {
			return false
		}
		// The simulator reports soon after it took a message.
		return out.Status == status || status == "sent" && out.Status == "delivered"
	}, "%s is not %s but %+v", id, status, &out)
	return out
}

func (d *counterDesk) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func mailTo(address string) string {
	return fmt.Sprintf(`{"to":[%q],"subject":"x","text":"y"}`, address)
}

// TestAPICommands publishes by the API and reads what became of it.
func TestAPICommands(t *testing.T) {
	d := newCounterDesk(t)

	t.Run("idempotent", func(t *testing.T) {
		var first, second shown
		d.want(202, "POST", "/api/v1/commands/email.send?lane=high", mailTo("kim@example.kr"), &first, "Idempotency-Key", "order 42",
			"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
		sent := d.await(first.ID, "sent")
		if len(sent.AttemptLog) != 1 || sent.Events == nil || sent.TraceID != "4bf92f3577b34da6a3ce929d0e0e4736" {
			t.Errorf("%+v", sent)
		}
		d.want(202, "POST", "/api/v1/commands/email.send", mailTo("kim@example.kr"), &second, "Idempotency-Key", "order 42")
		if second.ID != first.ID || second.Status == "queued" {
			t.Errorf("again: %+v after %+v", second, first)
		}
		var p trouble
		d.want(409, "POST", "/api/v1/commands/email.send", mailTo("lee@example.kr"), &p, "Idempotency-Key", "order 42")
		if p.Code != "refused" {
			t.Errorf("%+v", p)
		}
	})
	t.Run("mistakes name field and value", func(t *testing.T) {
		for _, c := range []struct {
			path, body   string
			status       int
			field, value string
		}{
			{"/api/v1/commands/email.send", `{"to":["kim@example.kr"],"subject":"x","txt":"y"}`, 422, "txt", "text"},
			{"/api/v1/commands/email.send", `{"to":["x"]`, 422, "", "JSON"},
			{"/api/v1/commands/email.send?lane=fast", mailTo("a@b.kr"), 422, "lane", "fast"},
			{"/api/v1/commands/email.send?lane=alerts", mailTo("a@b.kr"), 422, "lane", "alerts"},
			{"/api/v1/commands/email.send?line=high", mailTo("a@b.kr"), 422, "line", "lane"},
			{"/api/v1/commands/webhook.process", `{}`, 404, "", "webhook.process"},
			{"/api/v1/commands/email.send", strings.Repeat("x", 1<<20+1), 413, "", "1048576"},
			{"/api/v1/deliveries/x/settle", `{"send":true}`, 422, "send", ""},
			{"/api/v1/deliveries/x/settle", `{"sent":"yes"}`, 422, "sent", "yes"},
			{"/api/v1/deliveries/x/settle", `{"sent":true}`, 404, "", "x"},
			{"/api/v1/deadletters/replay", `{}`, 422, "all", ""},
			{"/api/v1/deadletters/replay", `{"kinds":["email"]}`, 422, "kinds", "email"},
			{"/api/v1/suppressions", `{"recipient":"a@b.kr","list":"news"}`, 422, "list", "news"},
			{"/api/v1/suppressions", `{"recipient":"kim"}`, 422, "recipient", "neither an e-mail address nor a phone number"},
			{"/api/v1/suppressions", `{"recipient":"Kim <a@b.kr>"}`, 422, "recipient", "neither an e-mail address nor a phone number"},
			{"/api/v1/nothing", ``, 404, "", "/api/v1/nothing"},
			{"/api/v1/workers", ``, 405, "", "GET"},
		} {
			var p trouble
			response := d.want(c.status, "POST", c.path, c.body, &p)
			if p.Field != c.field || !strings.Contains(p.Detail, c.value) || p.Code == "" || p.RequestID == "" ||
				response.Header.Get("Content-Type") != "application/problem+json" || response.Header.Get("X-Request-Id") != p.RequestID {
				t.Errorf("%s %.60s: %+v", c.path, c.body, p)
			}
		}
	})
	t.Run("lists go on by cursor", func(t *testing.T) {
		for i := range 5 {
			d.await(d.publish("email.send", mailTo(fmt.Sprintf("page%d@example.kr", i))), "sent")
		}
		seen, cursor := map[string]bool{}, ""
		for range 10 {
			var p page[shown]
			d.want(200, "GET", "/api/v1/deliveries?kind=email.send&since=1h&limit=2&cursor="+cursor, "", &p)
			for _, one := range p.Items {
				if seen[one.ID] {
					t.Errorf("%s stands twice", one.ID)
				}
				seen[one.ID] = true
			}
			if p.Next == nil {
				break
			}
			cursor = *p.Next
		}
		if len(seen) < 6 {
			t.Errorf("%d deliveries in all pages", len(seen))
		}
		var one page[shown]
		d.want(200, "GET", "/api/v1/deliveries?recipient=PAGE3@example.kr&status=sent,delivered", "", &one)
		if len(one.Items) != 1 || one.Next != nil {
			t.Errorf("%+v", one)
		}
		for _, query := range []string{"cursor=x", "limit=0", "limit=1000", "kind=email", "status=done", "since=soon", "foo=1", "limit=1&limit=2"} {
			d.want(422, "GET", "/api/v1/deliveries?"+query, "", nil)
		}
	})
	t.Run("zipped, and told when nothing changed", func(t *testing.T) {
		response, plain := d.do("GET", "/api/v1/config", "")
		tag := response.Header.Get("ETag")
		zipped, packed := d.do("GET", "/api/v1/config", "", "Accept-Encoding", "br, gzip")
		if zipped.Header.Get("Content-Encoding") != "gzip" || len(packed) >= len(plain) || tag == "" {
			t.Errorf("%v", zipped.Header)
		}
		if bytes.Contains(plain, []byte(writeToken)) || !bytes.Contains(plain, []byte("environment GANGWAY_ADMIN_TOKEN")) {
			t.Errorf("config: %s", plain)
		}
		d.want(304, "GET", "/api/v1/config", "", nil, "If-None-Match", tag)
	})
	t.Run("tokens", func(t *testing.T) {
		defer func() { d.token = writeToken }()
		for _, c := range []struct {
			token, method string
			status        int
		}{
			{"", "GET", 401}, {"wrong", "GET", 401}, {readToken, "GET", 200}, {readToken, "POST", 403}, {writeToken, "GET", 200},
		} {
			path, body := "/api/v1/deliveries", ""
			if c.method == "POST" {
				path, body = "/api/v1/commands/email.send", mailTo("kim@example.kr")
			}
			d.token = c.token
			d.want(c.status, c.method, path, body, nil)
		}
	})
}
