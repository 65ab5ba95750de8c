package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func TestExplain(t *testing.T) {
	cfg, origins := mustLoad(t, Options{Env: Dev, Environ: []string{"GANGWAY_PROVIDERS_SES_TOKYO_DRIVER=smtp", "GANGWAY_ADMIN_TOKEN=hush"}})
	for _, test := range []struct {
		key  string
		says []string
	}{
		{"http.addr", []string{"http.addr\n", "value     127.0.0.1:8080", "from      default", "GANGWAY_HTTP_ADDR", "needs a restart"}},
		{"log.level", []string{"value     debug", "from      default of dev", "debug, info, warn, error", "takes effect without a restart"}},
		{"admin.token", []string{"value     [redacted]", "GANGWAY_ADMIN_TOKEN_FILE"}},
		{"retry.email.max", []string{"retry.email.send.max\n", "value     3"}},
		{"GANGWAY_RETRY_EMAIL_MAX", []string{"retry.email.send.max\n"}},
		{"GANGWAY_PROVIDERS_SES_TOKYO_RATE", []string{"providers.ses-tokyo.rate\n"}},
		{"providers.gmail.rate", []string{"value     (empty)"}},
		{"providers.<name>.rate", []string{"GANGWAY_PROVIDERS_<NAME>_RATE"}},
		{"http", []string{"http.addr ", "http.trusted_proxies "}},
		{"", []string{"nats.url ", "retention.audit "}},
	} {
		text, err := Explain(test.key, cfg, origins)
		if err != nil {
			t.Errorf("%s: %v", test.key, err)
		}
		for _, part := range test.says {
			if !strings.Contains(text, part) {
				t.Errorf("%s does not say %q:\n%s", test.key, part, text)
			}
		}
		if strings.Contains(text, "hush") {
			t.Errorf("%s shows a secret:\n%s", test.key, text)
		}
	}
	if text, err := Explain("http.addr", nil, nil); err != nil || strings.Contains(text, "value") {
		t.Errorf("without a configuration: %s, %v", text, err)
	}
	for key, says := range map[string]string{"http.adr": "did you mean http.addr?", "GANGWAY_HTTP_ADR": "did you mean GANGWAY_HTTP_ADDR?"} {
		if _, err := Explain(key, nil, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestFlags(t *testing.T) {
	paths := []string{"nats.url", "data_dir", "mock", "admin.token"}
	flags := pflag.NewFlagSet("x", pflag.ContinueOnError)
	AddFlags(flags, paths...)
	if flags.Lookup("admin-token") != nil {
		t.Error("a secret can be written on the command line")
	}
	if err := flags.Parse([]string{"--nats-url", "nats://a", "--mock", "--data-dir="}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"nats.url": "nats://a", "mock": "true", "data_dir": ""}
	if diff := cmp.Diff(want, FlagValues(flags, paths...)); diff != "" {
		t.Error(diff)
	}
	cfg, _ := mustLoad(t, Options{Env: Staging, Flags: FlagValues(flags, paths...)})
	if !cfg.Mock || cfg.NATS.URL.Reveal() != "nats://a" {
		t.Errorf("%+v", cfg)
	}
}
