package smtp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// The vector that all of the vendor's own libraries test with.
const (
	publishedKey       = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
	publishedSignature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
	publishedStamp     = 1600112502
	publishedBody      = `[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]` + "\r\n"
)

func publishedHeader() http.Header {
	return http.Header{SendGridSignature: {publishedSignature}, SendGridTimestamp: {strconv.Itoa(publishedStamp)}}
}

func TestPublishedSendGridWebhook(t *testing.T) {
	sent := time.Unix(publishedStamp, 0)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&other.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	otherKey := base64.StdEncoding.EncodeToString(der)
	published, err := base64.StdEncoding.DecodeString(publishedKey)
	if err != nil {
		t.Fatal(err)
	}
	asPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: published}))
	with := func(name, value string) http.Header {
		header := publishedHeader()
		header.Set(name, value)
		return header
	}
	for _, test := range []struct {
		name   string
		keys   []string
		header http.Header
		body   string
		now    time.Time
		want   fault.Reason
	}{
		{"as published", []string{publishedKey}, publishedHeader(), publishedBody, sent, fault.None},
		{"the key as PEM", []string{asPEM}, publishedHeader(), publishedBody, sent, fault.None},
		{"while the key is replaced", []string{otherKey, publishedKey}, publishedHeader(), publishedBody, sent, fault.None},
		{"at the edge of the window", []string{publishedKey}, publishedHeader(), publishedBody, sent.Add(5 * time.Minute), fault.None},
		{"beyond it", []string{publishedKey}, publishedHeader(), publishedBody, sent.Add(5*time.Minute + time.Second), fault.Refused},
		{"before it", []string{publishedKey}, publishedHeader(), publishedBody, sent.Add(-5*time.Minute - time.Second), fault.Refused},
		{"trimmed", []string{publishedKey}, publishedHeader(), publishedBody[:len(publishedBody)-2], sent, fault.Refused},
		{"another time", []string{publishedKey}, with(SendGridTimestamp, strconv.Itoa(publishedStamp+1)), publishedBody, sent, fault.Refused},
		{"no time", []string{publishedKey}, with(SendGridTimestamp, "now"), publishedBody, sent, fault.Refused},
		{"not base64", []string{publishedKey}, with(SendGridSignature, "%%%"), publishedBody, sent, fault.Refused},
		{"not DER", []string{publishedKey}, with(SendGridSignature, "AAAA"), publishedBody, sent, fault.Refused},
		{"another key", []string{otherKey}, publishedHeader(), publishedBody, sent, fault.Refused},
		{"no key", nil, publishedHeader(), publishedBody, sent, fault.Refused},
		{"no signature", []string{publishedKey}, http.Header{}, publishedBody, sent, fault.Unauthorized},
	} {
		w, err := NewSendGridWebhook(test.keys, 5*time.Minute)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if err := w.Verify(t.Context(), test.header, []byte(test.body), test.now); fault.Of(err) != test.want {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	for _, bad := range []string{"nonsense!", "AAAA", base64.StdEncoding.EncodeToString([]byte("-----BEGIN"))} {
		if _, err := NewSendGridWebhook([]string{bad}, time.Minute); err == nil {
			t.Errorf("key %q is taken", bad)
		}
	}
}

// TestSendGridEvents: every type of event with what it means.
func TestSendGridEvents(t *testing.T) {
	w := new(SendGridWebhook)
	id := uuid.MustParse("0199a000-0000-7000-8000-000000000001")
	at := time.Unix(1600112492, 0).UTC()
	base := func(word string, m meaning) delivery.Report {
		r := m.report(word, "a@b.kr", "")
		r.ID, r.MessageIDs, r.At = id, []string{"LRzXl_NHStOGhQ4kofSm_A"}, at
		return r
	}
	coded := func(r delivery.Report, code string) delivery.Report { r.Code = code; return r }
	for _, test := range []struct {
		more string
		want delivery.Report
	}{
		{`"event":"processed"`, base("processed", taken)},
		{`"event":"deferred","response":"450 later","attempt":"3"`, base("deferred", history)},
		{`"event":"delivered","response":"250 OK"`, base("delivered", arrived)},
		{`"event":"bounce","type":"bounce","status":"5.1.1","reason":"550 5.1.1 no such user"`, coded(base("bounce", hardBounce), "5.1.1")},
		{`"event":"bounce","status":"5.0.0"`, coded(base("bounce", hardBounce), "5.0.0")},
		{`"event":"bounce","type":"bounce","status":"4.2.2"`, coded(base("bounce", softBounce), "4.2.2")},
		{`"event":"bounce","type":"blocked","status":"5.7.1"`, coded(base("bounce", softBounce), "5.7.1")},
		{`"event":"bounce","type":"expired"`, base("bounce", softBounce)},
		{`"event":"dropped","reason":"Bounced Address"`, base("dropped", sendGridEvents["dropped/bounced"])},
		{`"event":"dropped","reason":"Spam Reporting Address"`, base("dropped", sendGridEvents["dropped/spam"])},
		{`"event":"dropped","reason":"Unsubscribed Address"`, base("dropped", sendGridEvents["dropped/opt-out"])},
		{`"event":"dropped","reason":"Invalid"`, base("dropped", hardBounce)},
		{`"event":"dropped","reason":"Spam Content"`, base("dropped", sendGridEvents["dropped"])},
		{`"event":"spamreport"`, base("spamreport", complaint)},
		{`"event":"unsubscribe"`, base("unsubscribe", optOut)},
		{`"event":"group_unsubscribe","asm_group_id":7`, base("group_unsubscribe", optOut)},
		{`"event":"group_resubscribe","asm_group_id":7`, base("group_resubscribe", history)},
		{`"event":"open","sg_machine_open":true,"category":"a"`, base("open", history)},
		{`"event":"click","url":"https://x","category":["a","b"]`, base("click", history)},
		{`"event":"something new"`, base("something new", history)},
	} {
		event := `{"email":"a@b.kr","timestamp":1600112492,"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.recvd-1","gangway_id":"` + id.String() + `",` + test.more + `}`
		got, err := w.Parse([]byte(event))
		if err != nil {
			t.Errorf("%s: %v", test.more, err)
		}
		if diff := cmp.Diff([]delivery.Report{test.want}, got); diff != "" {
			t.Errorf("%s:\n%s", test.more, diff)
		}
	}
	for _, broken := range []string{`{}`, `{"event":7}`, `[]`, `"bounce"`} {
		if _, err := w.Parse([]byte(broken)); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

// TestSendGridLateBounce: an asynchronous bounce carries neither our id nor the
// vendor's; the SMTP id is our Message-ID, or nothing is known but the address.
func TestSendGridLateBounce(t *testing.T) {
	w := new(SendGridWebhook)
	for _, test := range []struct {
		smtpID string
		want   uuid.UUID
	}{
		{`"<0199a000-0000-7000-8000-000000000001@gangwon.kr>"`, uuid.MustParse("0199a000-0000-7000-8000-000000000001")},
		{`"<14c5d75ce93.dfd.64b469@ismtpd-555>"`, uuid.Nil},
		{`""`, uuid.Nil},
	} {
		got, err := w.Parse([]byte(`{"event":"bounce","type":"bounce","status":"5.1.1","email":"a@b.kr","timestamp":"1600112492","smtp-id":` + test.smtpID + `}`))
		if err != nil || len(got) != 1 || got[0].ID != test.want || len(got[0].MessageIDs) != 0 || got[0].Suppress != delivery.HardBounce {
			t.Errorf("%s: %+v, %v", test.smtpID, got, err)
		}
	}
}

func TestSendGridBatches(t *testing.T) {
	w := new(SendGridWebhook)
	notices, err := w.Split(nil, []byte(`[{"sg_event_id":"a","event":"open"}, {"sg_event_id":"b"},{}]`+"\r\n"))
	if err != nil || len(notices) != 3 || notices[0].EventID != "a" || notices[1].EventID != "b" || notices[2].EventID != "" || string(notices[0].Event) != `{"sg_event_id":"a","event":"open"}` {
		t.Errorf("%+v, %v", notices, err)
	}
	if notices, err := w.Split(nil, []byte(`[]`)); err != nil || len(notices) != 0 {
		t.Errorf("empty batch: %v, %v", notices, err)
	}
	for _, broken := range []string{``, `{}`, `[1]`, `[{]`, `[{"sg_event_id":1}]`} {
		if _, err := w.Split(nil, []byte(broken)); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: %v", broken, err)
		}
	}
}

func FuzzSendGridWebhook(f *testing.F) {
	f.Add([]byte(publishedBody), publishedSignature, strconv.Itoa(publishedStamp))
	f.Add([]byte(`[{"event":"bounce","type":"blocked","status":"5","timestamp":1e400,"gangway_id":"x","smtp-id":"<@>"}]`), "MEUC", "-1")
	w, err := NewSendGridWebhook([]string{publishedKey}, 5*time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, signature, stamp string) {
		header := http.Header{SendGridSignature: {signature}, SendGridTimestamp: {stamp}}
		if w.Verify(t.Context(), header, body, time.Unix(publishedStamp, 0)) == nil && string(body) != publishedBody {
			t.Fatalf("a forgery is taken: %q", body)
		}
		notices, err := w.Split(nil, body)
		if err != nil && fault.Of(err) != fault.Invalid {
			t.Fatal(err)
		}
		for _, notice := range notices {
			reports, err := w.Parse(notice.Event)
			if err != nil && fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			saneReports(t, reports)
		}
	})
}

// saneReports checks what every source owes to those who apply its reports.
func saneReports(t *testing.T, reports []delivery.Report) {
	t.Helper()
	for _, r := range reports {
		if r.Status != "" && r.Status.Rank() < delivery.RankSent || r.Suppress != "" && !r.List.Valid() || len(r.Code) > 64 {
			t.Fatalf("%+v", r)
		}
	}
}
