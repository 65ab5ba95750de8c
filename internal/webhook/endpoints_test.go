package webhook_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/internal/webhook"
	"github.com/gangwon-portal/gangway/providers/nhncloud"
	"github.com/gangwon-portal/gangway/providers/simulator"
	"github.com/gangwon-portal/gangway/providers/smtp"
	"github.com/gangwon-portal/gangway/providers/solapi"
)

// TestEachIntegrationHasAnEndpoint: every provider that is configured, with the
// proof, the answers and the bounds of its vendor.
func TestEachIntegrationHasAnEndpoint(t *testing.T) {
	p := newPlant(t, "ROUTES_EMAIL=ses,sendgrid,gmail,outlook,smtp", "ROUTES_SMS=solapi,nhncloud,sens,sns", "ROUTES_BUSINESS=nicednb,nts", "ROUTES_ADDRESS=juso,kakao")
	now := time.Now()
	stamp := fmt.Sprint(now.Unix())
	sns := fmt.Sprintf(`{"Type":"Notification","MessageId":"m","TopicArn":%q,"Message":"{}","Timestamp":%q,"SignatureVersion":"2","SigningCertURL":"https://sns.us-east-1.amazonaws.com/x.pem","Signature":"%%s"}`,
		simulator.TopicARN, now.UTC().Format(time.RFC3339))
	const event = `{"type":"message.opened","data":{}}`
	// What each vendor sends: unsigned, with a wrong signature, and rightly signed.
	type request struct {
		header http.Header
		body   string
	}
	standard := func(name string) [3]request {
		return [3]request{
			{http.Header{}, event}, {signed(t, secret, "msg_1", now, event), event}, {signed(t, simulator.WebhookSecret(name), "msg_1", now, event), event},
		}
	}
	ask := map[string][3]request{
		"sendgrid": {{http.Header{}, "[]"}, {http.Header{smtp.SendGridSignature: {"AAAA"}, smtp.SendGridTimestamp: {stamp}}, "[]"}},
		"ses":      {{http.Header{}, fmt.Sprintf(sns, "")}, {http.Header{}, fmt.Sprintf(sns, "!")}},
		"solapi": {{http.Header{}, "[]"}, {http.Header{solapi.HeaderSecret: {"x"}}, "[]"},
			{http.Header{solapi.HeaderSecret: {solapi.HashSecret(simulator.WebhookSecret("solapi"))}}, "[]"}},
		"nhncloud": {{http.Header{}, "{}"}, {http.Header{nhncloud.HeaderSignature: {"x"}}, "{}"},
			{http.Header{nhncloud.HeaderSignature: {simulator.WebhookSecret("nhncloud")}}, `{"hooks":[]}`}},
	}
	accepted := map[string]int{"solapi": http.StatusOK, "nhncloud": http.StatusOK}
	bounds := map[string]int{"sendgrid": webhook.MaxBodySendGrid}
	for _, name := range []string{"ses", "sendgrid", "gmail", "outlook", "smtp", "solapi", "nhncloud", "sens", "sns", "nicednb", "nts", "juso", "kakao"} {
		requests, vendor := ask[name]
		if !vendor {
			requests = standard(name)
		}
		bound := max(bounds[name], webhook.MaxBody)
		for _, try := range []struct {
			what string
			request
			want int
		}{
			{"unsigned", requests[0], http.StatusUnauthorized},
			{"with a wrong signature", requests[1], http.StatusForbidden},
			{"rightly signed", requests[2], max(accepted[name], http.StatusAccepted*oneIf(!vendor))},
			{"too large", request{requests[1].header, strings.Repeat("x", bound+1)}, http.StatusRequestEntityTooLarge},
		} {
			if try.want == 0 {
				continue // the simulator signs those, in TestEveryVendorReports
			}
			if status := p.post(name, try.header, try.body); status != try.want {
				t.Errorf("%s, %s: %d, want %d", name, try.what, status, try.want)
			}
		}
		if status := p.post(name, requests[1].header, strings.Repeat(" ", bound)); status == http.StatusRequestEntityTooLarge {
			t.Errorf("%s: a body of exactly the bound is too large", name)
		}
	}
	if status := p.post("nobody", http.Header{}, "{}"); status != http.StatusNotFound {
		t.Errorf("a provider that is not configured: %d", status)
	}
	if n := len(p.log.with(`"msg":"webhook"`, `"provider":"nobody"`, `"status":404`)); n != 1 {
		t.Errorf("%d lines of the unknown provider", n)
	}
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// TestClientsBehindProxies: log and allow-list know the client that a trusted
// proxy names, and nobody else's word.
func TestClientsBehindProxies(t *testing.T) {
	p := newPlant(t, "ROUTES_ADDRESS=kakao", "HTTP_TRUSTED_PROXIES=127.0.0.1", "PROVIDERS_KAKAO_WEBHOOK_ALLOW_FROM=203.0.113.0/24")
	const event = `{"type":"message.opened","data":{}}`
	for forwarded, want := range map[string]struct {
		status int
		client string
	}{
		"203.0.113.7":               {http.StatusAccepted, "203.0.113.7"},
		"":                          {http.StatusForbidden, "127.0.0.1"},
		"198.51.100.9":              {http.StatusForbidden, "198.51.100.9"},
		"203.0.113.7, 198.51.100.4": {http.StatusForbidden, "198.51.100.4"}, // the client lies
	} {
		header := signed(t, simulator.WebhookSecret("kakao"), "msg_"+uuid.NewString(), time.Now(), event)
		if forwarded != "" {
			header.Set("X-Forwarded-For", forwarded)
		}
		if status := p.post("kakao", header, event); status != want.status {
			t.Errorf("from %q: %d, want %d", forwarded, status, want.status)
		}
		if n := len(p.log.with(`"msg":"webhook"`, `"client":"`+want.client+`"`, fmt.Sprintf(`"status":%d`, want.status))); n != 1 {
			t.Errorf("from %q: %d lines name %s", forwarded, n, want.client)
		}
	}
}

// TestUpdatesInvalidateCachedAnswers: an event about a company or an address drops
// the answers that it names, and no others.
func TestUpdatesInvalidateCachedAnswers(t *testing.T) {
	p := newPlant(t, "ROUTES_BUSINESS=nicednb", "ROUTES_ADDRESS=juso")
	source := func(kind command.Kind, body string) string {
		row := p.await(p.publish(kind, body), delivery.Completed)
		for _, word := range []string{"cache", "nicednb", "juso"} {
			if strings.Contains(strings.ReplaceAll(string(row.Result), " ", ""), `"source":"`+word+`"`) {
				return word
			}
		}
		return string(row.Result)
	}
	company := func(number string) string {
		return source(command.BusinessVerify, fmt.Sprintf(`{"registration_number":%q}`, number))
	}
	address := func(keyword string) string {
		return source(command.AddressSearch, fmt.Sprintf(`{"keyword":%q}`, keyword))
	}
	for _, number := range []string{"124-81-00998", "220-81-62517"} {
		company(number)
		if got := company(number); got != "cache" {
			t.Fatalf("%s is answered from %s the second time", number, got)
		}
	}
	for _, keyword := range []string{"강원특별자치도청", "춘천시청"} {
		address(keyword)
		if got := address(keyword); got != "cache" {
			t.Fatalf("%s is answered from %s the second time", keyword, got)
		}
	}
	p.sim.Notify("nicednb", p.url+"/webhooks/nicednb", "business.updated", map[string]string{"registration_number": "124-81-00998"})
	p.sim.Notify("juso", p.url+"/webhooks/juso", "address.updated", map[string]string{"keyword": "강원특별자치도청"})
	testkit.Eventually(t, 30*time.Second, func() bool {
		return p.count(`SELECT count(*) FROM gangway.deliveries WHERE kind = 'webhook.process' AND status = 'completed' AND result->>'invalidated' = '1'`) == 2
	}, "both events to drop what they name")
	for what, got := range map[string]string{
		"nicednb": company("1248100998"), "juso": address("강원특별자치도청"), "cache": company("220-81-62517"), "cache ": address("춘천시청"),
	} {
		if got != strings.TrimSpace(what) {
			t.Errorf("answered from %s, want %s", got, what)
		}
	}
}
