package app

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// heardAt is a listener for a chat and an Alertmanager.
func heardAt(t *testing.T) (url string, heard func(part string) bool) {
	var mu sync.Mutex
	var all []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, r.URL.Path+" "+string(body))
	}))
	t.Cleanup(server.Close)
	return server.URL, func(part string) bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.ContainsFunc(all, func(one string) bool { return strings.Contains(one, part) })
	}
}

// badSMS publishes a command that becomes a dead letter at once.
func (o *office) badSMS() {
	o.t.Helper()
	o.await(o.publish("sms.send", `{"to":"02-123","text":"x"}`), delivery.Rejected)
}

// TestAlertsReachPeople sees one alert arrive by e-mail through the worker itself,
// in a chat and at an Alertmanager.
func TestAlertsReachPeople(t *testing.T) {
	url, heard := heardAt(t)
	o := newOffice(t, "ALERTS_INTERVAL=100ms", "ALERTS_FOR=0s", "ALERTS_EMAIL_TO=ops@example.kr,duty@example.kr", "ALERTS_EMAIL_FROM=alerts@gangwon.kr",
		"ALERTS_WEBHOOK_URL="+url+"/services/T0/hush-hush", "ALERTS_ALERTMANAGER_URL="+url)
	o.badSMS()
	testkit.Eventually(t, 60*time.Second, func() bool {
		return len(o.received("ops@example.kr")) > 0 && heard("/services/T0/hush-hush {") && heard(`"alertname":"DeadLetters"`)
	}, "not everybody was told; the log says:\n%s", o.log)
	mail := o.received("ops@example.kr")
	if len(mail) != 1 || !strings.Contains(mail[0].Subject, "DeadLetters sms.send") || !strings.Contains(mail[0].Text, "1 new dead letter of sms.send") ||
		!slices.Contains(mail[0].To, "duty@example.kr") {
		t.Errorf("%+v", mail)
	}
	var lane, status string
	o.check(o.pool.QueryRow(t.Context(), `SELECT d.lane, d.status FROM gangway.deliveries d JOIN gangway.alert_notices n ON n.command_id = d.id`).Scan(&lane, &status))
	if lane != "high" {
		t.Errorf("the e-mail went by the lane %s", lane)
	}
	if strings.Contains(o.log.String(), "hush-hush") {
		t.Error("the log shows the chat's address")
	}
}

// TestAlertsPassEveryFlood floods the lane high, of which a provider takes two mails
// a second: an alert's e-mail goes before what waits in the stream, in the worker and
// for a token.
func TestAlertsPassEveryFlood(t *testing.T) {
	const flood = 400
	o := newOffice(t, "ALERTS_INTERVAL=100ms", "ALERTS_FOR=0s", "ALERTS_EMAIL_TO=ops@example.kr", "ROUTES_EMAIL=ses",
		"PROVIDERS_SES_RATE=2", "PROVIDERS_SES_BURST=2", "POOL_EMAIL_SEND=8")
	for i := range flood {
		o.publish("email.send.high", mailTo(fmt.Sprintf("kim+%d@example.kr", i)))
	}
	sent := func() (n int) {
		o.check(o.pool.QueryRow(t.Context(), `SELECT count(*) FROM gangway.deliveries WHERE kind = 'email.send' AND status IN ('sent', 'delivered')`).Scan(&n))
		return n
	}
	testkit.Eventually(t, 60*time.Second, func() bool { return sent() > 2 }, "the flood does not flow")
	o.badSMS()
	testkit.Eventually(t, 60*time.Second, func() bool { return len(o.received("ops@example.kr")) > 0 }, "nobody was told; the log says:\n%s", o.log)
	if n := sent(); n > flood/4 {
		t.Errorf("%d of %d went before the alert", n, flood)
	}
	var lane string
	o.check(o.pool.QueryRow(t.Context(), `SELECT d.lane FROM gangway.deliveries d JOIN gangway.alert_notices n ON n.command_id = d.id`).Scan(&lane))
	if lane != "high" {
		t.Errorf("the lane is shown as %s", lane)
	}
}

// TestAlertsRaiseNoAlerts lets the e-mail that carries an alert become a dead
// letter itself: that raises nothing, or it would go on for ever.
func TestAlertsRaiseNoAlerts(t *testing.T) {
	o := newOffice(t, "ALERTS_INTERVAL=100ms", "ALERTS_FOR=0s", "ALERTS_EVERY=0s", "ALERTS_EMAIL_TO=error@example.kr", "RETRY_EMAIL_MAX=0")
	o.badSMS()
	var dead int
	testkit.Eventually(t, 60*time.Second, func() bool {
		o.check(o.pool.QueryRow(t.Context(), `SELECT count(*) FROM gangway.dead_letters WHERE kind = 'email.send' AND reason = $1`, fault.Unavailable).Scan(&dead))
		return dead == 1
	}, "%d e-mails about alerts died", &dead)
	// The next alert is raised by a look that has seen the dead e-mail too.
	o.await(o.publish("address.search", `{"keyword":""}`), delivery.Rejected)
	o.awaitAlert("DeadLetters address.search", true)
	if now := o.alerts(); slices.Contains(now, "DeadLetters email.send") || !slices.Contains(now, "DeadLetters sms.send") {
		t.Errorf("firing: %v", now)
	}
	if n := o.alertEvents("DeadLetters/sms.send"); n["raised"] != 1 {
		t.Error(fmt.Sprint(n))
	}
}
