package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// write puts a file into dir and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads with nothing of this process's environment or folder.
func load(t *testing.T, options Options) (*Config, *Origins, Problems) {
	t.Helper()
	if options.Dir == "" {
		options.Dir = t.TempDir()
	}
	options.Environ = append([]string{}, options.Environ...)
	cfg, origins, err := Load(options)
	if err == nil {
		return cfg, origins, nil
	}
	problems, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatalf("error is %T, want Problems: %v", err, err)
	}
	return cfg, origins, problems
}

func mustLoad(t *testing.T, options Options) (*Config, *Origins) {
	t.Helper()
	cfg, origins, problems := load(t, options)
	if problems != nil {
		t.Fatal(problems)
	}
	return cfg, origins
}

// TestOrder covers one value by each stronger source in turn.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	options := Options{Env: Dev, Dir: dir}
	expect := func(want, from string) {
		t.Helper()
		cfg, origins := mustLoad(t, options)
		if got := origins.Of("http.addr").String(); cfg.Static.HTTP.Addr != want || got != from {
			t.Errorf("http.addr = %s from %s, want %s from %s", cfg.Static.HTTP.Addr, got, want, from)
		}
	}
	expect("127.0.0.1:8080", "default")
	options.Defaults = map[string]string{"http.addr": "127.0.0.1:1"}
	expect("127.0.0.1:1", "default of this command")
	path := write(t, dir, "config/dev.yaml", "# first\nhttp:\n  addr: 127.0.0.1:2\n")
	expect("127.0.0.1:2", path+" line 3")
	options.Environ = []string{"GANGWAY_HTTP_ADDR=127.0.0.1:3"}
	expect("127.0.0.1:3", "environment GANGWAY_HTTP_ADDR")
	options.Flags = map[string]string{"http.addr": "127.0.0.1:4"}
	expect("127.0.0.1:4", "flag --http-addr")
}

func TestEnvironmentsFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "config/dev.yaml", "data_dir: dev")
	write(t, dir, "config/staging.yaml", "data_dir: staging")
	write(t, dir, "config/production.yaml", "data_dir: production")
	named := write(t, dir, "other.yaml", "data_dir: other")
	for _, test := range []struct {
		name    string
		options Options
		env     string
		dataDir string
	}{
		{"nothing said", Options{}, Production, "production"},
		{"default of the command", Options{DefaultEnv: Dev}, Dev, "dev"},
		{"variable", Options{DefaultEnv: Dev, Environ: []string{"GANGWAY_ENV=staging"}}, Staging, "staging"},
		{"flag", Options{Env: Dev, Environ: []string{"GANGWAY_ENV=staging"}}, Dev, "dev"},
		{"named file", Options{Env: Dev, Environ: []string{"GANGWAY_CONFIG=" + named}}, Dev, "other"},
		{"file by flag", Options{Env: Dev, File: named, Environ: []string{"GANGWAY_CONFIG=nowhere"}}, Dev, "other"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.options.Dir = dir
			cfg, origins := mustLoad(t, test.options)
			if cfg.Env != test.env || cfg.DataDir != test.dataDir {
				t.Errorf("env %s, data_dir %s, want %s, %s", cfg.Env, cfg.DataDir, test.env, test.dataDir)
			}
			if len(origins.Files) != 1 || !strings.HasSuffix(origins.Files[0], test.dataDir+".yaml") {
				t.Errorf("files = %v", origins.Files)
			}
		})
	}
}

func TestDevIsMockWithRoutes(t *testing.T) {
	cfg, _ := mustLoad(t, Options{Env: Dev})
	want := Routes{
		Email: []string{"ses", "sendgrid"}, SMS: []string{"solapi", "sns"},
		Business: []string{"nicednb", "nts"}, Address: []string{"juso", "kakao"},
	}
	if diff := cmp.Diff(want, cfg.Routes); diff != "" {
		t.Errorf("routes: %s", diff)
	}
	if !cfg.Mock || cfg.Live.Log.Level != "debug" || cfg.NATS.Replicas != 1 || !cfg.NATS.URL.IsZero() {
		t.Errorf("dev is %+v", cfg)
	}
	for name, provider := range cfg.Providers {
		if !provider.Mock() || provider.Name != name || provider.Breaker.Failures != 5 || provider.Breaker.Cooldown != time.Minute {
			t.Errorf("%s is %+v", name, provider)
		}
		if provider.Rate != 0 || provider.Quota != 0 {
			t.Errorf("%s: the simulator is held to the vendor's limits: %v, %v", name, provider.Rate, provider.Quota)
		}
	}
	// The same routes when mock comes from anywhere else.
	cfg, _ = mustLoad(t, Options{Env: Staging, Environ: []string{"GANGWAY_MOCK=true"}})
	if diff := cmp.Diff(want, cfg.Routes); diff != "" {
		t.Errorf("routes of staging with mock: %s", diff)
	}
	cfg, _ = mustLoad(t, Options{Env: Staging})
	if diff := cmp.Diff(Routes{}, cfg.Routes); diff != "" {
		t.Errorf("live routes without a word: %s", diff)
	}
}

func TestPresets(t *testing.T) {
	cfg, _ := mustLoad(t, Options{Env: Staging, Environ: []string{
		"GANGWAY_ROUTES_EMAIL=gmail,outlook,sendgrid,ses,relay", "GANGWAY_ROUTES_SMS=sns,solapi,nhncloud,sens",
		"GANGWAY_ROUTES_BUSINESS=nicednb,nts", "GANGWAY_ROUTES_ADDRESS=juso,kakao",
		"GANGWAY_PROVIDERS_SES_REGION=us-east-1", "GANGWAY_PROVIDERS_RELAY_DRIVER=smtp", "GANGWAY_PROVIDERS_RELAY_HOST=mail.example.kr",
		"GANGWAY_PROVIDERS_RELAY_TLS=tls", "GANGWAY_PROVIDERS_NTS_URL=http://127.0.0.1:9/",
	}})
	type short struct {
		Driver, Endpoint, OnUnknown string
		Port, MaxConns              int
		Rate                        float64
		Quota                       int64
	}
	want := map[string]short{
		"gmail":    {"smtp", "smtp.gmail.com", "retry", 587, 8, 0, 2000},
		"outlook":  {"smtp", "smtp.office365.com", "retry", 587, 3, 0.5, 10000},
		"sendgrid": {"smtp", "smtp.sendgrid.net", "confirm", 587, 8, 0, 0},
		"ses":      {"smtp", "email-smtp.us-east-1.amazonaws.com", "confirm", 587, 8, 0, 0},
		"relay":    {"smtp", "mail.example.kr", "retry", 465, 8, 0, 0},
		"sns":      {"sns", "https://sns.ap-northeast-1.amazonaws.com", "hold", 0, 16, 20, 0},
		"solapi":   {"solapi", "https://api.solapi.com", "confirm", 0, 16, 0, 0},
		"nhncloud": {"nhncloud", "https://sms.api.nhncloudservice.com", "confirm", 0, 16, 0, 0},
		"sens":     {"sens", "https://sens.apigw.ntruss.com", "confirm", 0, 16, 0, 0},
		"nicednb":  {"nicednb", "https://gate.nicednb.com", "retry", 0, 16, 5, 0},
		"nts":      {"nts", "http://127.0.0.1:9", "retry", 0, 16, 0, 1000000},
		"juso":     {"juso", "https://business.juso.go.kr", "retry", 0, 16, 0, 0},
		"kakao":    {"kakao", "https://dapi.kakao.com", "retry", 0, 16, 0, 100000},
	}
	got := map[string]short{}
	for name, p := range cfg.Providers {
		got[name] = short{p.Driver, p.Host + p.URL, p.OnUnknown, p.Port, p.MaxConns, p.Rate, p.Quota}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if user := cfg.Providers["sendgrid"].Username; user != "apikey" {
		t.Errorf("sendgrid's user is %q", user)
	}
	for name, want := range map[string]time.Duration{"ses": 75 * time.Minute, "sns": 75 * time.Minute, "sendgrid": 5 * time.Minute, "solapi": 5 * time.Minute} {
		if got := cfg.Providers[name].Webhook.Tolerance; got != want {
			t.Errorf("%s: tolerance %v, want %v", name, got, want)
		}
	}
}

// TestModes shows which providers are the simulator's.
func TestModes(t *testing.T) {
	cfg, _ := mustLoad(t, Options{Env: Dev, Environ: []string{"GANGWAY_PROVIDERS_JUSO_MODE=live"}})
	if cfg.Providers["juso"].Mock() || !cfg.Providers["kakao"].Mock() {
		t.Error("a provider's own mode does not stand above mock")
	}
	cfg, _ = mustLoad(t, Options{Env: Staging, Environ: []string{"GANGWAY_ROUTES_SMS=sns,solapi", "GANGWAY_PROVIDERS_SNS_MODE=mock"}})
	if !cfg.Providers["sns"].Mock() || cfg.Providers["solapi"].Mock() || cfg.Providers["sns"].Rate != 0 {
		t.Errorf("one mock provider among live ones: %+v", cfg.Providers)
	}
}

func TestFileValues(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "config/dev.yaml", `
providers:
  solapi:
    from: 01012345678          # the zero is part of it
    rate: 30/m
    webhook: {secrets: [new-one, old-one], allow_from: [10.0.0.0/8, 192.0.2.7]}
  nicednb:
    options:
      detail-path: /nice/detail
      field: {name: [cmpNm, korentrnm]}
  KAKAO: {timeout: 3s}
retry: {email: {max: 1}, sms.send: {base: 2s}, business: {verify: {cap: 1d}}}
pool: {email.send: 128, sms: 5}
cache: {entries: 5, nicednb: {ttl: 12h, search: {ttl: 1h}}, juso: }
fallback: {address.search: {default: '{"total":0}'}}
nats: {max_bytes: 2GiB}
`)
	cfg, _ := mustLoad(t, Options{Env: Dev, Dir: dir})
	solapi := cfg.Providers["solapi"]
	if solapi.From != "01012345678" || solapi.Rate != 0.5 || len(solapi.Webhook.Secrets) != 2 || solapi.Webhook.Secrets[1].Reveal() != "old-one" ||
		!slices.Equal(solapi.Webhook.AllowFrom, []string{"10.0.0.0/8", "192.0.2.7"}) {
		t.Errorf("solapi is %+v", solapi)
	}
	if diff := cmp.Diff(map[string]string{"detail_path": "/nice/detail", "field_name": "cmpNm,korentrnm"}, cfg.Providers["nicednb"].Options); diff != "" {
		t.Errorf("options: %s", diff)
	}
	if cfg.Providers["kakao"].Timeout != 3*time.Second {
		t.Error("upper-case names are not the same provider")
	}
	if cfg.Retry["email.send"] != (Retry{time.Second, 2, 30 * time.Second, 1}) || cfg.Retry["sms.send"].Base != 2*time.Second || cfg.Retry["business.verify"].Cap != 24*time.Hour {
		t.Errorf("retry is %+v", cfg.Retry)
	}
	if cfg.Pool["email.send"] != 128 || cfg.Pool["sms.send"] != 5 || cfg.Pool["webhook.process"] != 64 || cfg.Pool["delivery.cancel"] != 8 {
		t.Errorf("pool is %+v", cfg.Pool)
	}
	if got := cfg.Live.Cache.Of("nicednb", "search"); got != (CacheRule{time.Hour, 720 * time.Hour, time.Hour}) {
		t.Errorf("cache of a call is %+v", got)
	}
	if got := cfg.Live.Cache.Of("nicednb", "other").TTL; got != 12*time.Hour {
		t.Errorf("cache of another call is %v", got)
	}
	if cfg.Live.Cache.Of("juso", "search").TTL != 168*time.Hour || cfg.Live.Cache.Of("nts", "x").TTL != 24*time.Hour || cfg.Live.Cache.Of("ses", "x") != (CacheRule{}) {
		t.Errorf("cache is %+v", cfg.Live.Cache)
	}
	if cfg.Static.Cache.Entries != 5 || cfg.NATS.MaxBytes != 2<<30 || cfg.Fallback["address.search"].Default != `{"total":0}` {
		t.Errorf("%+v", cfg)
	}
}

// TestLoadsAreAlike loads twice and compares: maps must not make a difference.
func TestLoadsAreAlike(t *testing.T) {
	options := Options{Env: Dev, Environ: []string{"GANGWAY_CACHE_NICEDNB_SEARCH_TTL=1h", "GANGWAY_ADMIN_TOKEN=x"}}
	a, origins := mustLoad(t, options)
	b, _ := mustLoad(t, options)
	if changes := a.Diff(b); len(changes) != 0 {
		t.Errorf("two loads differ: %v", changes)
	}
	if diff := cmp.Diff(a.Settings(origins), b.Settings(origins)); diff != "" {
		t.Error(diff)
	}
}

func TestDiffNamesWhatNeedsARestart(t *testing.T) {
	a, _ := mustLoad(t, Options{Env: Dev, Environ: []string{"GANGWAY_ADMIN_TOKEN=one"}})
	b, _ := mustLoad(t, Options{Env: Dev, Environ: []string{"GANGWAY_ADMIN_TOKEN=two", "GANGWAY_PROVIDERS_SES_RATE=7", "GANGWAY_HTTP_ADDR=127.0.0.1:0", "GANGWAY_NATS_URL=nats://a:4222", "GANGWAY_PROVIDERS_SES_WEBHOOK_SECRETS=x"}})
	want := []Change{{"admin.token", true}, {"http.addr", false}, {"nats.url", false}, {"providers.ses.rate", true}, {"providers.ses.webhook.secrets", true}}
	if diff := cmp.Diff(want, a.Diff(b)); diff != "" {
		t.Error(diff)
	}
}
