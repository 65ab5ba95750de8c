package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// alerts lists what `publisher alerts` shows: "BreakerOpen solapi".
func (o *office) alerts() (firing []string) {
	o.t.Helper()
	code, out, errs := o.publisher("alerts", "-o", "json")
	if code != cli.ExitDone {
		o.t.Fatalf("publisher alerts: %d %s", code, errs)
	}
	for line := range bytes.Lines([]byte(out)) {
		var a cli.Alert
		o.check(json.Unmarshal(line, &a))
		firing = append(firing, strings.TrimSpace(a.Alert+" "+a.Subject))
	}
	return firing
}

// alertEvents counts the events of an alert by type: "raised", "resolved".
func (o *office) alertEvents(about string) map[string]int {
	o.t.Helper()
	count := map[string]int{}
	for _, m := range o.messages(broker.StreamEvents, "event.alert.") {
		var event struct{ Subject, Type string }
		o.check(json.Unmarshal(m.Data, &event))
		if event.Subject == about && event.Type == "kr.gangwon.gangway.alert."+strings.TrimPrefix(m.Subject, "event.alert.") {
			count[strings.TrimPrefix(m.Subject, "event.alert.")]++
		}
	}
	return count
}

func (o *office) awaitAlert(name string, firing bool) {
	o.t.Helper()
	var now []string
	testkit.Eventually(o.t, 60*time.Second, func() bool {
		now = o.alerts()
		return slices.Contains(now, name) == firing
	}, "%s firing: %v, but there is %v", name, firing, &now)
}

// TestAlertsOfTheFleet breaks a provider and lets commands die in a real worker,
// and sees each alert raised once and resolved once.
func TestAlertsOfTheFleet(t *testing.T) {
	o := newOffice(t, "ALERTS_INTERVAL=100ms", "ALERTS_FOR=0s", "ALERTS_KEEP=100ms", "ALERTS_FAILURE_CALLS=5", "RETRY_EMAIL_MAX=0",
		"PROVIDERS_SOLAPI_BREAKER_COOLDOWN=500ms", "ROUTES_EMAIL=ses")
	o.sim.SetFault("solapi", simulator.Fault{Outcome: simulator.Error, Rate: 1, Until: time.Now().Add(time.Hour)})
	for i := range 6 {
		o.await(o.publish("sms.send", fmt.Sprintf(`{"to":"010-1234-56%02d","text":"x"}`, i)), delivery.Sent, delivery.Delivered)
	}
	dead := o.publish("email.send", mailTo("error@example.kr"))
	o.await(dead, delivery.DeadLettered)
	for _, name := range []string{"BreakerOpen solapi", "ProviderUnhealthy solapi", "ProviderFailureRate solapi", "DeadLetters email.send"} {
		o.awaitAlert(name, true)
	}
	if log := o.log.String(); !strings.Contains(log, `"alert raised"`) {
		t.Error("the log says nothing")
	}

	o.sim.SetFault("solapi", simulator.Fault{})
	_, err := deadletter.Settle(t.Context(), newOperator(o.pool), deadletter.Order{Action: deadletter.Discard, By: "kim"}, func(deadletter.Report) {})
	o.check(err)
	o.awaitAlert("DeadLetters email.send", false)
	testkit.Eventually(t, 60*time.Second, func() bool { // each is a chance to probe
		o.await(o.publish("sms.send", `{"to":"010-1234-5678","text":"x"}`), delivery.Sent, delivery.Delivered)
		return !slices.Contains(o.alerts(), "BreakerOpen solapi")
	}, "the breaker's alert is not resolved")
	for _, about := range []string{"BreakerOpen/solapi", "DeadLetters/email.send"} {
		testkit.Eventually(t, 20*time.Second, func() bool { return o.alertEvents(about)["resolved"] == 1 }, "%s was not told to be over", about)
		if count := o.alertEvents(about); count["raised"] != 1 || count["resolved"] != 1 {
			t.Errorf("%s: %v", about, count)
		}
	}
	code, out, _ := o.publisher("alerts", "--resolved")
	if code != cli.ExitDone || !strings.Contains(out, "BreakerOpen") {
		t.Errorf("%d %s", code, out)
	}
}
