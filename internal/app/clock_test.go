package app

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// ownClock gives a database a clock that a test sets: a now() that is found
// before Postgres' own. The worker, and NATS, keep this machine's.
func ownClock(t *testing.T, ahead time.Duration) func(url string) string {
	return func(url string) string {
		conn, err := pgx.Connect(t.Context(), url)
		if err == nil {
			_, err = conn.Exec(t.Context(), fmt.Sprintf(`
CREATE SCHEMA clock;
CREATE TABLE clock.ahead (seconds float NOT NULL);
INSERT INTO clock.ahead VALUES (%f);
CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS
  'SELECT pg_catalog.now() + (SELECT seconds FROM clock.ahead) * interval ''1 second'''`, ahead.Seconds()))
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		return url + "&search_path=clock%2Cpg_catalog%2Cpublic"
	}
}

// set moves the database's clock, and waits until the worker has seen it.
func (p *plant) set(ahead time.Duration, now func() time.Time) {
	p.t.Helper()
	_, err := p.pool.Exec(p.t.Context(), `UPDATE clock.ahead SET seconds = $1`, ahead.Seconds())
	p.check(err)
	testkit.Eventually(p.t, 20*time.Second, func() bool { return (time.Until(now()) - ahead).Abs() < time.Minute }, "the worker to follow the clock")
}

// TestClocksThatDiffer: what is due and what has expired is decided by the
// database's clock. A worker whose own is wrong by an hour, either way, or from
// one moment to the next, sends nothing early, nothing late, and nothing twice.
func TestClocksThatDiffer(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after time.Duration // how far the database's clock is ahead of the worker's
	}{
		{"the worker's clock jumps forward", 0, -time.Hour},
		{"the worker's clock jumps back", -time.Hour, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, plantOptions{clock: ownClock(t, c.before), lease: 3 * time.Second})
			engine, _ := p.startEngine()
			p.set(c.after, engine.Store().Now)
			now := time.Now().Add(c.after) // by the database
			at := func(field string, after time.Duration) string {
				return fmt.Sprintf(`,%q:%q`, field, now.Add(after).Format(time.RFC3339Nano))
			}
			p.first.say(fails(fault.Unavailable), fine)
			p.second.say(fails(fault.Unavailable), fine)
			retried := p.mail("retried", "")
			if row := p.await(retried, delivery.Sent); row.Attempts != 3 || row.Round != 1 {
				t.Errorf("%+v in round %d", row.View, row.Round)
			}
			past, future := p.mail("past", at("send_at", -10*time.Minute)), p.mail("future", at("send_at", 10*time.Minute))
			valid, over := p.mail("valid", at("expires_at", 10*time.Minute)), p.mail("over", at("expires_at", -10*time.Minute))
			p.await(past, delivery.Sent)
			p.await(valid, delivery.Sent)
			p.await(over, delivery.Expired)
			waiting := p.await(future, delivery.Scheduled)
			p.mail("last", "")
			p.await(p.mail("last", ""), delivery.Sent)
			if row := p.await(future, delivery.Scheduled); row.Version > waiting.Version+2 {
				t.Errorf("what waits is taken over and over: version %d after %d", row.Version, waiting.Version)
			}
			if n := p.first.count() + p.second.count(); n != 6 {
				t.Errorf("%d calls, want 3 for the retried and one each for three more", n)
			}
			p.cancelled(future)
			p.drained()
		})
	}
}

// cancelled cancels what waits and waits until it has ended.
func (p *plant) cancelled(id uuid.UUID) {
	p.t.Helper()
	p.publish("delivery.cancel", "cancel "+id.String(), fmt.Sprintf(`{"id":"cancel %s","delivery_id":%q}`, id, id))
	p.await(id, delivery.Cancelled)
}

// TestRetentionGoesByTheDatabase: a worker whose clock is a year ahead of the
// database's takes nothing away that is not old yet.
func TestRetentionGoesByTheDatabase(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	p := newPlant(t, plantOptions{clock: ownClock(t, -year)})
	ended := func(id string, ago time.Duration) uuid.UUID {
		_, err := p.pool.Exec(t.Context(), `INSERT INTO gangway.deliveries (id, kind, status, rank, recipient, requested_at, asked_at, completed_at)
			VALUES ($1, 'email.send', 'sent', 40, 'kim@example.kr', $2, $2, $2)`, command.ParseID(id), time.Now().Add(-ago))
		p.check(err)
		return command.ParseID(id)
	}
	young, old := ended("young", year/2), ended("old", 3*year)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- newRetention(p.pool, func() config.Retention { return config.Retention{Deliveries: 30 * 24 * time.Hour} }, zap.NewNop()).run(ctx)
	}()
	recipient := func(id uuid.UUID) string {
		rows, err := p.reader.Rows(t.Context(), []uuid.UUID{id})
		p.check(err)
		return rows[id].Recipient
	}
	testkit.Eventually(t, 20*time.Second, func() bool { return recipient(old) == "" }, "what is old to be reduced to its stub")
	if recipient(young) == "" {
		t.Error("what is young by the database's clock was reduced too")
	}
	stop()
	p.check(<-done)
}

// TestBrokersClockIsAhead: a schedule that fires before its time, by the
// database's clock, is held back until then. It is neither lost nor does it turn
// in circles.
func TestBrokersClockIsAhead(t *testing.T) {
	t.Parallel()
	const behind = 4 * time.Second
	p := newPlant(t, plantOptions{clock: ownClock(t, -behind)})
	p.start()
	due := time.Now().Add(-behind).Add(8 * time.Second) // by the database; NATS fires it in four seconds
	id := p.mail("early", fmt.Sprintf(`,"send_at":%q`, due.Format(time.RFC3339Nano)))
	p.await(id, delivery.Scheduled)
	testkit.Eventually(t, 10*time.Second, func() bool { return p.messages(broker.StreamCommands) == 0 })
	row := p.await(id, delivery.Sent)
	if early := due.Sub(time.Now().Add(-behind)); early > time.Second {
		t.Errorf("sent %s early", early)
	}
	if row.Version > 5 || row.Attempts != 1 {
		t.Errorf("version %d after %d attempts", row.Version, row.Attempts)
	}
	p.drained()
	stream, err := p.conn.JetStream().Stream(t.Context(), broker.StreamScheduled)
	p.check(err)
	if n := stream.CachedInfo().State.LastSeq; n != 2 {
		t.Errorf("%d messages about its time, want its schedule and that it fired", n)
	}
}
