package app

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestCancelStopsFailover: a cancellation that comes while the first provider is
// called keeps the next one from being called.
func TestCancelStopsFailover(t *testing.T) {
	p := newPlant(t, plantOptions{})
	release := make(chan struct{})
	p.first.say(func(ctx context.Context) error {
		if err := blocks(release)(ctx); err != nil {
			return err
		}
		return fault.New(fault.Unavailable, "script", "at last")
	})
	p.second.say(fine)
	p.start()
	id := p.mail("flying", "")
	testkit.Eventually(t, 10*time.Second, func() bool { return p.first.count() == 1 })
	if outcome, _, err := p.operator.Cancel(t.Context(), id, "withdrawn"); err != nil || outcome != postgres.CancelRequested {
		t.Fatalf("%s, %v", outcome, err)
	}
	close(release)
	row := p.await(id, delivery.Cancelled)
	if p.first.count() != 1 || p.second.count() != 0 || row.Attempts != 1 || len(p.attempts(id)) != 1 {
		t.Errorf("%d and %d calls, %d attempts, recorded %+v", p.first.count(), p.second.count(), row.Attempts, p.attempts(id))
	}
	p.drained()
}

// TestReportedIsNotSentAgain: when a provider's report has settled a command that
// is under way, no further call is made for it.
func TestReportedIsNotSentAgain(t *testing.T) {
	p := newPlant(t, plantOptions{})
	release := make(chan struct{})
	p.first.say(func(ctx context.Context) error {
		if err := blocks(release)(ctx); err != nil {
			return err
		}
		return fault.New(fault.Unavailable, "script", "at last")
	})
	p.second.say(fine)
	p.start()
	id := p.mail("reported", "")
	testkit.Eventually(t, 10*time.Second, func() bool { return p.first.count() == 1 })
	_, err := p.pool.Exec(t.Context(), `UPDATE gangway.deliveries SET status = 'delivered', rank = $2, version = version + 1 WHERE id = $1`,
		id, delivery.Delivered.Rank())
	p.check(err)
	close(release)
	p.drained()
	if row := p.await(id, delivery.Delivered); p.first.count() != 1 || p.second.count() != 0 || row.Token != uuid.Nil {
		t.Errorf("%d and %d calls, %+v", p.first.count(), p.second.count(), row)
	}
}
