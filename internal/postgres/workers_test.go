package postgres_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestStuckWorkerLosesItsClaims: liveness is progress. A process that exists and
// does nothing more gives no sign of life, so that others take over what it holds.
func TestStuckWorkerLosesItsClaims(t *testing.T) {
	d := fresh(t)
	other := open(t, d.pool.Config().ConnString())
	cmd := email(t, "stuck", "x")
	if claimed, _ := d.claim(t, cmd); !claimed.Won {
		t.Fatal("not claimed")
	}
	var working atomic.Bool
	var asked atomic.Int64
	working.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	const lease = time.Second
	go func() {
		done <- d.Alive(ctx, 50*time.Millisecond, lease, func() bool { asked.Add(1); return working.Load() })
	}()
	testkit.Eventually(t, 20*time.Second, func() bool { return asked.Load() > 3 })
	testkit.Eventually(t, 20*time.Second, func() bool {
		lost, _ := other.claim(t, cmd)
		return !lost.Won && lost.Row.OwnerAlive
	}, "the worker that makes progress to count as alive")
	working.Store(false)
	testkit.Eventually(t, 20*time.Second, func() bool {
		lost, _ := other.claim(t, cmd)
		return !lost.Won && !lost.Row.OwnerAlive
	}, "the stuck worker to count as dead")
	if left := d.LeaseLeft(); left > 0 {
		t.Errorf("it believes to be alive for %s more", left)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
