package alert

import (
	"slices"
	"strings"
	"testing"
	"time"
)

var usual = Limits{
	FailureShare: 0.1, FailureCalls: 20, DeadLetters: 2, OutboxAge: time.Minute, Backlog: 1000, BacklogAge: 5 * time.Minute, ManualAge: time.Hour,
}

// TestFailureRateAboveTenPercent: above 10 % of at least 20 calls is bad, and
// only below 8 % it is fine again.
func TestFailureRateAboveTenPercent(t *testing.T) {
	for _, c := range []struct {
		calls, failures int64
		level           Level
		severity        Severity
	}{
		{0, 0, Fine, Warning}, {19, 19, Fine, Warning}, {20, 2, Doubtful, Warning}, {20, 3, Bad, Warning}, {100, 8, Fine, Warning},
		{100, 9, Doubtful, Warning}, {100, 10, Doubtful, Warning}, {100, 11, Bad, Warning}, {100, 51, Bad, Critical}, {1_000_000, 100_001, Bad, Warning},
	} {
		r := usual.failures(Provider{Name: "ses", Calls: c.calls, Failures: c.failures, Reason: "timeout"})
		if r.Level != c.level || r.Level == Bad && r.Severity != c.severity {
			t.Errorf("%d of %d: level %d %s, want %d %s", c.failures, c.calls, r.Level, r.Severity, c.level, c.severity)
		}
		if r.Level == Bad && !strings.Contains(r.Message, "ses") {
			t.Errorf("%q does not say which", r.Message)
		}
	}
}

// TestEachRule gives each rule its condition, and shows that others stay quiet.
func TestEachRule(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	well := Provider{Name: "ses", Breaker: "closed", Health: "healthy"}
	with := func(change func(*Provider)) []Reading {
		p := well
		change(&p)
		return usual.ReadProvider(p)
	}
	one := func(r Reading) []Reading { return []Reading{r} }
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, c := range []struct {
		name     string
		readings []Reading
		bad      []string
	}{
		{"well", usual.ReadProvider(well), nil},
		{"degraded", with(func(p *Provider) { p.Health = "degraded" }), []string{"ProviderUnhealthy ses warning"}},
		{"unhealthy", with(func(p *Provider) { p.Health, p.HealthReason = "unhealthy", "timeout" }), []string{"ProviderUnhealthy ses critical"}},
		{"breaker", with(func(p *Provider) { p.Breaker = "open" }), []string{"BreakerOpen ses critical"}},
		{"probing", with(func(p *Provider) { p.Breaker = "half_open" }), nil},
		{"quota", with(func(p *Provider) { p.NoQuota = true }), []string{"QuotaExhausted ses warning"}},
		{"keys", with(func(p *Provider) { p.NoEntry = true }), []string{"Unauthorized ses critical"}},
		{"one letter", one(usual.ReadLetters("sms.send", 1, "invalid")), nil},
		{"two letters", one(usual.ReadLetters("sms.send", 2, "invalid")), []string{"DeadLetters sms.send warning"}},
		{"outbox empty", one(usual.ReadOutbox(now, 0, time.Time{})), nil},
		{"outbox moves", one(usual.ReadOutbox(now, 5000, ago(time.Second))), nil},
		{"outbox stuck", one(usual.ReadOutbox(now, 1, ago(61*time.Second))), []string{"OutboxStuck  critical"}},
		{"lane moves", one(usual.ReadLane(now, "email.send", "normal", 900, ago(time.Second), false)), nil},
		{"lane old", one(usual.ReadLane(now, "email.send", "normal", 1, ago(6*time.Minute), true)), []string{"StreamBacklog email.send warning"}},
		{"lane long", one(usual.ReadLane(now, "email.send", "bulk", 1000, ago(time.Second), false)), []string{"StreamBacklog email.send.bulk warning"}},
		{"lane empty, one is retried", one(usual.ReadLane(now, "email.send", "bulk", 0, ago(time.Hour), false)), nil},
		{"somebody will come", one(usual.ReadManual(now, 3, ago(59*time.Minute))), nil},
		{"nobody came", one(usual.ReadManual(now, 3, ago(61*time.Minute))), []string{"ManualQueue  warning"}},
	} {
		var bad []string
		for _, r := range c.readings {
			if r.Level != Bad {
				continue
			}
			bad = append(bad, string(r.Alert)+" "+r.Subject+" "+string(r.Severity))
			if r.Message == "" || len(r.Message) > 300 {
				t.Errorf("%s: message %q", c.name, r.Message)
			}
		}
		if !slices.Equal(bad, c.bad) {
			t.Errorf("%s: %q, want %q", c.name, bad, c.bad)
		}
	}
}
