package cli

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// canceller is a worker that carries cancellations out on the ledger.
func canceller(l *ledger, target func(*delivery.View), own delivery.View) func(*command.Command) delivery.View {
	return func(cmd *command.Command) delivery.View {
		if target != nil {
			about := command.ParseID(cmd.Payload.(*command.Cancel).DeliveryID)
			l.mu.Lock()
			view := l.rows[about]
			view.ID = about
			target(&view)
			l.set(view)
			l.mu.Unlock()
		}
		return own
	}
}

func TestCancel(t *testing.T) {
	becomes := func(status delivery.Status) func(*delivery.View) {
		return func(v *delivery.View) { v.Status = status }
	}
	taken := delivery.View{Status: delivery.Completed}
	scheduled := delivery.View{ID: id(1), Kind: command.EmailSend, Status: delivery.Scheduled}
	for _, tt := range []struct {
		name      string
		before    *delivery.View
		target    func(*delivery.View)
		own       delivery.View
		published int
		code      int
		out, err  string
	}{
		{"in time", &scheduled, becomes(delivery.Cancelled), taken, 1, ExitDone, "ID cancelled\n", ""},
		{"not known yet", nil, becomes(delivery.Cancelled), taken, 1, ExitDone, "ID cancelled\n", ""},
		{
			"too late, as the row says", &delivery.View{ID: id(1), Status: delivery.Delivered, Provider: "ses"}, nil, taken, 0, ExitFailed, "",
			"publisher: too late: ID delivered by ses\n",
		},
		{"cancelled before", &delivery.View{ID: id(1), Status: delivery.Cancelled}, nil, taken, 0, ExitDone, "ID cancelled\n", ""},
		{
			"too late, meanwhile", &scheduled, func(v *delivery.View) { v.Status, v.Provider = delivery.Sent, "ses" }, taken, 1, ExitFailed, "",
			"publisher: too late: ID sent by ses\n",
		},
		{
			"refused", &scheduled, nil, delivery.View{Status: delivery.Failed, Reason: fault.Refused, ErrorMessage: "it was sent already"}, 1, ExitFailed, "",
			"publisher: delivery.cancel of ID was refused: refused: it was sent already\n",
		},
		{
			"its outcome is unknown", &delivery.View{ID: id(1), Status: delivery.Unknown, Provider: "sns"}, nil,
			delivery.View{Status: delivery.Completed, Result: jsontext.Value(`{"outcome":"too_late","status":"unknown"}`)}, 1, ExitFailed, "",
			"publisher: too late: ID unknown by sns; it may have been sent\n",
		},
		{
			"being sent", &scheduled, becomes(delivery.Processing), taken, 1, ExitFailed, "",
			"publisher: not done within 100ms: delivery.cancel is taken, but an attempt is being made right now, and it counts only if that fails; see publisher status ID\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := newStream(t, jsConfig), newLedger()
			if tt.before != nil {
				l.put(*tt.before)
			}
			s.work(t, l, canceller(l, tt.target, tt.own))
			audit := new(auditLog)
			b := Backends{Bus: s.open, Deliveries: l.open, Audit: opens[Audit](audit)}
			args := []string{"cancel", id(1).String(), "--reason", "moved", "--by", "kim", "--timeout", "10s"}
			if strings.HasPrefix(tt.err, "publisher: not done") {
				args[len(args)-1] = "100ms"
			}
			got := publisher(t, b, "", args...)
			name := func(text string) string { return strings.ReplaceAll(text, id(1).String(), "ID") }
			if got.code != tt.code || name(got.out) != tt.out || name(got.err) != tt.err {
				t.Errorf("got %+v", got)
			}
			stored := s.stored(t)
			if len(stored) != tt.published {
				t.Fatalf("%d cancellations were published", len(stored))
			}
			if want := strings.Repeat("kim delivery.cancel "+id(1).String()+" map[outcome:requested reason:moved]", tt.published); strings.Join(audit.written, "") != want {
				t.Errorf("audited %q", audit.written)
			}
			if tt.published > 0 && !strings.HasSuffix(string(stored[0].Data), `,"delivery_id":"`+id(1).String()+`","reason":"moved"}`) {
				t.Errorf("published %s", stored[0].Data)
			}
		})
	}
}

func TestCancelWithoutAWorker(t *testing.T) {
	s, l := newStream(t, jsConfig), newLedger()
	got := publisher(t, Backends{Bus: s.open, Deliveries: l.open, Audit: opens[Audit](new(auditLog))}, "", "cancel", "order-42", "--timeout", "50ms", "-o", "json")
	want := "publisher: not done within 50ms: delivery.cancel is published, but no worker has taken it yet; see publisher status " + command.ParseID("order-42").String() + "\n"
	if got.code != ExitFailed || got.err != want || got.out != "" {
		t.Errorf("got %+v", got)
	}
	l.put(delivery.View{ID: command.ParseID("order-42"), Status: delivery.Cancelled})
	got = publisher(t, Backends{Bus: s.open, Deliveries: l.open, Audit: opens[Audit](new(auditLog))}, "", "cancel", "order-42", "-o", "json")
	if got.code != ExitDone || got.out != `{"id":"`+command.ParseID("order-42").String()+`","status":"cancelled"}`+"\n" {
		t.Errorf("json: %+v", got)
	}
}

func TestManualEntry(t *testing.T) {
	s := newStream(t, jsConfig)
	l := newLedger(delivery.View{ID: id(1), Kind: command.BusinessVerify, Status: delivery.ManualReview, Recipient: "124-81-00998"})
	s.work(t, l, func(cmd *command.Command) delivery.View {
		body := cmd.Payload.(*command.Complete)
		if body.Company.Name != "강원상사" || body.Company.Status != "active" || body.EnteredBy != "kim" || body.Note != "by telephone" {
			t.Errorf("entered %+v", body)
		}
		l.put(delivery.View{ID: id(1), Kind: command.BusinessVerify, Status: delivery.Completed})
		return delivery.View{Status: delivery.Completed}
	})
	b := Backends{Manual: s.open, Deliveries: l.open}
	if got := publisher(t, b, "", "manual", "list"); got.code != ExitDone || len(got.lines()) != 2 || !strings.Contains(got.out, "manual_review") {
		t.Errorf("list: %+v", got)
	}
	args := []string{"manual", "complete", id(1).String(), "--name", "강원상사", "--company-status", "active", "--by", "kim", "--note", "by telephone"}
	if got := publisher(t, b, "", args...); got.code != ExitDone || got.out != id(1).String()+" completed\n" {
		t.Errorf("complete: %+v", got)
	}
	if got := publisher(t, b, "", args...); got.code != ExitFailed || !strings.Contains(got.err, "it does not wait for a person") {
		t.Errorf("again: %+v", got)
	}
	args[2] = "nobody"
	if got := publisher(t, b, "", args...); got.code != ExitFailed || !strings.Contains(got.err, `"nobody" is not known`) {
		t.Errorf("an unknown id: %+v", got)
	}
	if n := len(s.stored(t)); n != 1 {
		t.Errorf("%d entries were published", n)
	}
}
