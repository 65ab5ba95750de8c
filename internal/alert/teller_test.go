package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// receiver is where people look: it keeps what it gets.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	calls  []string // path, token, body
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls = append(r.calls, request.URL.Path+" "+request.Header.Get("Authorization")+" "+string(body))
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.calls = nil }()
	return r.calls
}

// tray holds notices as the table does.
type tray struct {
	waiting map[string][]Notice
	shown   []Alert
	mails   []string
	old     int
}

func (t *tray) Tell(_ context.Context, sink string, _ time.Duration, most int, tell func([]Notice) ([]byte, error)) error {
	n := t.waiting[sink]
	if len(n) == 0 {
		return nil
	}
	n = n[:min(most, len(n))]
	mail, err := tell(n)
	if err != nil {
		return err
	}
	if mail != nil {
		t.mails = append(t.mails, string(mail))
	}
	t.waiting[sink] = t.waiting[sink][len(n):]
	return nil
}

func (t *tray) Forget(context.Context, time.Time) (int, error)    { return t.old, nil }
func (t *tray) Shown(context.Context, time.Time) ([]Alert, error) { return t.shown, nil }

// TestEverySinkIsTold sends notices to real listeners and keeps those that could
// not be delivered, without showing where to.
func TestEverySinkIsTold(t *testing.T) {
	chat, manager := newReceiver(t), newReceiver(t)
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	notices := []Notice{
		{Key: Key{BreakerOpen, "ses"}, What: Raised, Severity: Critical, Message: "a < b & c", At: at},
		{Key: Key{DeadLetters, "sms.send"}, What: Resolved, Severity: Warning, Message: "3 new", At: at},
	}
	fires := Alert{ID: uuid.New(), Key: Key{StreamBacklog, "email.send.bulk"}, Severity: Warning, Message: "many", RaisedAt: at}
	n := &tray{waiting: map[string][]Notice{ByEmail: slices.Clone(notices), ByWebhook: slices.Clone(notices)}, shown: []Alert{fires}}
	now := at
	var troubles []string
	teller := NewTeller(TellerOptions{
		Notices: n, Now: func() time.Time { return now },
		Sinks: func() Sinks {
			return Sinks{
				Every: time.Minute, Webhook: chat.URL + "/services/T0/s3cret", Alertmanager: manager.URL, Token: "t0ken",
				Email: func(subject, text string) ([]byte, error) { return []byte(subject + "\n" + text), nil },
			}
		},
		Trouble: func(sink string, err error) { troubles = append(troubles, fmt.Sprint(sink, " ", err)) },
	})
	teller.Tell(t.Context())
	if len(n.mails) != 1 || !strings.HasPrefix(n.mails[0], "[Gangway] 1 alert, 1 resolved: BreakerOpen ses\n") || !strings.Contains(n.mails[0], "RESOLVED  DeadLetters sms.send") {
		t.Errorf("e-mail: %q", n.mails)
	}
	got := chat.take()
	var message struct {
		Text        string
		Attachments []struct{ Color, Title, Text string }
	}
	if len(got) != 1 || !strings.HasPrefix(got[0], "/services/T0/s3cret  {") || json.Unmarshal([]byte(strings.SplitN(got[0], " ", 3)[2]), &message) != nil ||
		len(message.Attachments) != 2 || message.Attachments[0].Text != "a &lt; b &amp; c" || message.Attachments[0].Title != "CRITICAL BreakerOpen ses" {
		t.Errorf("chat: %q", got)
	}
	managed := func() (list []struct {
		Labels           map[string]string
		StartsAt, EndsAt time.Time
	}) {
		for _, call := range manager.take() {
			part := strings.SplitN(call, " {", 2)[0]
			body := call[strings.Index(call, "["):]
			if !strings.HasPrefix(part, "/api/v2/alerts Bearer t0ken") || json.Unmarshal([]byte(body), &list) != nil {
				t.Errorf("alertmanager: %q", call)
			}
		}
		return list
	}
	if list := managed(); len(list) != 1 || list[0].Labels["alertname"] != "StreamBacklog" || list[0].Labels["kind"] != "email.send" ||
		list[0].Labels["lane"] != "bulk" || !list[0].StartsAt.Equal(at) || !list[0].EndsAt.Equal(at.Add(4*time.Minute)) {
		t.Errorf("%+v", list)
	}

	now = now.Add(10 * time.Second)
	teller.Tell(t.Context())
	if more := append(chat.take(), manager.take()...); len(more) > 0 || len(n.mails) != 1 {
		t.Errorf("told again: %q", more)
	}
	n.shown[0].ResolvedAt = now
	teller.Tell(t.Context())
	if list := managed(); len(list) != 1 || !list[0].EndsAt.Equal(now) {
		t.Errorf("resolved: %+v", list)
	}
	now = now.Add(time.Minute)
	teller.Tell(t.Context())
	if list := managed(); len(list) != 1 {
		t.Errorf("Alertmanager forgets what it is not told again: %+v", list)
	}

	n.waiting[ByWebhook] = notices[:1]
	chat.status = http.StatusBadGateway
	teller.Tell(t.Context())
	teller.Tell(t.Context())
	if calls := chat.take(); len(calls) != 1 || len(n.waiting[ByWebhook]) != 1 || len(troubles) != 1 {
		t.Errorf("%d calls, %d wait, %q", len(calls), len(n.waiting[ByWebhook]), troubles)
	}
	chat.Close()
	now = now.Add(2 * time.Minute)
	n.old = 3
	teller.Tell(t.Context())
	if len(troubles) != 3 || strings.Contains(strings.Join(troubles, " "), "s3cret") || !strings.Contains(troubles[2], "3 notices") {
		t.Errorf("%q", troubles)
	}
}

func TestPosterDoesNotFollow(t *testing.T) {
	elsewhere := newReceiver(t)
	from := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer from.Close()
	if err := NewPoster().Post(t.Context(), from.URL, "t0ken", []byte("{}")); err == nil || len(elsewhere.take()) != 0 {
		t.Errorf("followed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := NewPoster().Post(ctx, elsewhere.URL, "", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
