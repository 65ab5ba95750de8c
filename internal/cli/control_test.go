package cli

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

type panel struct {
	did    string
	tuning Tuning
}

func (p *panel) List(context.Context) ([]ProviderState, error) {
	nine := time.Date(2026, 3, 1, 9, 0, 0, 0, kst)
	return []ProviderState{
		{Name: "ses", Driver: "smtp", Mode: "live", Health: "healthy", Since: nine, Breaker: "closed", Rate: 14, Burst: 28, Calls: 2000, Failures: 3, P50MS: 80, P95MS: 212, P99MS: 640},
		{Name: "solapi", Driver: "solapi", Mode: "mock", Breaker: "open", Paused: true, Reason: "timeout"},
	}, nil
}

func (p *panel) Control(_ context.Context, name string, action ProviderAction, by, _ string) error {
	if name != "ses" {
		return fault.New(fault.NotFound, "providers", "not there")
	}
	p.did = string(action) + " by " + by
	return nil
}

func (p *panel) Tune(_ context.Context, _ string, tuning Tuning, _ string) error {
	p.tuning = tuning
	return nil
}

func TestProviders(t *testing.T) {
	p := &panel{}
	b := Backends{Providers: opens[Providers](p)}
	golden(t, "providers.txt", publisher(t, b, "", "providers").out)
	golden(t, "providers.json", publisher(t, b, "", "providers", "-o", "json").out)
	for action, done := range map[string]string{"pause": "paused", "resume": "resumed", "reset": "reset"} {
		if got := publisher(t, b, "", "providers", action, "ses", "--by", "op"); got.out != "ses "+done+"\n" || p.did != action+" by op" {
			t.Errorf("%s: %+v did %q", action, got, p.did)
		}
	}
	if got := publisher(t, b, "", "providers", "pause", "sess"); got.code != ExitFailed || got.err != "publisher: \"sess\" is not a configured provider: see publisher providers\n" {
		t.Errorf("an unknown one: %+v", got)
	}
	if got := publisher(t, b, "", "providers", "paus", "ses"); got.code != ExitUsage {
		t.Errorf("a misspelled action: %+v", got)
	}
	if got := publisher(t, b, "", "providers", "set", "ses", "rate=2.5"); got.out != "ses set rate=2.5\n" || *p.tuning.Rate != 2.5 || p.tuning.Burst != nil {
		t.Errorf("set: %+v, %+v", got, p.tuning)
	}
	if got := publisher(t, b, "", "providers", "set", "ses", "rate=0", "burst=40", "-o", "json"); got.out != `{"subject":"ses","done":"set rate=0 burst=40"}`+"\n" || *p.tuning.Rate != 0 || *p.tuning.Burst != 40 {
		t.Errorf("set: %+v, %+v", got, p.tuning)
	}
}

type ledgerOfCalls struct{ since time.Time }

func (l *ledgerOfCalls) Calls(_ context.Context, since time.Time) ([]CallStat, error) {
	l.since = since
	return []CallStat{{
		Provider: "ses", Endpoint: "send", Calls: 200, Failures: 3, P50MS: 80, P95MS: 212, P99MS: 640, LastError: "timeout",
		LastErrorAt: time.Date(2026, 3, 1, 9, 0, 0, 0, kst),
	}}, nil
}

func TestStats(t *testing.T) {
	calls := &ledgerOfCalls{}
	b := Backends{Stats: opens[Stats](calls)}
	golden(t, "stats.txt", publisher(t, b, "", "stats").out)
	if age := time.Since(calls.since); age < 5*time.Minute || age > 6*time.Minute {
		t.Errorf("without --since it looks back %v", age)
	}
	golden(t, "stats.json", publisher(t, b, "", "stats", "--since", "24h", "-o", "json").out)
	if age := time.Since(calls.since); age < 24*time.Hour || age > 25*time.Hour {
		t.Errorf("--since 24h looks back %v", age)
	}
}

type shelf struct{ purge Purge }

func (s *shelf) Purge(_ context.Context, purge Purge) (int, error) { s.purge = purge; return 3, nil }

func (s *shelf) Stats(context.Context) ([]CacheStat, error) {
	return []CacheStat{{Cache: "nicednb.company", Entries: 10, Hits: 75, Stale: 5, Misses: 20}}, nil
}

func TestCache(t *testing.T) {
	s := &shelf{}
	b := Backends{Cache: opens[Cache](s)}
	if got := publisher(t, b, "", "cache", "stats"); got.out != "CACHE            ENTRIES  HITS  STALE  MISSES  HIT RATE\nnicednb.company       10    75      5      20     75.0%\n" {
		t.Errorf("stats: %+v", got)
	}
	if got := publisher(t, b, "", "cache", "purge", "juso.*", "--by", "op"); got.out != "3 purged\n" || s.purge != (Purge{Pattern: "juso.*", By: "op"}) {
		t.Errorf("purge: %+v, %+v", got, s.purge)
	}
	got := publisher(t, b, "", "cache", "purge", "business.verify", "--registration-number", "124-81-00998", "--by", "op", "-o", "json")
	if got.out != `{"purged":3}`+"\n" || s.purge != (Purge{Kind: command.BusinessVerify, RegistrationNumber: "1248100998", By: "op"}) {
		t.Errorf("purge of one: %+v, %+v", got, s.purge)
	}
}

type watchman struct {
	resolved bool
	silence  Silence
	ended    string
	forgot   string
}

func (w *watchman) open(context.Context, Settings) (Alerts, error) { return w, nil }

func (w *watchman) List(_ context.Context, resolved bool) ([]Alert, error) {
	w.resolved = resolved
	return []Alert{{Alert: "BreakerOpen", Subject: "ses", Severity: "critical", Message: "open since 2 minutes", RaisedAt: time.Date(2026, 3, 1, 9, 0, 0, 0, kst)}}, nil
}

func (w *watchman) Silences(context.Context) ([]Silence, error) {
	return []Silence{{Subject: "ses", Until: time.Date(2026, 3, 1, 9, 0, 0, 0, kst), By: "op", Note: "they know"}}, nil
}

func (w *watchman) Silence(_ context.Context, s Silence) error {
	w.silence = s
	return nil
}

func (w *watchman) Unsilence(_ context.Context, alert, subject, by string) (bool, error) {
	w.ended = alert + "/" + subject + " by " + by
	return alert == "", nil
}

func (w *watchman) Forget(_ context.Context, recipient string, dryRun bool, by, _ string) (Erased, error) {
	w.forgot = recipient + " by " + by
	if dryRun {
		w.forgot = "nobody"
	}
	return Erased{Deliveries: 3, Attempts: 5, Events: 7, Letters: 1, Messages: 2, Waiting: 1}, nil
}

type auditLog struct {
	filter  AuditFilter
	written []string
}

func (a *auditLog) Write(_ context.Context, by, action, target string, detail map[string]string) error {
	a.written = append(a.written, fmt.Sprint(by, " ", action, " ", target, " ", detail))
	return nil
}

func (a *auditLog) List(_ context.Context, filter AuditFilter, _ Page) ([]AuditRecord, string, error) {
	a.filter = filter
	return []AuditRecord{{At: time.Date(2026, 3, 1, 9, 0, 0, 0, kst), By: "op", Action: "providers.pause", Target: "ses"}}, "", nil
}

func TestSilences(t *testing.T) {
	w := &watchman{}
	b := Backends{Alerts: w.open}
	until := time.Date(2026, 3, 1, 9, 0, 0, 0, kst)
	got := publisher(t, b, "", "alerts", "silence", "BreakerOpen", "ses", "--until", until.Format(time.RFC3339), "--by", "op", "--note", "they know")
	if want := (Silence{Alert: "BreakerOpen", Subject: "ses", Until: until, By: "op", Note: "they know"}); got.code != ExitDone || !w.silence.Until.Equal(until) ||
		w.silence.Alert != want.Alert || w.silence.Subject != want.Subject || w.silence.By != want.By || w.silence.Note != want.Note {
		t.Errorf("%+v %+v", got, w.silence)
	}
	if got = publisher(t, b, "", "alerts", "silence", "all", "--until", "soon"); got.code != ExitUsage {
		t.Errorf("%+v", got)
	}
	if got = publisher(t, b, "", "alerts", "silences"); got.out != "ALERT  ABOUT  UNTIL                BY  NOTE\nall    ses    2026-03-01 09:00:00  op  they know\n" {
		t.Errorf("%s", got.out)
	}
	if got = publisher(t, b, "", "alerts", "unsilence", "all", "--by", "op"); got.code != ExitDone || w.ended != "/ by op" {
		t.Errorf("%+v %s", got, w.ended)
	}
	if got = publisher(t, b, "", "alerts", "unsilence", "BreakerOpen"); got.code != ExitFailed {
		t.Errorf("%+v", got)
	}
}

func TestAlertsAuditForget(t *testing.T) {
	w, a := &watchman{}, &auditLog{}
	b := Backends{Alerts: w.open, Audit: opens[Audit](a), Eraser: opens[Eraser](w)}
	got := publisher(t, b, "", "alerts", "--resolved")
	if want := "ALERT        ABOUT  SEVERITY  SINCE                RESOLVED  SILENCED  MESSAGE\nBreakerOpen  ses    critical  2026-03-01 09:00:00                      open since 2 minutes\n"; got.out != want || !w.resolved {
		t.Errorf("alerts:\n%s want\n%s", got.out, want)
	}
	got = publisher(t, b, "", "audit", "--action", "providers.pause", "--by", "op", "--target", "ses", "--since", "2026-03-01", "-o", "json")
	want := AuditFilter{Since: time.Date(2026, 3, 1, 0, 0, 0, 0, kst), By: "op", Action: "providers.pause", Target: "ses"}
	if got.out != `{"at":"2026-03-01T09:00:00+09:00","by":"op","action":"providers.pause","target":"ses"}`+"\n" || a.filter != want {
		t.Errorf("audit: %+v, %+v", got, a.filter)
	}
	if got = publisher(t, b, "", "forget", "kim@example.kr", "--dry-run"); got.out != "3 commands, 5 attempts, 7 events, 1 dead letters would be removed; nothing was done\n"+
		"1 commands are still under way and are left: run it again when they have ended\n" || w.forgot != "nobody" {
		t.Errorf("dry run: %+v", got)
	}
	if got = publisher(t, b, "", "forget", "kim@example.kr"); got.out != "3 commands, 5 attempts, 7 events, 1 dead letters removed\n2 messages erased from the bus\n"+
		"1 commands are still under way and are left: run it again when they have ended\n" {
		t.Errorf("forget: %+v", got)
	}
	if got = publisher(t, b, "", "forget", "kim@example.kr", "--by", "op", "-o", "json"); got.out != `{"deliveries":3,"attempts":5,"events":7,"dead_letters":1,"messages":2,"waiting":1}`+"\n" || w.forgot != "kim@example.kr by op" {
		t.Errorf("forget: %+v", got)
	}
}
