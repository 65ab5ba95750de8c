package webhook_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// TestEveryVendorReports sends a message of each outcome through each vendor that
// has a way to report, and waits for what it reports.
func TestEveryVendorReports(t *testing.T) {
	p := newPlant(t, "ROUTES_EMAIL=ses,sendgrid", "ROUTES_SMS=solapi,nhncloud,sens")
	ends := map[uuid.UUID]delivery.Status{}
	for _, vendor := range []string{"ses", "sendgrid"} {
		ends[p.mail(vendor, "kim@example.kr")] = delivery.Delivered
		ends[p.mail(vendor, "bounce+"+vendor+"@example.kr")] = delivery.Bounced
		ends[p.mail(vendor, "complaint+"+vendor+"@example.kr")] = delivery.Complained
		ends[p.mail(vendor, "drop@example.kr")] = delivery.Delivered
		ends[p.mail(vendor, "kim@example.kr", "bounce+several@example.kr", "lee@example.kr")] = delivery.Bounced
	}
	for _, vendor := range []string{"solapi", "nhncloud", "sens"} {
		ends[p.sms(vendor, "010-1234-5678")] = delivery.Delivered
		ends[p.sms(vendor, "010-0000-0001")] = delivery.Undelivered
		ends[p.sms(vendor, "010-0000-0006")] = delivery.Delivered
	}
	for id, status := range ends {
		row := p.await(id, status)
		if n := p.count(`SELECT count(*) FROM gangway.delivery_events WHERE delivery_id = $1 AND status = $2 AND provider = $3`, id, status, row.Provider); n == 0 {
			t.Errorf("%s through %s: no event is kept", status, row.Provider)
		}
		checkStatusCommand(t, p, row)
		if row.ProviderMessageID == "" {
			t.Errorf("%s through %s has no message id", row.Recipient, row.Provider)
		}
		if strings.Contains(row.Recipient, ",") {
			checkSeveral(t, row)
		}
	}
	for _, address := range []string{"bounce+ses@example.kr", "bounce+sendgrid@example.kr", "complaint+ses@example.kr", "complaint+sendgrid@example.kr"} {
		if n := p.count(`SELECT count(*) FROM gangway.suppressions WHERE recipient = $1 AND list = 'all' AND delivery_id IS NOT NULL`, address); n != 1 {
			t.Errorf("%s is on %d lists", address, n)
		}
	}
	// One line for each webhook, and the raw event, without what is personal.
	if n := len(p.log.with(`"msg":"webhook"`, `"outcome":"accepted"`, `"client":"127.0.0.1"`)); n < 12 {
		t.Errorf("%d lines of webhooks", n)
	}
	if n := p.count(`SELECT count(*) FROM gangway.webhook_events WHERE event::text LIKE '%bounce+ses@%' OR headers::text LIKE '%simulator-%'`); n > 0 {
		t.Errorf("%d raw events show an address or a secret", n)
	}
	if n := p.count(`SELECT count(*) FROM gangway.webhook_events WHERE outcome = 'applied' AND event::text LIKE '%@example.kr%'`); n == 0 {
		t.Error("no raw event is kept")
	}
	testkit.Eventually(t, 10*time.Second, p.sim.Subscribed, "the SNS subscription to be confirmed")
	// SNS hears 200, of the message that is no event too; SendGrid hears 202.
	testkit.Eventually(t, 10*time.Second, func() bool {
		return len(p.log.with(`"msg":"webhook"`, `"provider":"ses"`, `"events":0`, `"status":200`)) == 1
	}, "the plain text to be answered")
	for vendor, status := range map[string]int{"ses": 200, "sendgrid": 202} {
		all := p.log.with(`"msg":"webhook"`, `"provider":"`+vendor+`"`, `"outcome":"accepted"`)
		if right := p.log.with(`"msg":"webhook"`, `"provider":"`+vendor+`"`, `"outcome":"accepted"`, fmt.Sprintf(`"status":%d`, status)); len(all) == 0 || len(right) != len(all) {
			t.Errorf("%s heard %d in %d of %d answers", vendor, status, len(right), len(all))
		}
	}
}

// checkStatusCommand: publisher status shows what was reported, to people and to
// programs.
func checkStatusCommand(t *testing.T, p *plant, row delivery.Row) {
	t.Helper()
	type event struct {
		Provider string    `json:"provider"`
		Type     string    `json:"type"`
		Status   string    `json:"status"`
		At       time.Time `json:"occurred_at"`
	}
	var shown struct {
		Events []event `json:"events"`
	}
	if err := json.Unmarshal([]byte(p.publisher("status", row.ID.String(), "-o", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	said := slices.ContainsFunc(shown.Events, func(e event) bool {
		return e.Provider == row.Provider && e.Status == string(row.Status) && e.Type != "" && !e.At.IsZero()
	})
	if table := p.publisher("status", row.ID.String()); !said || !strings.Contains(table, "REPORTED") || !strings.Contains(table, shown.Events[0].Type) {
		t.Errorf("%s through %s: publisher status shows %+v and\n%s", row.Status, row.Provider, shown.Events, table)
	}
}

func checkSeveral(t *testing.T, row delivery.Row) {
	t.Helper()
	want := map[string]delivery.Status{"kim@example.kr": delivery.Delivered, "bounce+several@example.kr": delivery.Bounced, "lee@example.kr": delivery.Delivered}
	seen := 0
	for _, one := range row.Recipients {
		if one.Status == want[one.Address] {
			seen++
		}
	}
	// The highest decides for the whole; the others may still be on their way.
	if seen == 0 || !strings.Contains(string(row.Result), `"recipients"`) {
		t.Errorf("recipients %+v, result %s", row.Recipients, row.Result)
	}
}

// TestUnrulyReports has every report come late, twice, in any order and with
// forgeries before it: the statuses are those of an orderly vendor.
func TestUnrulyReports(t *testing.T) {
	p := newPlant(t, "ROUTES_EMAIL=ses,sendgrid", "ROUTES_SMS=solapi,nhncloud")
	for _, vendor := range []string{"ses", "sendgrid", "solapi", "nhncloud"} {
		p.sim.SetWebhookFault(vendor, simulator.WebhookFault{Delay: 300 * time.Millisecond, Repeat: 2, Shuffle: true, Forge: 1})
	}
	ends := map[uuid.UUID]delivery.Status{}
	for range 5 {
		for _, vendor := range []string{"ses", "sendgrid"} {
			ends[p.mail(vendor, "kim@example.kr")] = delivery.Delivered
			ends[p.mail(vendor, "bounce+"+uuid.NewString()[:8]+"@example.kr")] = delivery.Bounced
			ends[p.mail(vendor, "complaint+"+uuid.NewString()[:8]+"@example.kr")] = delivery.Complained
		}
		for _, vendor := range []string{"solapi", "nhncloud"} {
			ends[p.sms(vendor, "010-1234-5678")] = delivery.Delivered
		}
	}
	for id, status := range ends {
		p.await(id, status)
	}
	// Whatever still comes moves nothing back.
	testkit.Eventually(t, 20*time.Second, func() bool {
		return p.count(`SELECT count(*) FROM gangway.deliveries WHERE kind = 'webhook.process' AND rank < 30`) == 0
	}, "every webhook to be processed")
	for id, status := range ends {
		if row := p.row(id); row.Status != status {
			t.Errorf("%s ended %s, want %s", row.Recipient, row.Status, status)
		}
	}
	if n := p.count(`SELECT count(*) FROM gangway.deliveries WHERE kind = 'webhook.process' AND status <> 'completed'`); n != 0 {
		t.Errorf("%d webhooks did not complete", n)
	}
	if n := len(p.log.with(`"msg":"webhook"`, `"outcome":"refused"`, `"status":403`)); n < 4 {
		t.Errorf("%d lines of refused webhooks", n)
	}
	if n := len(p.log.with(`"msg":"webhook"`, `"outcome":"duplicate"`)); n == 0 {
		t.Error("no repeat was recognised")
	}
}
