package app

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// `publisher providers` says of the last commands why they went where they went.
func TestProvidersSayWhy(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "PROVIDERS_SES_BREAKER_FAILURES=1")
	o.fail("ses")
	over := o.await(o.publish("email.send", `{"to":["kim@example.kr"],"subject":"x","text":"y"}`), delivery.Sent, delivery.Delivered)
	past := o.await(o.publish("email.send", `{"to":["kim@example.kr"],"subject":"x","text":"y"}`), delivery.Sent, delivery.Delivered)
	if code, _, errs := o.person("providers", "pause", "sns", "--note", "contract ends"); code != cli.ExitDone {
		t.Fatal(errs)
	}
	want := []string{
		"ses chosen " + over.ID.String() + " first choice",
		"sendgrid chosen " + over.ID.String() + " ses failed: unavailable",
		"ses skipped " + past.ID.String() + " the breaker is open",
		"sendgrid chosen " + past.ID.String() + " instead of ses",
	}
	var all string
	testkit.Eventually(t, 20*time.Second, func() bool { // a worker reports every two seconds
		code, out, errs := o.person("providers", "-o", "json")
		if code != cli.ExitDone {
			t.Fatal(errs)
		}
		all = ""
		for line := range strings.Lines(out) {
			var s cli.ProviderState
			o.check(json.Unmarshal([]byte(line), &s))
			for _, c := range s.Choices {
				word := "skipped"
				if c.Chosen {
					word = "chosen"
				}
				all += strings.Join([]string{s.Name, word, c.CommandID, c.Why}, " ") + "\n"
			}
			if s.Name == "sns" && (!s.Paused || !strings.Contains(s.Reason, "contract ends")) {
				return false
			}
		}
		for _, line := range want {
			if !strings.Contains(all, line+"\n") {
				return false
			}
		}
		return true
	}, "the choices are\n%s", &all)
	_, table, _ := o.person("providers")
	if !strings.Contains(table, "the breaker is open") || !strings.Contains(table, "BECAUSE") {
		t.Errorf("the table does not say why:\n%s", table)
	}
}
