package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// TestWatchEndsAndBacksOff runs on a clock of its own: a ledger in memory
// answers at once.
func TestWatchEndsAndBacksOff(t *testing.T) {
	for status, over := range map[delivery.Status]bool{
		delivery.Queued: false, delivery.Scheduled: false, delivery.Processing: false, delivery.Retrying: false,
		delivery.Unknown: true, delivery.ManualReview: true, delivery.Sent: true, delivery.Delivered: true,
		delivery.Failed: true, delivery.DeadLettered: true, delivery.Completed: true, delivery.Cancelled: true,
	} {
		synctest.Test(t, func(t *testing.T) {
			id := uuid.New()
			l := newLedger(delivery.View{ID: id, Status: status})
			told := 0
			start := time.Now()
			left, err := watch(t.Context(), l, []uuid.UUID{id}, time.Minute, func(delivery.View) { told++ }, nil)
			if over && (err != nil || told != 1 || time.Since(start) != 0 || len(left) != 0) {
				t.Errorf("%s: told %d times after %v: %v", status, told, time.Since(start), err)
			}
			if !over && (!errors.Is(err, errWaited) || told != 0 || time.Since(start) != time.Minute || len(left) != 1) {
				t.Errorf("%s: told %d times after %v: %v", status, told, time.Since(start), err)
			}
			// A minute of waiting asks at most about once a second.
			if l.asked > 75 {
				t.Errorf("%s: asked %d times in %v", status, l.asked, time.Since(start))
			}
		})
	}
}

func TestWatchManyBehindSlowOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ids []uuid.UUID
		l := newLedger()
		for i := range 1200 {
			view := delivery.View{ID: uuid.New(), Status: delivery.Sent}
			if i < 600 {
				view.Status = delivery.Scheduled
			}
			ids = append(ids, view.ID)
			l.put(view)
		}
		told := map[uuid.UUID]int{}
		left, err := watch(t.Context(), l, ids, time.Second, func(v delivery.View) { told[v.ID]++ }, nil)
		if !errors.Is(err, errWaited) || len(told) != 600 || len(left) != 600 {
			t.Errorf("%d told, %d left: %v", len(told), len(left), err)
		}
	})
}

func TestWatchOutlastsTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := uuid.New()
		l := newLedger()
		l.fail = fault.New(fault.Unavailable, "postgres", "is away")
		l.onAsk = func(n int, l *ledger) {
			if n == 5 {
				l.fail = nil
				l.set(delivery.View{ID: id, Status: delivery.Sent})
			}
		}
		if _, err := watch(t.Context(), l, []uuid.UUID{id}, 0, func(delivery.View) {}, nil); err != nil || l.asked != 5 {
			t.Errorf("asked %d times: %v", l.asked, err)
		}
		l.fail = fault.New(fault.Unauthorized, "postgres", "permission denied for view delivery_status")
		l.onAsk = nil
		if _, err := watch(t.Context(), l, []uuid.UUID{uuid.New()}, 0, func(delivery.View) {}, nil); fault.Of(err) != fault.Unauthorized {
			t.Errorf("a refusal is waited for: %v", err)
		}
	})
}

func TestWatchIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, interrupt)
		start := time.Now()
		_, err := watch(ctx, newLedger(), []uuid.UUID{uuid.New()}, time.Hour, func(delivery.View) {}, nil)
		if !errors.Is(err, context.Canceled) || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestSendWaits runs with a real stream and a worker that writes the ledger.
func TestSendWaits(t *testing.T) {
	requested := time.Date(2026, 3, 1, 9, 0, 0, 0, kst)
	end := func(status delivery.Status, change func(*delivery.View)) func(*command.Command) delivery.View {
		return func(*command.Command) delivery.View {
			view := delivery.View{Status: status, Provider: "ses", Attempts: 1, RequestedAt: requested, UpdatedAt: requested.Add(412 * time.Millisecond)}
			if change != nil {
				change(&view)
			}
			return view
		}
	}
	for _, tt := range []struct {
		name   string
		settle func(*command.Command) delivery.View
		args   []string
		code   int
		want   string // of stderr, after the id
		json   string
	}{
		{"sent", end(delivery.Sent, nil), nil, ExitDone, " sent by ses in 412ms\n", "sent"},
		{
			"delivered after a retry", end(delivery.Delivered, func(v *delivery.View) { v.Attempts = 3; v.CompletedAt = requested.Add(72 * time.Second) }), nil,
			ExitDone, " delivered by ses after 3 attempts in 1m12s\n", "delivered",
		},
		{
			"refused", end(delivery.Failed, func(v *delivery.View) {
				v.Reason, v.ErrorCode, v.ErrorMessage = fault.Refused, "550 5.1.1", "mailbox\nunknown \x1b[2J"
			}), nil,
			ExitFailed, " failed by ses in 412ms: refused: 550 5.1.1: mailbox unknown ?[2J\n", "failed",
		},
		{"unknown", end(delivery.Unknown, nil), nil, ExitFailed, " unknown by ses in 412ms; it may have been sent\n", "unknown"},
		{
			"not in time", end(delivery.Retrying, nil), []string{"--timeout", "50ms"}, ExitFailed,
			"not done within 50ms: it is retrying at ses (attempt 1); publisher status ID --wait goes on waiting\n", "retrying",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := newStream(t, jsConfig), newLedger()
			s.work(t, l, tt.settle)
			backends := Backends{Bus: s.open, Deliveries: l.open}
			got := publisher(t, backends, mailBody, append([]string{"send", "email.send", "--wait"}, tt.args...)...)
			if got.code != tt.code || len(got.lines()) != 1 {
				t.Fatalf("got %+v", got)
			}
			id := got.lines()[0]
			said := strings.ReplaceAll(strings.TrimPrefix(got.err, "publisher: "), id, "ID")
			if strings.TrimPrefix(said, "ID") != tt.want {
				t.Errorf("says %q, want %q", said, tt.want)
			}
			got = publisher(t, backends, mailBody, append([]string{"send", "email.send", "--wait", "-o", "json"}, tt.args...)...)
			if got.code != tt.code || len(got.lines()) != 1 || !strings.HasSuffix(got.out, `","status":"`+tt.json+"\"}\n") {
				t.Errorf("json: %+v", got)
			}
		})
	}
}

func TestSendManyWaits(t *testing.T) {
	s, l := newStream(t, jsConfig), newLedger()
	n := 0
	s.work(t, l, func(*command.Command) delivery.View {
		if n++; n%10 == 0 {
			return delivery.View{Status: delivery.Bounced, Provider: "ses"}
		}
		return delivery.View{Status: delivery.Sent}
	})
	backends := Backends{Bus: s.open, Deliveries: l.open}
	got := publisher(t, backends, strings.Repeat(mailBody+"\n", 100), "send", "email.send", "--wait")
	if got.code != ExitFailed || len(got.lines()) != 100 || strings.Count(got.err, " bounced by ses\n") != 10 ||
		!strings.HasSuffix(got.err, "publisher: 10 of 100 ended without success: see publisher list --status and publisher status ID\n") {
		t.Errorf("got %+v", got)
	}
	n = -100
	got = publisher(t, backends, strings.Repeat(mailBody+"\n", 9), "send", "email.send", "--wait", "-o", "json")
	if got.code != ExitDone || strings.Count(got.out, `"status":"sent"`) != 9 || got.err != "9 of 9 done\n" {
		t.Errorf("json: %+v", got)
	}
}

// TestWaitOpensTheDatabaseFirst: nothing is published that could not be waited for.
func TestWaitOpensTheDatabaseFirst(t *testing.T) {
	bus := &counting{}
	got := publisher(t, Backends{Bus: bus.open, Deliveries: func(context.Context, Settings) (Deliveries, error) {
		return nil, fault.New(fault.Unavailable, "postgres", "does not answer")
	}}, mailBody, "send", "email.send", "--wait")
	if got.code != ExitFailed || bus.stored.Load() != 0 {
		t.Errorf("%d published: %+v", bus.stored.Load(), got)
	}
}
