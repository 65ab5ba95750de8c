package e2e

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// A message that a transaction originates exists when, and only when, the
// transaction commits: whether NATS is there at that moment, or a worker.
func TestInvariant3TransactionsPublishThroughTheOutbox(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	first := p.worker()
	var kept, undone []string
	for n := range 20 {
		id := p.transaction(n%2 == 0)
		if n%2 == 0 {
			kept = append(kept, id)
		} else {
			undone = append(undone, id)
		}
	}
	p.allSent(kept)

	p.nats.Stop()
	kept = append(kept, p.transaction(true))
	p.nats.Start()
	p.allSent(kept)

	first.Signal(syscall.SIGTERM)
	first.Wait(patience)
	kept = append(kept, p.transaction(true))
	if status := p.delivery(kept[len(kept)-1]).Status; status != "queued" {
		t.Errorf("without a worker the status is %q, want queued", status)
	}
	p.worker()
	p.allSent(kept)
	p.relayed()
	p.settled()

	p.mail.once(t, kept)
	for _, id := range undone {
		if p.mail.times(id) != 0 || p.delivery(id).Status != "" {
			t.Errorf("%s was rolled back and is %v", id, p.delivery(id))
		}
	}
}

var errUndone = errors.New("undone")

// transaction enqueues a command as the portal does, beside a change of its own,
// and commits or rolls back.
func (p *place) transaction(commit bool) (id string) {
	p.t.Helper()
	err := pgx.BeginFunc(p.t.Context(), p.database(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(p.t.Context(), "CREATE TABLE IF NOT EXISTS applications (id uuid)"); err != nil {
			return err
		}
		err := tx.QueryRow(p.t.Context(), "SELECT gangway.enqueue('email.send', $1::jsonb)", mailBody("kim@example.kr")).Scan(&id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(p.t.Context(), "INSERT INTO applications VALUES ($1)", id); err != nil {
			return err
		}
		if !commit {
			return errUndone
		}
		return nil
	})
	if err != nil && (commit || !errors.Is(err, errUndone)) {
		p.t.Fatal(err)
	}
	return id
}

// A relay that is killed after it published and before it deleted publishes
// again; the command is still executed once.
func TestInvariant3HoldsWhenTheRelayDies(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	const commands = 100
	ids := make([]string, commands)
	for i := range ids {
		ids[i] = p.transaction(true)
	}
	pool := p.database()
	// Deletions wait for this lock, so the relay is killed between the two.
	lock, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := lock.Exec(t.Context(), "LOCK TABLE gangway.outbox IN SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	first := p.worker(mortal()...)
	testkit.Eventually(t, patience, func() bool { return p.mail.total() > 0 }, "the relay has published")
	first.Signal(syscall.SIGKILL)
	first.Wait(patience)
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM gangway.outbox").Scan(&left); err != nil || left != commands {
		t.Fatalf("%d rows are left in the outbox, %v; want all %d", left, err, commands)
	}
	p.worker(mortal()...)
	p.relayed()
	p.settled()
	for _, id := range ids {
		// A call that the killed worker was in the middle of is not known to have
		// sent; it is not repeated.
		if n, status := p.mail.times(id), p.delivery(id).Status; n != 1 && status != "unknown" {
			t.Errorf("%s is %s and was sent %d times", id, status, n)
		}
	}
}
