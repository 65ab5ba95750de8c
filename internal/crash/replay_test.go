package crash

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestReplayIsKilled: who replays dead letters is killed in the middle of it.
// Running it again does the rest, and nothing is sent a second time; a third run
// finds nothing.
func TestReplayIsKilled(t *testing.T) {
	t.Parallel()
	p := newPlant(t, options{})
	p.worker("")
	letters := testkit.Size(120, 2000)
	ids := p.buried(letters)
	run := func() *testkit.Process {
		return p.publisher("", "deadletters", "replay", "--all", "--rate", "20/s", "-o", "json")
	}
	replayed := func() (n int) {
		p.check(p.pool.QueryRow(t.Context(), `SELECT count(*) FROM gangway.dead_letters WHERE replayed_at IS NOT NULL`).Scan(&n))
		return n
	}
	first := run()
	testkit.Eventually(t, 30*time.Second, func() bool { return replayed() > 0 }, "the first letters to be replayed")
	first.Kill()
	first.Wait(30 * time.Second)
	if n := replayed(); n == letters {
		t.Fatal("it was killed too late to show anything")
	}
	// A batch may still have been committed after it was counted, and one goes at once.
	least := time.Duration(letters-replayed()-2*20) * time.Second / 20
	started := time.Now()
	if code := run().Wait(5 * time.Minute); code != 0 {
		t.Errorf("the second run ended with %d", code)
	}
	if took := time.Since(started); took < least {
		t.Errorf("at 20 a second the rest took %s, want at least %s", took, least)
	}
	third := run()
	if code := third.Wait(30 * time.Second); code != 0 || !strings.Contains(third.Stdout(), `"matched":0`) {
		t.Errorf("a third run ended with %d: %s", code, third.Output())
	}
	p.settled(60 * time.Second)
	stories := p.stories()
	for _, id := range ids {
		if s := stories[id]; s.Status != "sent" || s.accepted() != 1 || len(s.arrivals) != 1 {
			t.Errorf("%s: taken %d times in %d calls: %+v", id, s.accepted(), len(s.arrivals), *s)
		}
	}
	var audited int
	p.check(p.pool.QueryRow(t.Context(), `SELECT count(DISTINCT target) FROM gangway.audit_log WHERE action = 'deadletter.replay' AND actor <> ''`).Scan(&audited))
	if audited != letters {
		t.Errorf("%d replays are in the audit log, want %d", audited, letters)
	}
}

// buried makes commands that have ended as dead letters.
func (p *plant) buried(n int) []uuid.UUID {
	p.t.Helper()
	rows, err := p.pool.Query(p.t.Context(), `
WITH dead AS (
    INSERT INTO gangway.deliveries (id, kind, status, rank, reason, requested_at, asked_at, completed_at)
    SELECT gangway.command_id(NULL), 'email.send', 'dead_lettered', 30, 'unavailable', now(), now(), now() FROM generate_series(1, $1)
    RETURNING id, requested_at
)
INSERT INTO gangway.dead_letters (delivery_id, kind, lane, generation, version, reason, error, attempts, payload, first_seen)
SELECT id, 'email.send', 'normal', 0, 1, 'unavailable', 'nobody was there', 0,
       convert_to(jsonb_build_object('id', id, 'to', jsonb_build_array('kim@example.kr'), 'subject', 'x', 'text', 'y')::text, 'UTF8'), requested_at
FROM dead RETURNING delivery_id`, n)
	p.check(err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	p.check(err)
	p.published = append(p.published, ids...)
	return ids
}
