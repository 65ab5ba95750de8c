package smtp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

const sesMail = `"mail":{"timestamp":"2026-01-02T03:04:05.000Z","messageId":"0100018f0a1b2c3d-11112222-3333-4444-5555-666677778888-000000",` +
	`"source":"no-reply@example.kr","sendingAccountId":"123456789012","destination":["to@example.com"],"headersTruncated":false,` +
	`"headers":[{"name":"From","value":"no-reply@example.kr"}],"commonHeaders":{"subject":"s"},` +
	`"tags":{"ses:configuration-set":["portal"],"gangway_id":["0199a000-0000-7000-8000-000000000001"]}}`

// TestSESEvents: every type of event with what it means, as configuration sets
// publish them (eventType) and as identities do (notificationType).
func TestSESEvents(t *testing.T) {
	w := NewSESWebhook(SESWebhookOptions{})
	mailed := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := mailed.Add(4 * time.Second)
	report := func(m meaning, word, to, code string, at time.Time) delivery.Report {
		r := m.report(word, to, code)
		r.ID, r.At = uuid.MustParse("0199a000-0000-7000-8000-000000000001"), at
		r.MessageIDs = []string{"0100018f0a1b2c3d-11112222-3333-4444-5555-666677778888-000000"}
		return r
	}
	bounce := func(kind, sub, people string) string {
		return `"eventType":"Bounce","bounce":{"bounceType":"` + kind + `","bounceSubType":"` + sub + `","bouncedRecipients":[` + people + `],"timestamp":"2026-01-02T03:04:09.000Z","feedbackId":"f1"}`
	}
	const one = `{"emailAddress":"to@example.com","action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}`
	for _, test := range []struct {
		event string
		want  []delivery.Report
	}{
		{`"eventType":"Send","send":{}`, []delivery.Report{report(taken, "Send", "", "", mailed)}},
		{`"eventType":"Delivery","delivery":{"timestamp":"2026-01-02T03:04:09.000Z","recipients":["to@example.com","cc@example.com"],"smtpResponse":"250"}`,
			[]delivery.Report{report(arrived, "Delivery", "to@example.com", "", at), report(arrived, "Delivery", "cc@example.com", "", at)}},
		{`"notificationType":"Delivery","delivery":{"timestamp":"2026-01-02T03:04:09.000Z","recipients":["to@example.com"]}`,
			[]delivery.Report{report(arrived, "Delivery", "to@example.com", "", at)}},
		{bounce("Permanent", "General", one), []delivery.Report{report(hardBounce, "Bounce/Permanent/General", "to@example.com", "5.1.1", at)}},
		{bounce("Permanent", "NoEmail", one+`,{"emailAddress":"b@example.com"}`), []delivery.Report{
			report(hardBounce, "Bounce/Permanent/NoEmail", "to@example.com", "5.1.1", at), report(hardBounce, "Bounce/Permanent/NoEmail", "b@example.com", "", at)}},
		{bounce("Permanent", "SomethingNew", one), []delivery.Report{report(hardBounce, "Bounce/Permanent/SomethingNew", "to@example.com", "5.1.1", at)}},
		{bounce("Permanent", "Suppressed", one), []delivery.Report{report(sesEvents["Bounce/Permanent/Suppressed"], "Bounce/Permanent/Suppressed", "to@example.com", "5.1.1", at)}},
		{bounce("Permanent", "OnAccountSuppressionList", one), []delivery.Report{report(sesEvents["Bounce/Permanent/OnAccountSuppressionList"], "Bounce/Permanent/OnAccountSuppressionList", "to@example.com", "5.1.1", at)}},
		{bounce("Transient", "General", one), []delivery.Report{report(softBounce, "Bounce/Transient/General", "to@example.com", "5.1.1", at)}},
		{bounce("Transient", "MailboxFull", one), []delivery.Report{report(softBounce, "Bounce/Transient/MailboxFull", "to@example.com", "5.1.1", at)}},
		{bounce("Transient", "ContentRejected", one), []delivery.Report{report(softBounce, "Bounce/Transient/ContentRejected", "to@example.com", "5.1.1", at)}},
		{bounce("Undetermined", "Undetermined", one), []delivery.Report{report(softBounce, "Bounce/Undetermined/Undetermined", "to@example.com", "5.1.1", at)}},
		{`"eventType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"to@example.com"}],"timestamp":"2026-01-02T03:04:09.000Z","complaintFeedbackType":"abuse"}`,
			[]delivery.Report{report(complaint, "Complaint/abuse", "to@example.com", "", at)}},
		{`"eventType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"to@example.com"}],"timestamp":"2026-01-02T03:04:09.000Z","complaintFeedbackType":"not-spam"}`,
			[]delivery.Report{report(history, "Complaint/not-spam", "to@example.com", "", at)}},
		{`"eventType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"to@example.com"}],"timestamp":"2026-01-02T03:04:09.000Z","complaintSubType":"OnAccountSuppressionList"}`,
			[]delivery.Report{report(heldBack, "Complaint/OnAccountSuppressionList", "to@example.com", "", at)}},
		{`"eventType":"Reject","reject":{"reason":"Bad content"}`, []delivery.Report{report(sesEvents["Reject"], "Reject", "", "", mailed)}},
		{`"eventType":"Rendering Failure","failure":{"templateName":"x","errorMessage":"y"}`, []delivery.Report{report(sesEvents["Rendering Failure"], "Rendering Failure", "", "", mailed)}},
		{`"eventType":"DeliveryDelay","deliveryDelay":{"timestamp":"2026-01-02T03:04:09.000Z","delayType":"MailboxFull","delayedRecipients":[{"emailAddress":"to@example.com","status":"4.2.2"}]}`,
			[]delivery.Report{report(history, "DeliveryDelay", "to@example.com", "4.2.2", at)}},
		{`"eventType":"Open","open":{"ipAddress":"192.0.2.1"}`, []delivery.Report{report(history, "Open", "", "", mailed)}},
		{`"eventType":"Click","click":{"link":"https://x"}`, []delivery.Report{report(history, "Click", "", "", mailed)}},
		{`"eventType":"Subscription","subscription":{}`, []delivery.Report{report(history, "Subscription", "", "", mailed)}},
	} {
		got, err := w.Parse([]byte(`{` + test.event + `,` + sesMail + `}`))
		if err != nil {
			t.Errorf("%s: %v", test.event, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", test.event, diff)
		}
	}
	for _, broken := range []string{`{}`, `{"eventType":1}`, `[]`, `{"eventType":"Bounce","bounce":[]}`} {
		if _, err := w.Parse([]byte(broken)); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

// TestMeanings holds every line of both tables to what it says for a delivery and
// for the recipient, in words of its own: status, reason, and why it is on which
// list.
func TestMeanings(t *testing.T) {
	wants := func(vendor string, table map[string]meaning, want map[string]string) {
		got := map[string]string{}
		for event, m := range table {
			got[event] = strings.Join(strings.Fields(fmt.Sprint(m.status, " ", m.reason, " ", m.suppress, " ", m.list)), " ")
			if (m.status.Rank() > delivery.RankSent && m.status != delivery.Delivered) != (m.message != "") {
				t.Errorf("%s %s says %q to a person", vendor, event, m.message)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", vendor, diff)
		}
	}
	wants("sendgrid", sendGridEvents, map[string]string{
		"processed": "sent", "delivered": "delivered", "deferred": "", "open": "", "click": "", "group_resubscribe": "",
		"bounce":         "bounced refused bounced all",
		"bounce/blocked": "undelivered refused", "bounce/expired": "undelivered refused", "dropped": "undelivered refused",
		"dropped/bounced": "undelivered suppressed bounced all", "dropped/spam": "undelivered suppressed complained all",
		"dropped/opt-out": "undelivered suppressed unsubscribed marketing", "dropped/invalid": "bounced refused bounced all",
		"spamreport": "complained refused complained all", "unsubscribe": "unsubscribed marketing", "group_unsubscribe": "unsubscribed marketing",
	})
	wants("ses", sesEvents, map[string]string{
		"Send": "sent", "Delivery": "delivered", "DeliveryDelay": "", "Open": "", "Click": "", "Subscription": "", "Complaint/not-spam": "",
		"Reject": "undelivered refused", "Rendering Failure": "undelivered refused",
		"Bounce": "undelivered refused", "Bounce/Transient": "undelivered refused", "Bounce/Undetermined": "undelivered refused",
		"Bounce/Permanent": "bounced refused bounced all", "Bounce/Permanent/General": "bounced refused bounced all",
		"Bounce/Permanent/NoEmail":                  "bounced refused bounced all",
		"Bounce/Permanent/Suppressed":               "undelivered suppressed bounced all",
		"Bounce/Permanent/OnAccountSuppressionList": "undelivered suppressed bounced all",
		"Bounce/Permanent/UnsubscribedRecipient":    "undelivered suppressed unsubscribed marketing",
		"Complaint":                                 "complained refused complained all",
		"Complaint/OnAccountSuppressionList":        "undelivered suppressed",
	})
}

// TestSESFindsOurID without a tag, as identity notifications come.
func TestSESFindsOurID(t *testing.T) {
	w := NewSESWebhook(SESWebhookOptions{})
	for _, test := range []struct{ mail, want string }{
		{`"headers":[{"name":"message-id","value":"<0199a000-0000-7000-8000-000000000001@gangwon.kr>"}]`, "0199a000-0000-7000-8000-000000000001"},
		{`"headers":[{"name":"Message-ID","value":"<x@email.amazonses.com>"}],"tags":{"gangway_id":["no id"]}`, uuid.Nil.String()},
		{`"tags":{"gangway_id":[]}`, uuid.Nil.String()},
	} {
		got, err := w.Parse([]byte(`{"notificationType":"Delivery","mail":{` + test.mail + `}}`))
		if err != nil || len(got) != 1 || got[0].ID.String() != test.want {
			t.Errorf("%s: %+v, %v", test.mail, got, err)
		}
	}
}
