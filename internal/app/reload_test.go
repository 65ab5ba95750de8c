package app

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// mounted is a configuration file as Kubernetes mounts it: a link through ..data,
// which is swapped as a whole.
type mounted struct {
	t    *testing.T
	dir  string
	next int
}

// put gives the file another content.
func (m *mounted) put(text string) {
	m.t.Helper()
	m.next++
	version := "..v" + string(rune('a'+m.next))
	check := func(err error) {
		m.t.Helper()
		if err != nil {
			m.t.Fatal(err)
		}
	}
	check(os.MkdirAll(filepath.Join(m.dir, version), 0o755))
	check(os.WriteFile(filepath.Join(m.dir, version, "worker.yaml"), []byte(text), 0o600))
	check(os.Symlink(version, filepath.Join(m.dir, "..next")))
	check(os.Rename(filepath.Join(m.dir, "..next"), filepath.Join(m.dir, "..data")))
}

func mount(t *testing.T, text string) *mounted {
	m := &mounted{t: t, dir: t.TempDir()}
	m.put(text)
	if err := os.Symlink("..data/worker.yaml", m.file()); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mounted) file() string { return filepath.Join(m.dir, "worker.yaml") }

// admin asks the admin listener; the worker has no token, and is on loopback.
func (o *office) admin(method, path string, status int, into any) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), method, "http://"+o.running.AdminAddr+path, nil)
	o.check(err)
	response, err := http.DefaultClient.Do(r)
	o.check(err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	o.check(err)
	if response.StatusCode != status {
		o.t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, body)
	}
	switch into := into.(type) {
	case nil:
	case *string:
		*into = string(body)
	default:
		o.check(json.Unmarshal(body, into, json.MatchCaseInsensitiveNames(true)))
	}
}

// inForce is what a key is now.
func (o *office) inForce(path string) string {
	o.t.Helper()
	var list page[struct{ Path, Value string }]
	o.admin("GET", "/api/v1/config", 200, &list)
	for _, s := range list.Items {
		if s.Path == path {
			return s.Value
		}
	}
	return ""
}

func (o *office) becomes(path, value string) {
	o.t.Helper()
	testkit.Eventually(o.t, 60*time.Second, func() bool { return o.inForce(path) == value }, "%s is not %s", path, value)
}

// reloads are the entries of the audit log about reloads, newest first.
func (o *office) reloads() []postgres.AuditEntry {
	o.t.Helper()
	entries, err := o.reader.AuditLog(o.t.Context(), postgres.AuditFilter{Action: "config.reload"}, 0, 100)
	o.check(err)
	return entries
}

// TestReload changes the configuration of a running worker by every way there is.
func TestReload(t *testing.T) {
	testkit.NoLeaks(t)
	hangups := make(chan os.Signal, 1)
	file := mount(t, "routes: {email: [ses]}\n")
	o := openOffice(t, officeOptions{file: file.file(), hangups: hangups})
	via := func(address string) string {
		row := o.await(o.publish("email.send", mailTo(address)), delivery.Sent, delivery.Delivered)
		return row.Provider
	}
	if got := via("one@example.kr"); got != "ses" {
		t.Fatalf("sent by %s", got)
	}

	t.Run("a swapped link changes everything at once", func(t *testing.T) {
		folder := t.TempDir()
		file.put("routes: {email: [sendgrid], address: [kakao]}\n" +
			"http: {client_rate: 0.001, client_burst: 1}\nlog: {level: info}\ntemplates: {dir: " + folder + "}\n" +
			"marketing: {sender: 홍길동상사 02-123-4567}\nproviders: {sendgrid: {rate: 50, breaker: {failures: 9}}}\n")
		o.becomes("routes.email", "sendgrid")
		if got := via("two@example.kr"); got != "sendgrid" {
			t.Errorf("sent by %s", got)
		}
		row := o.await(o.publish("address.search", `{"keyword":"강원특별자치도청"}`), delivery.Completed)
		if !strings.Contains(string(row.Result), `"kakao"`) {
			t.Errorf("searched: %s", row.Result)
		}
		o.publish("sms.send", `{"to":"010-1234-5678","text":"세일","category":"marketing","send_at":"`+noonInKorea()+`"}`)
		ask := func() int {
			response, err := http.Get("http://" + o.running.HTTPAddr + "/v1/addresses?keyword=x")
			o.check(err)
			_ = response.Body.Close()
			return response.StatusCode
		}
		if ask(); ask() != http.StatusTooManyRequests {
			t.Error("the limit of clients is the old one")
		}
		var all page[api.Provider]
		o.admin("GET", "/api/v1/providers", 200, &all)
		for _, p := range all.Items {
			if p.Name == "sendgrid" && p.Rate != 50 {
				t.Errorf("sendgrid: %+v", p)
			}
		}
		newest := o.reloads()[0]
		if !strings.Contains(string(newest.Detail), `"file"`) || !strings.Contains(string(newest.Detail), "routes.email") ||
			!strings.Contains(string(newest.Detail), `"providers.juso"`) || !strings.HasPrefix(newest.By, "worker ") {
			t.Errorf("audit: %+v %s", newest, newest.Detail)
		}
	})

	t.Run("a changed secret file", func(t *testing.T) {
		secret := filepath.Join(t.TempDir(), "password")
		o.check(os.WriteFile(secret, []byte("hush-hush-first\n"), 0o600))
		file.put("routes: {email: [sendgrid]}\nproviders: {sendgrid: {password: \"file:" + secret + "\"}}\n")
		o.becomes("providers.sendgrid.password", config.Redacted)
		before := len(o.reloads())
		o.check(os.WriteFile(secret, []byte("hush-hush-second\n"), 0o600))
		testkit.Eventually(t, 60*time.Second, func() bool { return len(o.reloads()) > before }, "the change was not seen")
		if newest := o.reloads()[0]; !strings.Contains(string(newest.Detail), `["providers.sendgrid.password"]`) {
			t.Errorf("audit: %s", newest.Detail)
		}
		if got := via("secret@example.kr"); got != "sendgrid" || strings.Contains(o.log.String(), "hush-hush") {
			t.Errorf("sent by %s, or the secret is in the log", got)
		}
	})

	t.Run("with a mistake nothing changes", func(t *testing.T) {
		before := len(o.reloads())
		file.put("routes: {email: [ses]}\nlog: {levle: debug}\npool: {email.send: 3}\n")
		testkit.Eventually(t, 60*time.Second, func() bool { return len(o.reloads()) > before }, "the mistake was not seen")
		var problem trouble
		o.admin("POST", "/api/v1/config/reload", 422, &problem)
		if !strings.Contains(problem.Detail, "log.level?") || problem.Code != "invalid" {
			t.Errorf("%+v", problem)
		}
		if o.inForce("routes.email") != "sendgrid" || via("three@example.kr") != "sendgrid" {
			t.Error("a part of it was taken over")
		}
		var metrics string
		if o.admin("GET", "/metrics", 200, &metrics); !strings.Contains(metrics, "gangway_config_last_reload_successful 0") {
			t.Error("the gauge does not show it")
		}
		if newest := o.reloads()[0]; !strings.Contains(string(newest.Detail), "log.levle") {
			t.Errorf("audit: %s", newest.Detail)
		}
	})

	t.Run("what needs a restart is named", func(t *testing.T) {
		before := len(o.reloads())
		file.put("routes: {email: [ses]}\npool: {email.send: 3}\ncache: {entries: 7, juso: {ttl: 1h}}\n")
		testkit.Eventually(t, 60*time.Second, func() bool { return len(o.reloads()) > before }, "the change was not seen")
		var problem trouble
		o.admin("POST", "/api/v1/config/reload", 422, &problem)
		if !strings.Contains(problem.Detail, "restart") || !strings.Contains(problem.Detail, "cache.entries, pool.email.send") || strings.Contains(problem.Detail, "routes.email") || strings.Contains(problem.Detail, "cache.juso") {
			t.Errorf("%+v", problem)
		}
		if o.inForce("routes.email") != "sendgrid" {
			t.Error("a part of it was taken over")
		}
	})

	t.Run("a part that cannot prepare holds all back", func(t *testing.T) {
		before := len(o.reloads())
		file.put("routes: {email: [ses]}\ntemplates: {dir: " + filepath.Join(t.TempDir(), "nowhere") + "}\n")
		testkit.Eventually(t, 60*time.Second, func() bool { return len(o.reloads()) > before }, "the change was not seen")
		if newest := o.reloads()[0]; !strings.Contains(string(newest.Detail), "templates.dir") || o.inForce("routes.email") != "sendgrid" {
			t.Errorf("audit: %s", newest.Detail)
		}
	})

	t.Run("a signal and the API", func(t *testing.T) {
		file.put("routes: {email: [ses]}\nhealth: {interval: 7m}\n")
		o.becomes("health.interval", "7m")
		hangups <- syscall.SIGHUP
		testkit.Eventually(t, 60*time.Second, func() bool { return strings.Contains(o.log.String(), `"cause":"signal"`) }, "the signal was not heard")
		var done struct {
			Changed []string
			Config  string
		}
		o.admin("POST", "/api/v1/config/reload", 200, &done)
		if done.Changed == nil || len(done.Changed) > 0 || len(done.Config) != 12 {
			t.Errorf("%+v", done)
		}
		var metrics string
		if o.admin("GET", "/metrics", 200, &metrics); !strings.Contains(metrics, "gangway_config_last_reload_successful 1") {
			t.Error("the gauge does not show it")
		}
	})
}

// noonInKorea is the next noon, when advertising is allowed.
func noonInKorea() string {
	kst := time.FixedZone("KST", 9*60*60)
	now := time.Now().In(kst)
	return time.Date(now.Year(), now.Month(), now.Day()+1, 12, 0, 0, 0, kst).Format(time.RFC3339)
}

// TestReloadKeepsWhatHasNotChanged: a driver, and with it its connections, stays
// as long as its own settings do, and one that leaves is closed when its last
// call has ended.
func TestReloadKeepsWhatHasNotChanged(t *testing.T) {
	load := func(text string) *config.Live {
		t.Helper()
		cfg, _, err := config.Load(config.Options{Env: config.Dev, File: mount(t, text).file(), Environ: []string{}, Defaults: map[string]string{"mock": "true"}})
		if err != nil {
			t.Fatal(err)
		}
		return &cfg.Live
	}
	sim, err := simulator.Start(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sim.Close() }()
	routes, err := BuildRoutes(load("routes: {email: [ses, sendgrid], sms: [solapi]}"), sim, providers.GuardOptions{})
	if err != nil {
		t.Fatal(err)
	}
	driver := func(name string) any { return routes.inUse[name].driver }
	ses, sendgrid, solapi := driver("ses"), driver("sendgrid"), driver("solapi")
	reload := func(text string) {
		t.Helper()
		next, err := routes.prepare(load(text), sim)
		if err != nil {
			t.Fatal(err)
		}
		next.commit()
	}
	reload("routes: {email: [sendgrid, ses], sms: [solapi]}\nproviders: {ses: {rate: 3, log_level: warn, webhook: {tolerance: 1m}}, sendgrid: {timeout: 3s}}")
	if driver("ses") != ses || driver("solapi") != solapi || driver("sendgrid") == sendgrid {
		t.Error("ses and solapi should have stayed, sendgrid not")
	}
	if names, _ := routes.Email.Names(""); !slices.Equal(names, []string{"sendgrid", "ses"}) {
		t.Errorf("order %v", names)
	}
	if _, err := routes.prepare(load("routes: {email: [ses], sms: [solapi]}\nproviders: {solapi: {mode: live, api_key: k, api_secret: s, url: \"http://127.0.0.1:1\", from: 033-1}}"), sim); err == nil {
		if driver("solapi") != solapi {
			t.Error("what is only prepared is in use")
		}
	}
	reload("routes: {sms: [solapi], email: [ses]}")
	if checks := routes.Checks(); len(checks) < 2 || driver("sendgrid") != nil {
		t.Errorf("%d checks", len(checks))
	}
	if _, err := routes.Email.Names("sendgrid"); err == nil {
		t.Error("sendgrid is still in the route")
	}
	if err := routes.Close(); err != nil {
		t.Error(err)
	}
}
