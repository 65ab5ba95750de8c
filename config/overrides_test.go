package config

import (
	"strings"
	"testing"
)

// TestOverrides: they stand above file and environment and below flags, and hold
// only what takes effect without a restart.
func TestOverrides(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "config/dev.yaml", "log: {level: warn}\nhealth: {interval: 2m}\nproviders: {ses: {rate: 1, burst: 2}}\n")
	options := Options{
		Env: Dev, Dir: dir, Environ: []string{"GANGWAY_HEALTH_INTERVAL=3m", "GANGWAY_PROVIDERS_SES_BURST=3"},
		Overrides: Overrides{Version: 4, Text: "log: {level: error}\nhealth:\n  interval: 4m\nproviders: {ses: {rate: 9}}\n"},
	}
	cfg, origins := mustLoad(t, options)
	ses := cfg.Providers["ses"]
	if cfg.Live.Log.Level != "error" || cfg.Health.Interval.Minutes() != 4 || ses.Rate != 9 || ses.Burst != 3 {
		t.Errorf("level %s, interval %s, ses %+v", cfg.Live.Log.Level, cfg.Health.Interval, ses)
	}
	if from := origins.Of("health.interval").String(); from != "fleet, version 4 line 3" {
		t.Errorf("from %s", from)
	}
	options.Flags = map[string]string{"log.level": "debug"}
	if cfg, _ = mustLoad(t, options); cfg.Live.Log.Level != "debug" {
		t.Errorf("level %s above a flag", cfg.Live.Log.Level)
	}
	for text, says := range map[string]string{
		"nats: {url: \"nats://x:1\"}":                  "nats.url: needs a restart",
		"log: {levle: info}":                           "log.level?",
		"routes: {email: [nobody]}":                    "nobody",
		"log: [":                                       "overrides",
		"providers: {ses: {password: hush-hush-hush}}": "stands in clear",
	} {
		options := Options{Env: Production, Dir: t.TempDir(), Overrides: Overrides{Version: 1, Text: text}}
		_, _, problems := load(t, options)
		if len(problems) == 0 || !strings.Contains(problems.Error(), says) || strings.Contains(problems.Error(), "hush") {
			t.Errorf("%s: %v", text, problems)
		}
	}
}
