package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Every provider that a route may name carries a message of the same command, with
// our id in it, and tells its own id of the message.
func TestEveryProviderSends(t *testing.T) {
	t.Parallel()
	mails, texts := []string{"gmail", "outlook", "sendgrid", "ses"}, []string{"solapi", "nhncloud", "sens", "sns"}
	o := newOffice(t, "ROUTES_EMAIL="+strings.Join(mails, ","), "ROUTES_SMS="+strings.Join(texts, ","))
	for i, name := range slices.Concat(mails, texts) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := *o
			o.t = t
			subject, to := "email.send", fmt.Sprintf("kim+%s@example.kr", name)
			body := fmt.Sprintf(`{"to":[%q],"template":"application-received","variables":{"name":"김민수","number":"2026-0042"},"provider":%q}`, to, name)
			if slices.Contains(texts, name) {
				number := fmt.Sprintf("1012345%03d", 100+i)
				subject, to = "sms.send", "0"+number
				body = fmt.Sprintf(`{"to":"0%s","template":"application-received","variables":{"name":"김민수","number":"2026-0042"},"provider":%q}`, number, name)
				if name == "sns" {
					to = "+82" + number
				}
			}
			row := o.await(o.publish(subject, body), delivery.Sent, delivery.Delivered)
			if calls := o.calls(row.ID); row.Provider != name || !slices.Equal(calls, []string{name + " ok"}) || row.ProviderMessageID == "" {
				t.Errorf("sent by %s (%s), calls %v", row.Provider, row.ProviderMessageID, calls)
			}
			got := o.received(to)
			if len(got) != 1 || got[0].Provider != name || !strings.Contains(got[0].Text, "2026-0042") {
				t.Fatalf("received %+v", got)
			}
			switch name {
			case "sns": // has no place for our id
			case "gmail", "outlook":
				if !strings.Contains(got[0].Header["Message-Id"], row.ID.String()) {
					t.Errorf("Message-ID %s", got[0].Header["Message-Id"])
				}
			case "sens": // is asked by request instead
			default:
				if got[0].CommandID != row.ID.String() {
					t.Errorf("our id is %q, want %s", got[0].CommandID, row.ID)
				}
			}
		})
	}
}
