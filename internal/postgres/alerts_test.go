package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/outbox"
)

func openAlerts(d desk) *postgres.Alerts {
	event := func(c alert.Change) (outbox.Message, error) {
		return outbox.Message{Subject: "event.alert." + string(c.What), ID: fmt.Sprint(c.Alert.ID, c.Alert.Told), Payload: []byte("{}")}, nil
	}
	return postgres.NewAlerts(d.pool, event, func() []string { return []string{"email", "webhook"} })
}

func (d desk) number(t *testing.T, query string) (n int) {
	t.Helper()
	if err := d.pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAlertIsToldOnce lets many workers believe to be the one that raises alerts:
// each change is stored, and told by event and notice, by one of them.
func TestAlertIsToldOnce(t *testing.T) {
	d := fresh(t)
	s := openAlerts(d)
	now := time.Now().UTC().Truncate(time.Millisecond)
	bad := true
	look := func(ctx context.Context) (found []alert.Reading, err error) {
		if bad {
			found = []alert.Reading{{Key: alert.Key{Alert: alert.BreakerOpen, Subject: "ses"}, Level: alert.Bad, Severity: alert.Critical, Message: "open"}}
		}
		return found, ctx.Err()
	}
	var told atomic.Int32
	everybody := func() {
		var wg sync.WaitGroup
		for range 8 {
			m := alert.NewMonitor(alert.Options{
				Probes: []alert.Probe{{Alerts: []alert.Name{alert.BreakerOpen}, Look: look}}, Store: s,
				Patience: func() alert.Patience { return alert.Patience{} }, Now: func() time.Time { return now },
				Told: func(alert.Change) { told.Add(1) }, Trouble: func(string, error) {},
			})
			wg.Go(func() {
				if err := m.Look(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	everybody()
	reader := postgres.NewReader(d.pool)
	firing, err := reader.FiringAlerts(t.Context())
	if err != nil || len(firing) != 1 || !firing[0].RaisedAt.Equal(now) || firing[0].Told != 1 || told.Load() != 1 {
		t.Fatalf("%+v, %v, told %d times", firing, err, told.Load())
	}
	if events, notices := d.number(t, `SELECT count(*) FROM gangway.outbox`), d.number(t, `SELECT count(*) FROM gangway.alert_notices`); events != 1 || notices != 2 {
		t.Errorf("%d events, %d notices", events, notices)
	}
	bad = false
	everybody()
	firing, err = reader.FiringAlerts(t.Context())
	over, err2 := reader.ResolvedAlerts(t.Context(), now.Add(-time.Hour))
	if err != nil || err2 != nil || len(firing) != 0 || len(over) != 1 || over[0].Firing() || told.Load() != 2 {
		t.Errorf("%+v %+v %v %v, told %d times", firing, over, err, err2, told.Load())
	}
	bad = true
	everybody() // another episode
	if n := d.number(t, `SELECT count(*) FROM gangway.alerts`); n != 2 {
		t.Errorf("%d episodes", n)
	}
}

// TestNewLetters counts what is open and new, but not the e-mails that carry alerts.
func TestNewLetters(t *testing.T) {
	d := fresh(t)
	reader := postgres.NewReader(d.pool)
	letter := func(kind, reason string, age time.Duration, settled bool) uuid.UUID {
		id := uuid.New()
		_, err := d.pool.Exec(t.Context(), `INSERT INTO gangway.dead_letters (delivery_id, kind, lane, generation, version, reason, error, attempts, first_seen, created_at, discarded_at)
			VALUES ($1, $2, 'normal', 0, 1, $3, 'x', 1, now(), now() - $4::interval, CASE WHEN $5 THEN now() END)`, id, kind, reason, age.String(), settled)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	letter("sms.send", "invalid", time.Minute, false)
	letter("sms.send", "timeout", 0, false)
	letter("sms.send", "timeout", 0, true)
	letter("email.send", "timeout", time.Hour, false)
	carrier := letter("email.send", "timeout", 0, false)
	if _, err := d.pool.Exec(t.Context(), `INSERT INTO gangway.alert_notices (sink, alert_id, what, severity, message, command_id)
		VALUES ('email', gen_random_uuid(), 'raised', 'warning', 'x', $1)`, carrier); err != nil {
		t.Fatal(err)
	}
	got, err := reader.NewLetters(t.Context(), time.Now().Add(-alert.LetterWindow))
	if err != nil || len(got) != 1 || got[0] != (postgres.NewLetters{Kind: "sms.send", Count: 2, Reason: "timeout"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestNoticesLeaveTogetherAndOnce lets many tell at once: the notices of a sink
// make one e-mail, the next not before its time, and a failure loses none.
func TestNoticesLeaveTogetherAndOnce(t *testing.T) {
	d := fresh(t)
	s := openAlerts(d)
	raise := func(subject string) {
		now := time.Now()
		a := alert.Alert{ID: uuid.New(), Key: alert.Key{Alert: alert.BreakerOpen, Subject: subject}, Severity: alert.Critical, Message: "open", Since: now, RaisedAt: now, ToldAt: now, Told: 1}
		if stored, err := s.ChangeAlerts(t.Context(), []alert.Change{{What: alert.Raised, Alert: a}}); err != nil || len(stored) != 1 {
			t.Fatalf("%v %v", stored, err)
		}
	}
	var told atomic.Int32
	tell := func(every time.Duration) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				err := s.Tell(t.Context(), alert.ByEmail, every, 50, func(notices []alert.Notice) ([]byte, error) {
					told.Add(int32(len(notices)))
					return []byte(`{"to":["ops@example.kr"],"subject":"x","text":"y"}`), nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	mails := func() int {
		return d.number(t, `SELECT count(*) FROM gangway.outbox WHERE subject = 'email.send.alerts'`)
	}
	raise("ses")
	raise("sns")
	failed := s.Tell(t.Context(), alert.ByEmail, 0, 50, func([]alert.Notice) ([]byte, error) { return nil, context.DeadlineExceeded })
	if failed == nil || mails() != 0 {
		t.Errorf("%v, %d e-mails", failed, mails())
	}
	tell(time.Hour)
	if told.Load() != 2 || mails() != 1 {
		t.Errorf("%d notices in %d e-mails, want 2 in 1", told.Load(), mails())
	}
	raise("kakao")
	tell(time.Hour)
	if told.Load() != 2 {
		t.Error("told again within the hour")
	}
	tell(0)
	if told.Load() != 3 || mails() != 2 {
		t.Errorf("%d notices in %d e-mails, want 3 in 2", told.Load(), mails())
	}
	if n, err := s.Forget(t.Context(), time.Now().Add(time.Hour)); err != nil || n != 3 { // those of the webhook
		t.Errorf("%d given up, %v", n, err)
	}
}
