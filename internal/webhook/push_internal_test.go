package webhook

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "86400": 24 * time.Hour, "999999999999999999999": 0, "86401": 0,
		now.Add(time.Hour).Format(http.TimeFormat):           time.Hour,
		now.Add(-time.Hour).Format(http.TimeFormat):          0,
		now.Add(30 * 24 * time.Hour).Format(http.TimeFormat): 24 * time.Hour,
		"Fri, 02 Jan 2026 03:04:06 GMT":                      time.Second,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	p := NewPusher(nil, nil, PusherOptions{})
	if wait, more := p.delay(1, time.Hour); wait != time.Hour || !more {
		t.Errorf("asked to wait an hour: %s, %v", wait, more)
	}
	total := time.Duration(0)
	for attempt := 1; ; attempt++ {
		wait, more := p.delay(attempt, 0)
		if !more {
			if attempt != 10 || total < 60*time.Hour || total > 6*24*time.Hour {
				t.Errorf("%d attempts within %s; events are kept for 7 days", attempt, total)
			}
			return
		}
		total += wait
	}
}

func FuzzOutgoing(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","id":"a.1","time":"2026-01-02T03:04:05Z","sequence":"0000000001","data":{"kind":"email.send","status":"sent"}}`), "120")
	f.Add([]byte(`{"id":"a","data":{"kind":1}}`), "Fri, 02 Jan 2026 03:04:06 GMT")
	f.Add([]byte(`{"id":"a","data":null,"time":{}}`), "")
	f.Fuzz(func(t *testing.T, event []byte, after string) {
		id, body, _, err := outgoing(event)
		if err == nil && (!jsontext.Value(body).IsValid() || id == "" || strings.Contains(id, ".")) {
			t.Fatalf("%q becomes %q: %s", event, id, body)
		}
		if wait := retryAfter(after, time.Now()); wait < 0 || wait > 24*time.Hour {
			t.Fatalf("%q waits %s", after, wait)
		}
	})
}
