package webhook_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestEventsReachThePortal: a whole worker tells an endpoint of its configuration
// what becomes of messages, also by the vendors' webhooks; publisher webhooks shows
// how it stands and enables it after it said that it is gone.
func TestEventsReachThePortal(t *testing.T) {
	portal := newPortal(t)
	p := newPlant(t, "ROUTES_EMAIL=ses", "WEBHOOKS_OUT_PORTAL_URL="+portal.server.URL+"/hooks", "WEBHOOKS_OUT_PORTAL_SECRETS="+outSecret,
		"WEBHOOKS_OUT_PORTAL_ALLOW_TO=127.0.0.0/8")
	stands := func() (one delivery.Subscriber) {
		p.check(json.Unmarshal([]byte(p.publisher("webhooks", "-o", "json")), &one))
		return one
	}
	testkit.Eventually(t, 30*time.Second, func() bool { return strings.Contains(p.publisher("webhooks"), "portal") }, "the endpoint to be entered")
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	hook, err := standardwebhooks.NewWebhook(outSecret)
	p.check(err)
	got := func(kind, trace string) bool {
		portal.mu.Lock()
		defer portal.mu.Unlock()
		for _, a := range portal.got {
			if !strings.HasPrefix(a.body, `{"type":"`+kind+`"`) || !strings.Contains(a.header.Get("Traceparent"), trace) {
				continue
			}
			if err := hook.Verify([]byte(a.body), a.header); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			return true
		}
		return false
	}
	// The endpoint's place in the stream begins when its pusher does.
	testkit.Eventually(t, 30*time.Second, func() bool {
		p.await(p.mail("ses", "bounce@example.kr"), delivery.Bounced)
		p.exec(`DELETE FROM gangway.suppressions`)
		return got("email.send.sent", "") && got("email.send.bounced", "")
	}, "events of e-mails to arrive: %v", lazy(func() string { return strings.Join(p.log.with("portal"), "") }))

	portal.always(http.StatusGone)
	_, err = p.conn.JetStream().PublishMsg(t.Context(), &nats.Msg{
		Subject: "email.send", Data: []byte(mailBody("ses", "kim@example.kr")), Header: nats.Header{"traceparent": {"00-" + trace + "-00f067aa0ba902b7-01"}},
	})
	p.check(err)
	testkit.Eventually(t, 30*time.Second, func() bool { return stands().State == delivery.SubscriberDisabled }, "the endpoint to be disabled")
	portal.always(http.StatusOK)
	p.publisher("webhooks", "enable", "portal", "--by", "kim")
	testkit.Eventually(t, 30*time.Second, func() bool {
		return got("email.send.sent", trace) && got("email.send.delivered", "") && stands().State == delivery.SubscriberActive
	}, "what waited to arrive")
	if lines := p.log.with(`"target":"portal"`); len(lines) < 3 || strings.Contains(strings.Join(lines, ""), outSecret) {
		t.Errorf("log: %v", lines)
	}
}
