package nhncloud

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

func TestWebhookSignature(t *testing.T) {
	w := NewWebhook(nil, []string{"new text", "old text"})
	for text, want := range map[string]fault.Reason{
		"new text": fault.None, "old text": fault.None, "another": fault.Refused, "new tex": fault.Refused, "": fault.Unauthorized,
	} {
		if err := w.Verify(t.Context(), http.Header{HeaderSignature: {text}}, nil, time.Time{}); fault.Of(err) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := NewWebhook(nil, nil).Verify(t.Context(), http.Header{HeaderSignature: {"x"}}, nil, time.Time{}); fault.Of(err) != fault.Refused {
		t.Errorf("without a text: %v", err)
	}
}

// TestWebhookEvents: every type of event with what it means.
func TestWebhookEvents(t *testing.T) {
	w := NewWebhook(nil, nil)
	seoul := time.FixedZone("", 9*60*60)
	result := func(status, code string) string {
		return `{"event":"MESSAGE_RESULT_UPDATE","hook":{"hookId":"h","requestId":"r-1","recipientSeq":1,"messageStatus":"` + status + `","resultCode":"` + code + `","receivedDate":"2026-01-02T12:00:00.000+09:00"}}`
	}
	report := func(word string, status delivery.Status, reason fault.Reason, code string) []delivery.Report {
		r := delivery.Report{Type: word, Status: status, Reason: reason, Code: code, MessageIDs: []string{"r-1"}, At: time.Date(2026, 1, 2, 12, 0, 0, 0, seoul)}
		if status == delivery.Undelivered {
			r.Message = "the carrier did not deliver the message"
		}
		return []delivery.Report{r}
	}
	for _, test := range []struct {
		event string
		want  []delivery.Report
	}{
		{result("COMPLETED", "1000"), report("COMPLETED 1000", delivery.Delivered, fault.None, "1000")},
		{result("FAILED", "3001"), report("FAILED 3001", delivery.Undelivered, fault.Refused, "3001")},
		{result("FAILED", "2000"), report("FAILED 2000", delivery.Undelivered, fault.Timeout, "2000")},
		{result("CANCEL", ""), report("CANCEL", delivery.Undelivered, fault.Refused, "")},
		{result("DUPLICATED", ""), report("DUPLICATED", delivery.Undelivered, fault.Refused, "")},
		{result("FAILED_AD", ""), report("FAILED_AD", delivery.Undelivered, fault.Refused, "")},
		{result("SOMETHING", ""), report("SOMETHING", delivery.Sent, fault.None, "")},
		{`{"event":"INTERNATIONAL_DELIVERY_RECEIPT","hook":{"requestId":"r-1","messageStatus":"COMPLETED","resultCode":1000,"receivedDate":"2026-01-02 12:00:00.0"}}`,
			report("COMPLETED 1000", delivery.Delivered, fault.None, "1000")},
		{`{"event":"UNSUBSCRIBE","hook":{"recipientNo":"01012341234","unsubscribeNo":"08012341234","createdDateTime":"2026-01-02T12:00:00.000+09:00"}}`,
			[]delivery.Report{{Type: "UNSUBSCRIBE", At: time.Date(2026, 1, 2, 12, 0, 0, 0, seoul), Recipient: "+821012341234", Suppress: delivery.Unsubscribed, List: delivery.SuppressMarketing}}},
		{`{"event":"UNSUBSCRIBE","hook":{"recipientNo":"none"}}`, nil},
		{`{"event":"CONVERSION_BLOCK","hook":{"countryCode":"1"}}`, nil},
		{`{"event":"","hook":{}}`, nil},
	} {
		got, err := w.Parse([]byte(test.event))
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", test.event, err, diff)
		}
	}
	for _, broken := range []string{`[]`, `{"event":"MESSAGE_RESULT_UPDATE"}`, `{"event":"MESSAGE_RESULT_UPDATE","hook":{}}`, `{"event":1,"hook":{}}`} {
		if _, err := w.Parse([]byte(broken)); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

// TestWebhooksAreConfirmed: the simulated vendor's own report is confirmed by its
// list, which also tells our id; a forged one is not.
func TestWebhooksAreConfirmed(t *testing.T) {
	s, o := simulated(t)
	d := open(t, o)
	defer d.Close()
	w := NewWebhook(d, []string{simulator.WebhookSecret("nhncloud")})
	received := make(chan []delivery.Notice, 10)
	s.ReportTo("nhncloud", newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := w.Verify(r.Context(), r.Header, body, time.Now()); err != nil {
			t.Error(err)
		}
		notices, err := w.Split(r.Header, body)
		if err != nil || len(notices) != 1 || notices[0].EventID == "" {
			t.Errorf("%+v, %v", notices, err)
		}
		received <- notices
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for outcome, want := range map[string]delivery.Status{"success": delivery.Delivered, "bounce": delivery.Undelivered, "drop": delivery.Delivered} {
		call := providers.Call[providers.SMS]{ID: uuid.New(), Attempt: 1, Request: numbers(outcome)}
		_, _ = d.Do(ctx, call)
		var notices []delivery.Notice
		select {
		case notices = <-received:
		case <-ctx.Done():
			t.Fatal("nothing was reported")
		}
		reports, err := w.Parse(notices[0].Event)
		if err != nil || len(reports) != 1 {
			t.Fatalf("%+v, %v", reports, err)
		}
		reports[0].Status = delivery.Undelivered // whoever saw the header could have written this
		confirmed, err := w.Confirm(ctx, reports)
		if err != nil || len(confirmed) != 1 || confirmed[0].Status != want || confirmed[0].ID != call.ID {
			t.Errorf("%s: %+v, %v", outcome, confirmed, err)
		}
	}
	if _, err := w.Confirm(ctx, []delivery.Report{{Status: delivery.Delivered, MessageIDs: []string{"none"}}}); fault.Of(err) != fault.Unavailable {
		t.Errorf("a request of nobody: %v", err)
	}
	optOut := delivery.Report{Type: "UNSUBSCRIBE", Recipient: "+821012341234"}
	if confirmed, err := w.Confirm(ctx, []delivery.Report{optOut}); err != nil || cmp.Diff([]delivery.Report{optOut}, confirmed) != "" {
		t.Errorf("an opt-out: %+v, %v", confirmed, err)
	}
}

func FuzzWebhook(f *testing.F) {
	f.Add([]byte(`{"hooksId":"x","event":"MESSAGE_RESULT_UPDATE","hooks":[{"hookId":"h","requestId":"r","messageStatus":"FAILED","resultCode":3001}]}`), "text")
	f.Add([]byte(`{"event":"UNSUBSCRIBE","hooks":[{"recipientNo":"01012341234","createdDateTime":"x"},{}]}`), "")
	w := NewWebhook(nil, []string{"text"})
	f.Fuzz(func(t *testing.T, body []byte, text string) {
		if err := w.Verify(t.Context(), http.Header{HeaderSignature: {text}}, body, time.Now()); (err == nil) != (text == "text") {
			t.Fatalf("%q: %v", text, err)
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
			for _, r := range reports {
				if r.Status != "" && r.Status.Rank() < delivery.RankSent || r.Suppress != "" && !r.List.Valid() {
					t.Fatalf("%+v", r)
				}
			}
		}
	})
}
