package simulator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// listener takes what vendors report and answers as a test says.
type listener struct {
	mu     sync.Mutex
	bodies []string
	status int
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bodies = append(l.bodies, string(body))
	w.WriteHeader(l.status)
}

func (l *listener) answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.bodies...)
}

func listening(t *testing.T) (*Simulator, *listener, string) {
	t.Helper()
	s, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	l := &listener{status: http.StatusOK}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return s, l, server.URL
}

func mailOf(vendor, to string) Received {
	return Received{ID: "m-1", Provider: vendor, At: time.Now(), CommandID: "c-1", To: strings.Split(to, ","), Header: map[string]string{"Message-Id": "<c-1@gangwon.kr>"}}
}

// TestReportsAreSentAgain as each vendor does it: SNS takes a 4xx for an answer.
func TestReportsAreSentAgain(t *testing.T) {
	for _, test := range []struct {
		vendor string
		status int
		again  bool
	}{{"ses", 503, true}, {"ses", 403, false}, {"sendgrid", 503, true}, {"sendgrid", 403, true}, {"solapi", 500, true}, {"nhncloud", 404, true}} {
		s, l, url := listening(t)
		l.answer(test.status)
		if test.vendor == "ses" || test.vendor == "sendgrid" {
			s.reportMail(mailOf(test.vendor, "kim@example.kr"))
		} else {
			s.reportSMS(test.vendor, smsMessage{ID: "m-1", Request: "r-1"})
		}
		// Nobody listened yet; it waits.
		s.mustHear(t, l, 0)
		s.reporters[test.vendor].mu.Lock()
		s.reporters[test.vendor].url = url
		s.reporters[test.vendor].mu.Unlock()
		s.reporters[test.vendor].again()
		if test.again {
			testkit.Eventually(t, 10*time.Second, func() bool { return len(l.heard()) >= 2 }, "%s to send again after %d", test.vendor, test.status)
			continue
		}
		testkit.Eventually(t, 10*time.Second, func() bool { return len(l.heard()) == 1 })
		// A later report of the same vendor arrives; the first did not come again.
		s.reportMail(mailOf(test.vendor, "lee@example.kr"))
		testkit.Eventually(t, 10*time.Second, func() bool { return len(l.heard()) == 2 })
		if bodies := l.heard(); strings.Contains(bodies[1], "kim@") {
			t.Errorf("%s sent again after %d", test.vendor, test.status)
		}
	}
}

func (s *Simulator) mustHear(t *testing.T, l *listener, n int) {
	t.Helper()
	if bodies := l.heard(); len(bodies) != n {
		t.Errorf("%d reports, want %d: %v", len(bodies), n, bodies)
	}
}

// TestReportsOfEachOutcome: a complaint follows a delivery, and every recipient
// has an outcome of its own.
func TestReportsOfEachOutcome(t *testing.T) {
	s, l, url := listening(t)
	s.ReportTo("sendgrid", url)
	s.reportMail(mailOf("sendgrid", "kim@example.kr,bounce+1@example.kr,complaint@example.kr"))
	s.reportMail(mailOf("smtp", "kim@example.kr")) // reports nothing
	testkit.Eventually(t, 10*time.Second, func() bool { return len(l.heard()) > 0 })
	text := strings.Join(l.heard(), "")
	for what, n := range map[string]int{`"event":"delivered"`: 2, `"event":"bounce"`: 1, `"event":"spamreport"`: 1, `"gangway_id":"c-1"`: 4} {
		if got := strings.Count(text, what); got != n {
			t.Errorf("%s stands %d times, want %d, in %s", what, got, n, text)
		}
	}
}

// TestUnrulyReports are late, doubled and preceded by forgeries.
func TestUnrulyReports(t *testing.T) {
	s, l, url := listening(t)
	s.ReportTo("solapi", url)
	s.SetWebhookFault("solapi", WebhookFault{Delay: 200 * time.Millisecond, Repeat: 1, Shuffle: true, Forge: 1})
	started := time.Now()
	s.reportSMS("solapi", smsMessage{ID: "m-1"})
	testkit.Eventually(t, 10*time.Second, func() bool { return len(l.heard()) == 2 }, "the forgery and the report")
	if took := time.Since(started); took < 200*time.Millisecond {
		t.Errorf("after %s already", took)
	}
	if n := strings.Count(l.heard()[1], `"messageId":"m-1"`); n != 2 {
		t.Errorf("the report stands %d times", n)
	}
	s.ReportTo("solapi", "")
	s.ReportTo("nobody", url)
}

// TestNotify sends a webhook of the standard form.
func TestNotify(t *testing.T) {
	s, l, url := listening(t)
	s.Notify("kakao", url, "address.updated", map[string]string{"keyword": "춘천"})
	testkit.Eventually(t, 10*time.Second, func() bool { return len(l.heard()) == 1 })
	if body := l.heard()[0]; !strings.Contains(body, `"type":"address.updated"`) || !strings.Contains(body, "춘천") {
		t.Errorf("%s", body)
	}
}
