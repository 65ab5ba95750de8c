package config

import (
	"strings"
	"testing"
)

// TestVariables maps names of variables to the settings they mean.
func TestVariables(t *testing.T) {
	known := append(Presets(), "ses-tokyo")
	table := newTable()
	for _, test := range []struct{ variable, path string }{
		{"NATS_URL", "nats.url"},
		{"HTTP_TRUSTED_PROXIES", "http.trusted_proxies"},
		{"DATA_DIR", "data_dir"},
		{"PROVIDERS_SES_RATE", "providers.ses.rate"},
		{"PROVIDERS_SES_LOG_LEVEL", "providers.ses.log_level"},
		{"PROVIDERS_SES_TOKYO_LOG_LEVEL", "providers.ses-tokyo.log_level"},
		{"PROVIDERS_NEW_ONE_API_KEY", "providers.new-one.api_key"},
		{"PROVIDERS_SES_WEBHOOK_TOPIC_ARNS", "providers.ses.webhook.topic_arns"},
		{"PROVIDERS_SES_BREAKER_COOLDOWN", "providers.ses.breaker.cooldown"},
		{"PROVIDERS_NICEDNB_OPTIONS_DETAIL_PATH", "providers.nicednb.options.detail_path"},
		{"PROVIDERS_NICEDNB_OPTIONS_URL", "providers.nicednb.options.url"},
		{"PROVIDERS_ELSE_OPTIONS_URL", "providers.else.options.url"},
		{"RETRY_EMAIL_SEND_MAX", "retry.email.send.max"},
		{"RETRY_EMAIL_MAX", "retry.email.send.max"},
		{"POOL_WEBHOOK", "pool.webhook.process"},
		{"POOL_DELIVERY_CANCEL", "pool.delivery.cancel"},
		{"CACHE_ENTRIES", "cache.entries"},
		{"CACHE_NICEDNB_TTL", "cache.nicednb.ttl"},
		{"CACHE_NICEDNB_SEARCH_TTL", "cache.nicednb.search.ttl"},
		{"CACHE_JUSO_BY_KEYWORD_STALE", "cache.juso.by_keyword.stale"},
		{"FALLBACK_BUSINESS_VERIFY_DEFAULT", "fallback.business.verify.default"},
		{"WEBHOOKS_OUT_PORTAL_ALLOW_TO", "webhooks_out.portal.allow_to"},
		{"WEBHOOKS_OUT_OLD_PORTAL_URL", "webhooks_out.old-portal.url"},
		{"NATS", ""},
		{"PROVIDERS_SES", ""},
		{"PROVIDERS_RATE", ""},
		{"RETRY_LETTER_MAX", ""},
		{"POOL_COMPLETE", ""},
		{"", ""},
		{strings.Repeat("A_", 40), ""},
	} {
		at, ok := table.findEnv(test.variable, known)
		if got := at.path(); ok != (test.path != "") || ok && got != test.path {
			t.Errorf("%s means %q (%v), want %q", test.variable, got, ok, test.path)
		}
	}
}

// TestEveryKeyHasAVariable goes from each path to its variable and back.
func TestEveryKeyHasAVariable(t *testing.T) {
	table := newTable()
	for _, key := range Keys() {
		path := strings.NewReplacer("<name>", "solapi", "<provider>", "juso", "<call>", "search", "<kind>", "sms.send", "<option>", "any_thing").Replace(key.Path)
		at, ok := table.find(path)
		if !ok || at.path() != path {
			t.Errorf("%s is found as %q", path, at.path())
			continue
		}
		back, ok := table.findEnv(strings.TrimPrefix(at.env(), envPrefix), Presets())
		if !ok || back.path() != path {
			t.Errorf("%s comes back from %s as %q", path, at.env(), back.path())
		}
	}
}

func TestUnknownVariables(t *testing.T) {
	_, _, problems := load(t, Options{Env: Dev, Allow: []string{"GANGWAY_OTHER"}, Environ: []string{
		"GANGWAY_ADMIN_TOKN=hush", "GANGWAY_PROVIDERS_SES_RAT=1", "GANGWAY_RETRY_EMAIL_SEND_MAXIMUM=1", "GANGWAY_HTTP_ADDR_FILE=x", "GANGWAY_QQQQ=1",
		"GANGWAY_OTHER=1", "GANGWAY_TEST_ANYTHING=1", "GANGWAY_ENV=dev", "GANGWAY_EMPTY=", "PATH=/bin",
	}})
	want := map[string]string{
		"GANGWAY_ADMIN_TOKN":               "unknown variable, did you mean GANGWAY_ADMIN_TOKEN?",
		"GANGWAY_PROVIDERS_SES_RAT":        "unknown variable, did you mean GANGWAY_PROVIDERS_SES_RATE?",
		"GANGWAY_RETRY_EMAIL_SEND_MAXIMUM": "unknown variable, did you mean GANGWAY_RETRY_EMAIL_SEND_MAX?",
		"GANGWAY_HTTP_ADDR_FILE":           "http.addr is no secret; set GANGWAY_HTTP_ADDR itself",
		"GANGWAY_QQQQ":                     "unknown variable; worker config explain lists every key",
	}
	for _, problem := range problems {
		if want[problem.Key] != problem.Message {
			t.Errorf("%s: %q, want %q", problem.Key, problem.Message, want[problem.Key])
		}
		delete(want, problem.Key)
	}
	if len(want) > 0 {
		t.Errorf("not reported: %v", want)
	}
}

func TestListsAndEmptyVariables(t *testing.T) {
	cfg, _ := mustLoad(t, Options{Env: Dev, Environ: []string{
		"GANGWAY_ROUTES_EMAIL= sendgrid , gmail,", "GANGWAY_HTTP_TRUSTED_PROXIES=10.0.0.0/8,::1", "GANGWAY_ROUTES_SMS=", "GANGWAY_LOG_LEVEL=",
	}})
	if len(cfg.Routes.Email) != 2 || cfg.Routes.Email[1] != "gmail" || len(cfg.Live.HTTP.TrustedProxies) != 2 {
		t.Errorf("%+v, %+v", cfg.Routes, cfg.Live.HTTP)
	}
	if len(cfg.Routes.SMS) != 2 || cfg.Live.Log.Level != "debug" {
		t.Error("an empty variable is not as if it were not set")
	}
	if _, ok := cfg.Providers["gmail"]; !ok {
		t.Error("a provider that only a route names has no preset")
	}
	// A flag can empty a list.
	cfg, _ = mustLoad(t, Options{Env: Dev, Flags: map[string]string{"routes.sms": ""}})
	if len(cfg.Routes.SMS) != 0 {
		t.Errorf("routes.sms is %v", cfg.Routes.SMS)
	}
}
