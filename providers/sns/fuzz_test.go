package sns

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// FuzzAnswer lets the vendor say anything: a message counts as sent only when
// the answer names it, and every failure has a reason.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{published, settings, errorAnswer(400, "Throttling").Body, "<html>", "", "<a><MessageId>x</MessageId></a>"} {
		f.Add(200, []byte(seed))
		f.Add(400, []byte(seed))
	}
	var status int
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	f.Cleanup(server.Close)
	d, err := New(options(server.URL))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(d.Close)
	f.Fuzz(func(t *testing.T, code int, said []byte) {
		status, body = 200+(code%400+400)%400, said
		if status == http.StatusNoContent || status == http.StatusNotModified {
			body = nil
		}
		answer, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: uuid.New(), Request: sms})
		switch {
		case err == nil && (answer.MessageID == "" || status >= 300):
			t.Fatalf("status %d counts as sent: %+v", status, answer)
		case err != nil && !fault.Of(err).Valid():
			t.Fatalf("no reason: %v", err)
		case err != nil && status < 300 && fault.Of(err) != fault.UnknownOutcome:
			t.Fatalf("status %d, and nobody knows: %v", status, err)
		}
	})
}
