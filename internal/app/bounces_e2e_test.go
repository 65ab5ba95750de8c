package app

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// Gmail, Outlook and a server of one's own tell by mail alone that a message did
// not arrive. The mail is read, and the delivery shows it like any other report.
func TestBouncesThatComeByMail(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "ROUTES_EMAIL=gmail,outlook,relay", "PROVIDERS_RELAY_DRIVER=smtp")
	for _, provider := range []string{"gmail", "outlook", "relay"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			o := *o
			o.t = t
			to := "bounce+" + provider + "@example.kr"
			id := o.publish("email.send", `{"to":["`+to+`"],"subject":"x","text":"y","provider":"`+provider+`"}`)
			row := o.await(id, delivery.Bounced)
			if row.Provider != provider || row.Reason != fault.Refused || row.ErrorCode != "5.1.1" || row.Recipient != to {
				t.Errorf("%+v", row)
			}
			code, out, errs := o.publisher("status", id.String())
			if code != cli.ExitDone || !strings.Contains(out, "dsn.bounced") || !strings.Contains(out, "5.1.1") {
				t.Errorf("publisher status: %d\n%s%s", code, out, errs)
			}
			if _, out, _ := o.publisher("suppressions", "list"); !strings.Contains(out, to) {
				t.Errorf("%s is not suppressed:\n%s", to, out)
			}
		})
	}
	t.Run("one of several", func(t *testing.T) {
		t.Parallel()
		o := *o
		o.t = t
		id := o.publish("email.send", `{"to":["kim@example.kr","bounce+lee@example.kr"],"subject":"x","text":"y","provider":"gmail"}`)
		row := o.await(id, delivery.Bounced)
		const want = `{"recipients":[{"address":"kim@example.kr","status":"sent"},{"address":"bounce+lee@example.kr","reason":"refused","status":"bounced"}]}`
		if got := string(canonical(t, row.Result)); got != want {
			t.Errorf("%s", got)
		}
	})
	// The worker that reads the mailboxes shows that it can.
	testkit.Eventually(t, 30*time.Second, func() bool {
		answer, err := http.Get("http://" + o.running.AdminAddr + "/metrics")
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		text, _ := io.ReadAll(answer.Body)
		return strings.Contains(string(text), `gangway_bounce_mailbox_up{provider="gmail"} 1`)
	}, "the metric of the mailbox")
}
