package telemetry

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func newMetrics() *Metrics {
	return NewMetrics(Labels{
		Kinds: []string{"email.send", "webhook.process"}, Laned: []string{"email.send"}, Lanes: []string{"high", "normal", "bulk"},
		Statuses: []string{"sent", "failed"}, Reasons: []string{"invalid", "timeout"}, Alerts: []string{"BreakerOpen"}, Causes: []string{"quota_exhausted"},
		Providers: []string{"ses"}, Version: "1.2.3", Revision: "abc",
	})
}

// scrape asks a real server as Prometheus does.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	answer, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status, err)
	}
	return string(text)
}

// TestEveryMetricOfTheContract compares names and labels with the contract's
// list, on a program that has done nothing yet.
func TestEveryMetricOfTheContract(t *testing.T) {
	m := newMetrics()
	m.CacheRequest("nicednb.search", "hit")
	m.ProviderCall("ses", "send", "ok", "", time.Second)
	text := scrape(t, m)
	want := []string{
		"provider_calls_total{endpoint,outcome,provider,reason}", "provider_call_duration_seconds{endpoint,provider}",
		"commands_total{kind,lane,status}", "command_duration_seconds{kind,lane}", "commands_in_flight{kind}",
		"stream_pending{kind,lane}", "stream_oldest_seconds{kind,lane}", "attempts_total{outcome,provider}", "breaker_state{provider,state}",
		"breaker_trips_total{provider}", "throttle_wait_seconds{provider}", "throttle_limited_total{provider}",
		"cache_requests_total{cache,result}", "deadletters_total{kind,reason}", "webhooks_total{outcome,provider}",
		"outbox_pending{}", "outbox_oldest_seconds{}", "manual_waiting{}", "manual_oldest_seconds{}", "outbox_relay_seconds{}", "provider_health{provider,status}", "provider_held{cause,provider}", "alerts_firing{alert}",
		"config_last_reload_successful{}", "build_info{goversion,revision,version}",
	}
	found := map[string]bool{}
	label := regexp.MustCompile(`([a-z]+)="[^"]*"`)
	for line := range strings.Lines(text) {
		series, ok := strings.CutPrefix(line, "gangway_")
		if !ok {
			continue
		}
		name, labels, _ := strings.Cut(strings.Fields(series)[0], "{")
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		var names []string
		for _, match := range label.FindAllStringSubmatch(labels, -1) {
			if match[1] != "le" {
				names = append(names, match[1])
			}
		}
		slices.Sort(names)
		found[name+"{"+strings.Join(names, ",")+"}"] = true
	}
	var got []string
	for name := range found {
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		if strings.HasPrefix(problem.Metric, "gangway_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
}

func TestSeriesExistFromTheStart(t *testing.T) {
	text := scrape(t, newMetrics())
	for _, series := range []string{
		`gangway_commands_total{kind="email.send",lane="high",status="failed"} 0`,
		`gangway_commands_total{kind="webhook.process",lane="normal",status="sent"} 0`,
		`gangway_deadletters_total{kind="email.send",reason="timeout"} 0`,
		`gangway_attempts_total{outcome="unknown",provider="ses"} 0`,
		`gangway_breaker_state{provider="ses",state="closed"} 1`,
		`gangway_breaker_state{provider="ses",state="open"} 0`,
		`gangway_webhooks_total{outcome="refused",provider="ses"} 0`,
		`gangway_provider_health{provider="ses",status="unhealthy"} 0`,
		`gangway_alerts_firing{alert="BreakerOpen"} 0`,
		`gangway_config_last_reload_successful 1`,
		`gangway_throttle_wait_seconds_count{provider="ses"} 0`,
	} {
		if !strings.Contains(text, series+"\n") {
			t.Errorf("%s is missing", series)
		}
	}
	if strings.Contains(text, `lane="high",status="sent"} 0`+"\n"+`gangway_commands_total{kind="webhook.process",lane="high"`) {
		t.Error("a kind without lanes has some")
	}
	if !regexp.MustCompile(`gangway_build_info\{goversion="go[^"]+",revision="abc",version="1.2.3"\} 1`).MatchString(text) {
		t.Error("build_info is missing")
	}
}

func TestRecording(t *testing.T) {
	m := newMetrics()
	m.ProviderCall("ses", "send", "failed", "timeout", 3*time.Second)
	m.CommandDone("email.send", "", "sent", 20*time.Millisecond)
	m.CommandDone("email.send", "bulk", "failed", -1)
	m.InFlight("email.send", 1)
	m.InFlight("email.send", 1)
	m.InFlight("email.send", -1)
	m.StreamPending("email.send", "high", 7, time.Minute)
	m.Manual(2, time.Hour)
	m.Held("ses", "quota_exhausted", true)
	m.Attempt("ses", "ok")
	m.Breaker("ses", "open")
	m.BreakerTrip("ses")
	m.ThrottleWait("ses", time.Second)
	m.ThrottleLimited("ses")
	m.CacheRequest("juso.search", "stale")
	m.DeadLetter("email.send", "invalid")
	m.Webhook("ses", "accepted")
	m.OutboxPending(3, 2*time.Second)
	m.OutboxRelay(time.Second)
	m.Health("ses", "degraded")
	m.Alert("BreakerOpen", true)
	m.Reload(false)
	text := scrape(t, m)
	for _, series := range []string{
		`gangway_provider_calls_total{endpoint="send",outcome="failed",provider="ses",reason="timeout"} 1`,
		`gangway_provider_call_duration_seconds_sum{endpoint="send",provider="ses"} 3`,
		`gangway_commands_total{kind="email.send",lane="normal",status="sent"} 1`,
		`gangway_command_duration_seconds_sum{kind="email.send",lane="normal"} 0.02`,
		`gangway_command_duration_seconds_count{kind="email.send",lane="bulk"} 0`,
		`gangway_commands_total{kind="email.send",lane="bulk",status="failed"} 1`,
		`gangway_commands_in_flight{kind="email.send"} 1`,
		`gangway_stream_pending{kind="email.send",lane="high"} 7`,
		`gangway_stream_oldest_seconds{kind="email.send",lane="high"} 60`,
		`gangway_outbox_oldest_seconds 2`,
		`gangway_manual_waiting 2`,
		`gangway_manual_oldest_seconds 3600`,
		`gangway_provider_held{cause="quota_exhausted",provider="ses"} 1`,
		`gangway_provider_calls_total{endpoint="send",outcome="failed",provider="ses",reason="invalid"} 0`,
		`gangway_attempts_total{outcome="ok",provider="ses"} 1`,
		`gangway_breaker_state{provider="ses",state="open"} 1`,
		`gangway_breaker_state{provider="ses",state="closed"} 0`,
		`gangway_breaker_trips_total{provider="ses"} 1`,
		`gangway_throttle_wait_seconds_sum{provider="ses"} 1`,
		`gangway_throttle_limited_total{provider="ses"} 1`,
		`gangway_cache_requests_total{cache="juso.search",result="stale"} 1`,
		`gangway_cache_requests_total{cache="juso.search",result="hit"} 0`,
		`gangway_deadletters_total{kind="email.send",reason="invalid"} 1`,
		`gangway_webhooks_total{outcome="accepted",provider="ses"} 1`,
		`gangway_outbox_pending 3`,
		`gangway_outbox_relay_seconds_sum 1`,
		`gangway_provider_health{provider="ses",status="degraded"} 1`,
		`gangway_provider_health{provider="ses",status="healthy"} 0`,
		`gangway_alerts_firing{alert="BreakerOpen"} 1`,
		`gangway_config_last_reload_successful 0`,
	} {
		if !strings.Contains(text, series+"\n") {
			t.Errorf("%s is missing", series)
		}
	}
}

// TestLabelsAreBounded feeds values that nobody knows, from many goroutines.
func TestLabelsAreBounded(t *testing.T) {
	m := newMetrics()
	before := strings.Count(scrape(t, m), "\ngangway_")
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				any := fmt.Sprintf("%d-%d", g, i)
				m.ProviderCall("ses", any, any, any, time.Second)
				m.ProviderCall(any, any, "ok", "", time.Second)
				m.CommandDone(any, any, any, time.Second)
				m.CacheRequest(any, any)
				m.DeadLetter(any, any)
				m.Webhook(any, any)
				m.InFlight(any, 1)
				m.StreamPending(any, any, 1, 0)
				m.Held(any, any, true)
				m.Attempt(any, any)
				m.Alert(any, true)
				m.Health(any, any)
				m.Breaker(any, any)
				m.ThrottleWait(any, time.Second)
			}
		})
	}
	wg.Wait()
	text := scrape(t, m)
	// 33 endpoints with a histogram of 18 series and counters, 65 caches with 4 results, and a few "other".
	if after := strings.Count(text, "\ngangway_"); after > before+33*24+65*4+150 {
		t.Errorf("%d series have become %d", before, after)
	}
	if !strings.Contains(text, `gangway_deadletters_total{kind="other",reason="other"} 2000`) {
		t.Error("unknown values are not counted as other")
	}
	m.SetProviders("ses", "new")
	m.BreakerTrip("new")
	if text := scrape(t, m); !strings.Contains(text, `gangway_breaker_trips_total{provider="new"} 1`) {
		t.Error("a provider that came later is not known")
	}
}

func BenchmarkProviderCall(b *testing.B) {
	m := newMetrics()
	for b.Loop() {
		m.ProviderCall("ses", "send", "ok", "", time.Millisecond)
	}
}
