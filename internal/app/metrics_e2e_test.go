package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// seriesLine matches one series of a scrape: its name, labels and value.
var seriesLine = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? ([0-9.e+-]+)$`)

// scraped is what a worker shows: the values of each label of each metric.
type scraped map[string]map[string][]string

func (d *counterDesk) scrape() (string, scraped) {
	d.t.Helper()
	response, text := d.do("GET", "/metrics", "")
	if response.StatusCode != http.StatusOK {
		d.t.Fatalf("%d %s", response.StatusCode, text)
	}
	found := scraped{}
	for _, m := range seriesLine.FindAllStringSubmatch(string(text), -1) {
		if found[m[1]] == nil {
			found[m[1]] = map[string][]string{}
		}
		for _, pair := range regexp.MustCompile(`(\w+)="([^"]*)"`).FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(found[m[1]][pair[1]], pair[2]) {
				found[m[1]][pair[1]] = append(found[m[1]][pair[1]], pair[2])
			}
		}
	}
	return string(text), found
}

// TestMetricsOfAWorker scrapes a worker that has been at work: the metrics count,
// Prometheus' linter has nothing to say, and every query that is delivered asks for
// metrics and labels that are there.
func TestMetricsOfAWorker(t *testing.T) {
	d := newCounterDesk(t)
	d.await(d.publish("email.send", mailTo("kim@example.kr")), "delivered")
	d.await(d.publish("sms.send", `{"to":"010-1234-5678","text":"x"}`), "delivered")
	d.await(d.publish("email.send", mailTo("error@example.kr")), "dead_lettered")
	d.await(d.publish("address.search", `{"keyword":"강원특별자치도청"}`), "completed")
	d.await(d.publish("address.search", `{"keyword":"강원특별자치도청"}`), "completed")
	d.await(d.publish("business.verify", `{"registration_number":"101-81-90004"}`), "manual_review")
	counts := []string{
		`gangway_provider_calls_total\{endpoint="[^"]+",outcome="ok",provider="ses",reason=""\}`, `gangway_provider_calls_total\{endpoint="[^"]+",outcome="failed",provider="ses",reason="unavailable"\}`,
		`gangway_provider_call_duration_seconds_count\{endpoint="[^"]+",provider="solapi"\}`, `gangway_commands_total\{kind="sms.send",lane="normal",status="sent"\}`,
		`gangway_command_duration_seconds_count\{kind="email.send",lane="normal"\}`, `gangway_attempts_total\{outcome="ok",provider="ses"\}`,
		`gangway_breaker_state\{provider="ses",state="closed"\}`, `gangway_cache_requests_total\{cache="[^"]+",result="hit"\}`,
		`gangway_deadletters_total\{kind="email.send",reason="unavailable"\}`, `gangway_webhooks_total\{outcome="accepted",provider="solapi"\}`,
		`gangway_provider_health\{provider="ses",status="(healthy|degraded)"\}`, `gangway_manual_waiting`, `gangway_alerts_firing\{alert="DeadLetters"\}`,
		`gangway_config_last_reload_successful`, `gangway_build_info\{goversion="[^"]+",revision="[^"]*",version="[^"]*"\}`,
	}
	var missing string
	var text string
	var found scraped
	testkit.Eventually(t, 60*time.Second, func() bool { // gauges are up to ten seconds old
		text, found = d.scrape()
		i := slices.IndexFunc(counts, func(series string) bool { return !regexp.MustCompile(`(?m)^` + series + ` [1-9]`).MatchString(text) })
		if i >= 0 {
			missing = counts[i]
		}
		return i < 0
	}, "%s has not counted", &missing)
	testkit.Promtool(t, text, "check", "metrics")
	for where, queries := range delivered(t) {
		for _, query := range queries {
			checkQuery(t, found, where, query)
		}
	}
}

// delivered are the queries of deploy/, by where they stand.
func delivered(t *testing.T) map[string][]string {
	t.Helper()
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(testkit.Root(t), "deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	var board struct {
		Panels []struct {
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
		Annotations struct{ List []struct{ Expr string } }
		Templating  struct {
			List []struct{ Definition string }
		}
	}
	if err := json.Unmarshal(read("grafana/gangway.json"), &board); err != nil {
		t.Fatal(err)
	}
	queries := map[string][]string{}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			queries["panel "+panel.Title] = append(queries["panel "+panel.Title], target.Expr)
		}
		if panel.GridPos.X+panel.GridPos.W > 24 {
			t.Errorf("panel %s stands beyond the edge", panel.Title)
		}
	}
	for _, note := range board.Annotations.List {
		queries["annotations"] = append(queries["annotations"], note.Expr)
	}
	for _, expr := range regexp.MustCompile(`(?m)^        expr: (?:\|\n((?:          .*\n)+)|(.*)\n)`).FindAllStringSubmatch(string(read("prometheus/gangway.rules.yml")), -1) {
		queries["rules"] = append(queries["rules"], expr[1]+expr[2])
	}
	if len(queries) < 20 || len(queries["rules"]) < 10 {
		t.Fatalf("only %d places with queries, %d rules", len(queries), len(queries["rules"]))
	}
	return queries
}

// checkQuery looks up every metric, label and fixed value of a query.
func checkQuery(t *testing.T, found scraped, where, query string) {
	t.Helper()
	names := regexp.MustCompile(`\b(gangway_[a-z_]+|process_[a-z_]+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(query, -1)
	if len(names) == 0 {
		t.Errorf("%s: no metric in %s", where, query)
	}
	for _, m := range names {
		labels, known := found[m[1]]
		if !known {
			t.Errorf("%s: there is no metric %s", where, m[1])
			continue
		}
		for _, matcher := range regexp.MustCompile(`(\w+)(=~|!=|=)"([^"]*)"`).FindAllStringSubmatch(m[2], -1) {
			values := strings.Split(matcher[3], "|")
			if matcher[1] == "reason" && len(values) > 1 && !slices.Equal(values, againstProvider()) {
				t.Errorf("%s: %s, but these speak against a provider: %s", where, m[0], strings.Join(againstProvider(), "|"))
			}
			for _, value := range values {
				if !strings.HasPrefix(value, "$") && value != "" && !slices.Contains(labels[matcher[1]], value) {
					t.Errorf("%s: no series of %s has %s=%q", where, m[1], matcher[1], value)
				}
			}
			if len(labels[matcher[1]]) == 0 {
				t.Errorf("%s: %s has no label %s", where, m[1], matcher[1])
			}
		}
		for _, by := range regexp.MustCompile(`by \(([^)]*)\)`).FindAllStringSubmatch(query, -1) {
			for _, label := range strings.Split(by[1], ", ") {
				if len(labels[label]) == 0 {
					t.Errorf("%s: %s has no label %s to group by", where, m[1], label)
				}
			}
		}
	}
}

// againstProvider are the reasons that count as failures of a provider.
func againstProvider() (reasons []string) {
	for _, reason := range fault.Reasons() {
		if reason.AgainstProvider() {
			reasons = append(reasons, string(reason))
		}
	}
	slices.Sort(reasons)
	return reasons
}

// TestPrometheusRules lets promtool check the rules, run their unit tests and parse
// the queries of the dashboard, and wants a rule for every alert.
func TestPrometheusRules(t *testing.T) {
	folder := filepath.Join(testkit.Root(t), "deploy", "prometheus")
	testkit.Promtool(t, "", "check", "rules", filepath.Join(folder, "gangway.rules.yml"))
	testkit.Promtool(t, "", "test", "rules", filepath.Join(folder, "gangway.rules_test.yml"))
	rules, err := os.ReadFile(filepath.Join(folder, "gangway.rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(filepath.Join(folder, "gangway.rules_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range alert.Names() {
		if !strings.Contains(string(rules), "- alert: "+string(name)+"\n") || !regexp.MustCompile(`alertname: `+string(name)+`\n\s+exp_alerts:\n`).Match(tests) {
			t.Errorf("%s has no rule, or no test that sees it", name)
		}
	}
	var b strings.Builder
	b.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for _, queries := range delivered(t) {
		for i, query := range queries {
			query = strings.NewReplacer("$__rate_interval", "5m", "$provider", ".*", "$kind", ".*").Replace(query)
			fmt.Fprintf(&b, "  - record: q%d\n    labels: {n: %q}\n    expr: %q\n", i, fmt.Sprint(b.Len()), query)
		}
	}
	name := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	testkit.Promtool(t, "", "check", "rules", name)
}
