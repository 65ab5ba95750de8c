package health

import (
	"testing"
	"time"
)

func TestJudgement(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	ok, failed := Checked{Took: 20 * time.Millisecond}, Checked{Reason: "the check failed: timeout"}
	grave, slow := Checked{Reason: "the check failed: unauthorized", Grave: true}, Checked{Took: 6 * time.Second}
	lacking := Checked{Lacking: "the mailbox for its bounces cannot be read: timeout"}
	type step struct {
		check *Checked
		signs Signs
		want  Status
	}
	look := func(signs Signs, want Status) step { return step{signs: signs, want: want} }
	check := func(c Checked, want Status) step { return step{check: &c, want: want} }
	for name, steps := range map[string][]step{
		"healthy":                     {check(ok, Healthy), look(Signs{Calls: 1000, Failures: 50}, Healthy)},
		"one failure is a doubt":      {check(ok, Healthy), check(failed, Degraded), check(failed, Unhealthy)},
		"credentials":                 {check(ok, Healthy), check(grave, Unhealthy)},
		"slow":                        {check(slow, Degraded)},
		"lacking is never unhealthy":  {check(lacking, Degraded), check(lacking, Degraded), check(lacking, Degraded), check(failed, Degraded), check(failed, Unhealthy)},
		"better slowly":               {check(grave, Unhealthy), check(ok, Unhealthy), look(Signs{}, Healthy)},
		"through degraded":            {check(failed, Degraded), check(failed, Unhealthy), check(ok, Unhealthy), check(failed, Degraded), check(ok, Degraded), look(Signs{}, Healthy)},
		"calls fail":                  {check(ok, Healthy), look(Signs{Calls: 20, Failures: 2}, Degraded), look(Signs{Calls: 20, Failures: 10}, Unhealthy)},
		"too few calls to say":        {check(ok, Healthy), look(Signs{Calls: 19, Failures: 19}, Healthy)},
		"a share about the limit":     {look(Signs{Calls: 100, Failures: 10}, Degraded), look(Signs{Calls: 100, Failures: 9}, Degraded), look(Signs{Calls: 100, Failures: 9}, Degraded), look(Signs{Calls: 100, Failures: 7}, Degraded), look(Signs{Calls: 100, Failures: 7}, Healthy)},
		"slow calls":                  {look(Signs{Calls: 20, P95: 11 * time.Second}, Degraded)},
		"the breaker is open":         {check(ok, Healthy), look(Signs{Blocked: "its breaker is open"}, Unhealthy), look(Signs{}, Unhealthy), look(Signs{}, Healthy)},
		"paused is not ill":           {check(ok, Healthy), look(Signs{Paused: "paused by kim"}, Healthy)},
		"a relapse begins to count":   {look(Signs{Blocked: "x"}, Unhealthy), look(Signs{}, Unhealthy), look(Signs{Blocked: "x"}, Unhealthy), look(Signs{}, Unhealthy), look(Signs{}, Healthy)},
		"checks do not outvote calls": {look(Signs{Blocked: "x"}, Unhealthy), {check: &ok, signs: Signs{Blocked: "x"}, want: Unhealthy}},
	} {
		var r Record
		for i, s := range steps {
			at := now.Add(time.Duration(i) * time.Minute)
			if s.check != nil {
				c := *s.check
				c.At = at
				r.checked(c)
			}
			before := r
			r.judge(at, s.signs)
			if r.Status != s.want {
				t.Fatalf("%s: step %d: %s (%s), want %s", name, i, r.Status, r.Reason, s.want)
			}
			if changed := r.Status != before.Status; changed != (r.Changes > before.Changes) || changed && !r.Since.Equal(at) {
				t.Errorf("%s: step %d: %d changes since %v", name, i, r.Changes, r.Since)
			}
			if r.Status != Healthy && r.Reason == "" {
				t.Errorf("%s: step %d: %s for no reason", name, i, r.Status)
			}
		}
	}
}

func TestSummary(t *testing.T) {
	routes := [][]string{{"ses", "sendgrid"}, {"solapi"}, nil}
	for name, c := range map[string]struct {
		ses, sendgrid, solapi, want Status
	}{
		"all well":              {Healthy, Healthy, Healthy, Healthy},
		"one of two is away":    {Unhealthy, Healthy, Healthy, Degraded},
		"one is slow":           {Healthy, Degraded, Healthy, Degraded},
		"a route has none left": {Healthy, Healthy, Unhealthy, Unhealthy},
		"both are away":         {Unhealthy, Unhealthy, Healthy, Unhealthy},
	} {
		reports := map[string]Report{"ses": {Status: c.ses}, "sendgrid": {Status: c.sendgrid}, "solapi": {Status: c.solapi}}
		if got := Summarize(reports, routes, Cache{Status: Healthy}, true); got.Status != c.want || !got.Mock {
			t.Errorf("%s: %+v", name, got)
		}
		// Without the cache nothing is worse than degraded that was not before.
		want := c.want
		if want == Healthy {
			want = Degraded
		}
		if got := Summarize(reports, routes, CacheAway(time.Now()), true); got.Status != want || got.Cache.Reason == "" {
			t.Errorf("%s, without the cache: %+v, want %s", name, got, want)
		}
	}
	if r := Read(nil); r.Status != Healthy || r.Reason != "not checked yet" {
		t.Errorf("never checked: %+v", r)
	}
}
