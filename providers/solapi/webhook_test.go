package solapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// The published form of the header: the SHA-1 of the secret.
func TestWebhookSecret(t *testing.T) {
	const published = "fe1bae27cb7c1fb823f496f286e78f1d2ae87734"
	if got := HashSecret("test-secret"); got != published {
		t.Errorf("hash %s", got)
	}
	for _, test := range []struct {
		name    string
		secrets []string
		plain   bool
		header  string
		want    fault.Reason
	}{
		{"right", []string{"test-secret"}, false, published, fault.None},
		{"while it is rotated", []string{"new", "test-secret"}, false, published, fault.None},
		{"the secret itself", []string{"test-secret"}, true, "test-secret", fault.None},
		{"the secret instead of its hash", []string{"test-secret"}, false, "test-secret", fault.Refused},
		{"in capitals", []string{"test-secret"}, false, "FE1BAE27CB7C1FB823F496F286E78F1D2AE87734", fault.Refused},
		{"another", []string{"other"}, false, published, fault.Refused},
		{"none configured", nil, false, published, fault.Refused},
		{"none", []string{"test-secret"}, false, "", fault.Unauthorized},
	} {
		header := http.Header{}
		if test.header != "" {
			header.Set(HeaderSecret, test.header)
		}
		if err := NewWebhook(nil, test.secrets, test.plain).Verify(t.Context(), header, nil, time.Time{}); fault.Of(err) != test.want {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestWebhookEvents: codes of every class with what they mean.
func TestWebhookEvents(t *testing.T) {
	w := NewWebhook(nil, nil, false)
	id := uuid.MustParse("0199a000-0000-7000-8000-000000000001")
	at := time.Date(2021, 11, 16, 5, 9, 48, 0, time.UTC)
	for _, test := range []struct {
		code   string
		status delivery.Status
		reason fault.Reason
	}{
		{"2000", delivery.Sent, fault.None}, {"3000", delivery.Sent, fault.None}, {"4000", delivery.Delivered, fault.None},
		{"3032", delivery.Undelivered, fault.Refused}, {"3040", delivery.Undelivered, fault.Timeout}, {"3043", delivery.Undelivered, fault.Unavailable},
		{"3059", delivery.Undelivered, fault.Unauthorized}, {"1062", delivery.Undelivered, fault.Unauthorized}, {"2230", delivery.Undelivered, fault.QuotaExhausted},
		{"3999", delivery.Undelivered, fault.Refused}, {"", delivery.Sent, fault.None}, {"later", delivery.Sent, fault.None},
	} {
		got, err := w.Parse([]byte(`{"messageId":"M4V","groupId":"G4V","to":"01000000001","statusCode":"` + test.code + `",
			"customFields":{"command_id":"` + id.String() + `"},"dateReported":"2021-11-16T05:09:49.000Z","dateReceived":"2021-11-16T05:09:48.000Z"}`))
		want := delivery.Report{Type: test.code, Code: test.code, Status: test.status, Reason: test.reason, ID: id, MessageIDs: []string{"M4V"}, At: at}
		if len(got) == 1 && test.status == delivery.Undelivered && got[0].Message == "" {
			t.Errorf("%s says nothing to a person", test.code)
		}
		if len(got) == 1 {
			got[0].Message = ""
		}
		if diff := cmp.Diff([]delivery.Report{want}, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", test.code, err, diff)
		}
	}
	if got, err := w.Parse([]byte(`{"groupId":"G4V"}`)); err != nil || len(got) != 1 || got[0].Type != "group" {
		t.Errorf("a group: %+v, %v", got, err)
	}
	if got, err := w.Parse([]byte(`{"fileId":"fax"}`)); err != nil || len(got) != 0 {
		t.Errorf("a fax: %+v, %v", got, err)
	}
	if _, err := w.Parse([]byte(`[]`)); fault.Of(err) != fault.Invalid {
		t.Errorf("a list: %v", err)
	}
}

func TestWebhookBatches(t *testing.T) {
	w := NewWebhook(nil, nil, false)
	notices, err := w.Split(http.Header{HeaderEvent: {"GROUP-REPORT"}}, []byte(`[{"messageId":"a","statusCode":"3000"},{"messageId":"a","statusCode":"4000"},{"groupId":"g"}]`))
	var ids []string
	for _, notice := range notices {
		ids = append(ids, notice.EventID)
	}
	if diff := cmp.Diff([]string{"a:3000", "a:4000", "group:g:GROUP-REPORT"}, ids); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	// Messages of others who use the account.
	notices, err = w.Split(nil, []byte(`[{"messageId":"b","statusCode":"4000","customFields":{"n":1,"x":{}}},{"messageId":"c","customFields":[]},{"messageId":"d"}]`))
	if err != nil || len(notices) != 3 {
		t.Fatalf("%d items, %v", len(notices), err)
	}
	if got, err := w.Parse(notices[0].Event); err != nil || len(got) != 1 || got[0].Status != delivery.Delivered {
		t.Errorf("%+v, %v", got, err)
	}
	for _, broken := range []string{``, `{}`, `[1]`, `[{"messageId":1}]`} {
		if _, err := w.Split(nil, []byte(broken)); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: %v", broken, err)
		}
	}
}

// TestWebhooksAreConfirmed: the simulated vendor's own report is confirmed by its
// list, a forged one is not.
func TestWebhooksAreConfirmed(t *testing.T) {
	s, o := simulated(t, simulator.Options{})
	d := open(t, o)
	defer d.Close()
	w := NewWebhook(d, []string{simulator.WebhookSecret("solapi")}, false)
	received := make(chan []delivery.Notice, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := w.Verify(r.Context(), r.Header, body, time.Now()); err != nil {
			t.Error(err)
		}
		notices, err := w.Split(r.Header, body)
		if err != nil {
			t.Error(err)
		}
		received <- notices
	}))
	defer server.Close()
	s.ReportTo("solapi", server.URL)
	for outcome, want := range map[string]delivery.Status{"success": delivery.Delivered, "bounce": delivery.Undelivered, "drop": delivery.Delivered} {
		call := providers.Call[providers.SMS]{ID: uuid.Must(uuid.NewV7()), Attempt: 1, Request: numbers(outcome)}
		_, _ = d.Do(t.Context(), call)
		notices := next(t, received)
		reports, err := w.Parse(notices[0].Event)
		if err != nil {
			t.Fatal(err)
		}
		confirmed, err := w.Confirm(t.Context(), reports)
		if err != nil || len(confirmed) != 1 || confirmed[0].Status != want || confirmed[0].ID != call.ID {
			t.Errorf("%s: %+v, %v", outcome, confirmed, err)
		}
		// Whoever saw the header could have written this.
		forged := reports[0]
		forged.Status = delivery.Undelivered
		confirmed, err = w.Confirm(t.Context(), []delivery.Report{forged})
		if err != nil || confirmed[0].Status != want {
			t.Errorf("%s: the forgery is believed: %+v, %v", outcome, confirmed, err)
		}
		group, err := w.Confirm(t.Context(), []delivery.Report{{Type: "group", MessageIDs: []string{"group:" + groupOf(t, notices[0])}}})
		if err != nil || len(group) != 1 || group[0].ID != call.ID {
			t.Errorf("%s: the group is %+v, %v", outcome, group, err)
		}
	}
	if _, err := w.Confirm(t.Context(), []delivery.Report{{Status: delivery.Delivered, MessageIDs: []string{"M4Vnone"}}}); fault.Of(err) != fault.Unavailable {
		t.Errorf("a message of nobody: %v", err)
	}
}

func groupOf(t *testing.T, notice delivery.Notice) string {
	t.Helper()
	var item webhookReport
	if err := providers.Decode(notice.Event, &item); err != nil {
		t.Fatal(err)
	}
	return item.GroupID
}

func next[T any](t *testing.T, from <-chan T) (value T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case value = <-from:
	case <-ctx.Done():
		t.Fatal("nothing was reported")
	}
	return value
}

func FuzzWebhook(f *testing.F) {
	f.Add([]byte(`[{"messageId":"M4V","groupId":"G4V","statusCode":"4000","customFields":{"command_id":"x"},"dateReceived":"2021-11-16T05:09:48.000Z"}]`), "fe1bae27cb7c1fb823f496f286e78f1d2ae87734")
	f.Add([]byte(`[{"groupId":""},{"messageId":null,"customFields":[]}]`), "")
	w := NewWebhook(nil, []string{"test-secret"}, false)
	f.Fuzz(func(t *testing.T, body []byte, secret string) {
		err := w.Verify(t.Context(), http.Header{HeaderSecret: {secret}}, body, time.Now())
		if (err == nil) != (secret == HashSecret("test-secret")) {
			t.Fatalf("%q: %v", secret, err)
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
				if r.Status.Rank() < delivery.RankSent || len(r.MessageIDs) != 1 {
					t.Fatalf("%+v", r)
				}
			}
		}
	})
}
