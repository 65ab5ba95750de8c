package webhook_test

import (
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/webhook"
)

// TestPublishedStandardWebhook is the vector of the specification's own tests.
func TestPublishedStandardWebhook(t *testing.T) {
	const body, stamp = `{"test": 2432232314}`, 1614265330
	header := http.Header{
		"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {strconv.Itoa(stamp)},
		"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	}
	sent := time.Unix(stamp, 0)
	with := func(signature string) http.Header {
		changed := header.Clone()
		changed.Set("Webhook-Signature", signature)
		return changed
	}
	const right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	for _, test := range []struct {
		name    string
		secrets []string
		header  http.Header
		body    string
		now     time.Time
		want    fault.Reason
	}{
		{"as published", []string{secret}, header, body, sent, fault.None},
		{"without the prefix", []string{secret[len("whsec_"):]}, header, body, sent, fault.None},
		{"while the secret is rotated", []string{oldSecret, secret}, header, body, sent, fault.None},
		{"several signatures", []string{secret}, with("v1,bm90aGluZw== v1a,bm90aGluZw== " + right), body, sent, fault.None},
		{"five minutes later", []string{secret}, header, body, sent.Add(5 * time.Minute), fault.None},
		{"and a second", []string{secret}, header, body, sent.Add(5*time.Minute + time.Second), fault.Refused},
		{"five minutes earlier", []string{secret}, header, body, sent.Add(-5 * time.Minute), fault.None},
		{"and a second", []string{secret}, header, body, sent.Add(-5*time.Minute - time.Second), fault.Refused},
		{"another secret", []string{oldSecret}, header, body, sent, fault.Refused},
		{"no secret", nil, header, body, sent, fault.Refused},
		{"an empty secret", []string{""}, header, body, sent, fault.Refused},
		{"another body", []string{secret}, header, body + "\n", sent, fault.Refused},
		{"version alone", []string{secret}, with("v1,"), body, sent, fault.Refused},
		{"another version", []string{secret}, with("v2" + right[2:]), body, sent, fault.Refused},
		{"nothing", []string{secret}, http.Header{}, body, sent, fault.Unauthorized},
	} {
		err := webhook.NewStandard(test.secrets, 5*time.Minute).Verify(t.Context(), test.header, []byte(test.body), test.now)
		if fault.Of(err) != test.want {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// TestStandardEvents: every type of event with what it means.
func TestStandardEvents(t *testing.T) {
	s := webhook.NewStandard([]string{secret}, time.Minute)
	id := uuid.MustParse("0199a000-0000-7000-8000-000000000001")
	const ours = `"gangway_id":"0199a000-0000-7000-8000-000000000001"`
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	failed := "the provider reports that the message was not delivered"
	for _, test := range []struct {
		event string
		want  []delivery.Report
	}{
		{`{"type":"message.accepted","data":{` + ours + `}}`, []delivery.Report{{Type: "message.accepted", Status: delivery.Sent, ID: id}}},
		{`{"type":"email.sent","data":{` + ours + `}}`, []delivery.Report{{Type: "email.sent", Status: delivery.Sent, ID: id}}},
		{`{"type":"sms.delivered","timestamp":"2026-01-02T03:04:05Z","data":{"delivery_id":"0199a000-0000-7000-8000-000000000001","to":"+821012345678"}}`,
			[]delivery.Report{{Type: "sms.delivered", Status: delivery.Delivered, ID: id, Recipient: "+821012345678", At: at}}},
		{`{"type":"delivered","data":{"message_id":17,"recipient":["a@b.kr"]}}`,
			[]delivery.Report{{Type: "delivered", Status: delivery.Delivered, MessageIDs: []string{"17"}, Recipient: "a@b.kr"}}},
		{`{"type":"email.bounced","data":{"message_id":"<0199a000-0000-7000-8000-000000000001@gangwon.kr>","code":"5.1.1"}}`,
			[]delivery.Report{{Type: "email.bounced", Status: delivery.Bounced, Reason: fault.Refused, Code: "5.1.1", Message: failed, ID: id,
				MessageIDs: []string{"<0199a000-0000-7000-8000-000000000001@gangwon.kr>"}, Suppress: delivery.HardBounce, List: delivery.SuppressAll}}},
		{`{"type":"email.bounced","data":{` + ours + `,"code":"5.2.2"}}`,
			[]delivery.Report{{Type: "email.bounced", Status: delivery.Bounced, Reason: fault.Refused, Code: "5.2.2", Message: failed, ID: id}}},
		{`{"type":"email.bounce","data":{` + ours + `,"permanent":true}}`,
			[]delivery.Report{{Type: "email.bounce", Status: delivery.Bounced, Reason: fault.Refused, Message: failed, ID: id, Suppress: delivery.HardBounce, List: delivery.SuppressAll}}},
		{`{"type":"email.bounced","data":{` + ours + `,"permanent":false,"code":"5.1.1"}}`,
			[]delivery.Report{{Type: "email.bounced", Status: delivery.Bounced, Reason: fault.Refused, Code: "5.1.1", Message: failed, ID: id}}},
		{`{"type":"sms.undelivered","data":{"command_id":"0199a000-0000-7000-8000-000000000001"}}`,
			[]delivery.Report{{Type: "sms.undelivered", Status: delivery.Undelivered, Reason: fault.Refused, Message: failed, ID: id}}},
		{`{"type":"message.failed","data":{` + ours + `}}`, []delivery.Report{{Type: "message.failed", Status: delivery.Undelivered, Reason: fault.Refused, Message: failed, ID: id}}},
		{`{"type":"message.expired","data":{` + ours + `}}`, []delivery.Report{{Type: "message.expired", Status: delivery.Undelivered, Reason: fault.Refused, Message: failed, ID: id}}},
		{`{"type":"email.complained","data":{` + ours + `}}`, []delivery.Report{{Type: "email.complained", Status: delivery.Complained, Reason: fault.Refused,
			Message: "the recipient reported the message as spam", ID: id, Suppress: delivery.Complaint, List: delivery.SuppressAll}}},
		{`{"type":"email.complaint","data":{` + ours + `}}`, []delivery.Report{{Type: "email.complaint", Status: delivery.Complained, Reason: fault.Refused,
			Message: "the recipient reported the message as spam", ID: id, Suppress: delivery.Complaint, List: delivery.SuppressAll}}},
		{`{"type":"email.unsubscribed","data":{"recipient":"a@b.kr"}}`,
			[]delivery.Report{{Type: "email.unsubscribed", Recipient: "a@b.kr", Suppress: delivery.Unsubscribed, List: delivery.SuppressMarketing}}},
		{`{"type":"dsn.undelivered","data":{` + ours + `,"code":"5.2.2","permanent":false,"unproven":true}}`,
			[]delivery.Report{{Type: "dsn.undelivered", Status: delivery.Undelivered, Reason: fault.Refused, Code: "5.2.2", Message: failed, ID: id, Unproven: true}}},
		{`{"type":"email.opened","data":{` + ours + `}}`, nil},
		{`{"type":"business.updated","data":{"registration_number":"124-81-00998"}}`, nil},
		{`{"type":"","data":null}`, nil},
		{`{}`, nil},
	} {
		got, err := s.Parse([]byte(test.event))
		if err != nil {
			t.Errorf("%s: %v", test.event, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", test.event, diff)
		}
	}
	if _, err := s.Parse([]byte(`{"data":[]}`)); fault.Of(err) != fault.Invalid {
		t.Errorf("data of another shape: %v", err)
	}
}

func TestStandardInvalidations(t *testing.T) {
	s := webhook.NewStandard(nil, time.Minute)
	for _, test := range []struct {
		event string
		want  delivery.Invalidation
	}{
		{`{"type":"business.updated","data":{"registration_number":"124-81-00998","registration_numbers":["2208162517"]}}`,
			delivery.Invalidation{RegistrationNumbers: []string{"124-81-00998", "2208162517"}}},
		{`{"type":"address.updated","data":{"keyword":" 강원특별자치도청 ","patterns":["juso.*"]}}`,
			delivery.Invalidation{Keywords: []string{"강원특별자치도청"}, Patterns: []string{"juso.*"}}},
		{`{"type":"message.delivered","data":{"registration_number":"1"}}`, delivery.Invalidation{}},
		{`garbage`, delivery.Invalidation{}},
	} {
		got := s.Invalidates([]byte(test.event))
		if !slices.Equal(got.RegistrationNumbers, test.want.RegistrationNumbers) || !slices.Equal(got.Keywords, test.want.Keywords) ||
			!slices.Equal(got.Patterns, test.want.Patterns) || got.Empty() != test.want.Empty() {
			t.Errorf("%s: %+v", test.event, got)
		}
	}
}

func FuzzStandard(f *testing.F) {
	f.Add([]byte(`{"type":"email.bounced","timestamp":"2026-01-02T03:04:05Z","data":{"gangway_id":"x","code":5,"to":[1,"a"],"permanent":true}}`), "v1,a", "msg", "1")
	f.Add([]byte(`{"type":"business.updated","data":{"keywords":[[],{}]}}`), "v1,", "a.b", "-9223372036854775808")
	s := webhook.NewStandard([]string{secret}, time.Minute)
	f.Fuzz(func(t *testing.T, body []byte, signature, id, stamp string) {
		header := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
		if err := s.Verify(t.Context(), header, body, time.Now()); err == nil {
			t.Fatalf("%q is taken", signature)
		}
		notices, err := s.Split(header, body)
		if err != nil {
			return
		}
		for _, notice := range notices {
			s.Invalidates(notice.Event)
			reports, err := s.Parse(notice.Event)
			if err == nil {
				sane(t, reports)
			}
			if _, err := webhook.NewMessage("kakao", notice, nil, "2026-01-02T03:04:05Z"); err != nil && fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
		}
	})
}

// sane checks what every source owes to those who apply its reports.
func sane(t *testing.T, reports []delivery.Report) {
	t.Helper()
	for _, r := range reports {
		switch {
		case r.Status != "" && r.Status.Rank() < delivery.RankSent:
			t.Fatalf("status %q is no report's", r.Status)
		case r.Suppress != "" && !r.List.Valid():
			t.Fatalf("suppression without a list: %+v", r)
		case r.Reason != fault.None && !r.Reason.Valid():
			t.Fatalf("reason %q", r.Reason)
		}
	}
}
