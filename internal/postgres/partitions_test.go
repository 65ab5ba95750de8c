package postgres_test

import (
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// TestPartitionsAreMadeAhead: what is partitioned by time has the partitions of
// this month and the next ones, however often they are asked for, and the
// default one stays empty.
func TestPartitionsAreMadeAhead(t *testing.T) {
	d := fresh(t)
	partitions := func() (n int) {
		err := d.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_inherits WHERE inhparent = 'gangway.delivery_attempts'::regclass`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := partitions()
	for _, ahead := range []int{2, 2, 4, 4} {
		if _, err := d.pool.Exec(t.Context(), `SELECT gangway.ensure_partitions($1)`, ahead); err != nil {
			t.Fatal(err)
		}
	}
	if after := partitions(); before != 4 || after != 6 {
		t.Errorf("%d partitions, then %d; want this month, two ahead and the default, then two more", before, after)
	}
	claimed, token := d.claim(t, email(t, "partitioned", "x"))
	d.record(t, delivery.Record{Row: claimed.Row, Token: token, Status: delivery.Sent, Attempts: []delivery.Attempt{
		{Number: 1, Round: 1, Provider: "ses", Endpoint: "smtp", Outcome: "ok", StartedAt: time.Now()},
		{Number: 2, Round: 1, Provider: "ses", Endpoint: "smtp", Outcome: "ok", StartedAt: time.Now().AddDate(0, 3, 0)},
	}})
	var astray int
	if err := d.pool.QueryRow(t.Context(), `SELECT count(*) FROM gangway.delivery_attempts_default`).Scan(&astray); err != nil || astray != 0 {
		t.Errorf("%d attempts in the default partition, %v", astray, err)
	}
}
