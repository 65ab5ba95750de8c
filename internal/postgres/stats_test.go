package postgres_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/stats"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func figures(at time.Time, endpoint string, took ...time.Duration) stats.Figures {
	f := stats.Figures{Key: stats.Key{Scope: stats.Calls, Name: "ses", Part: endpoint}, At: at, Times: stats.Sketch{}}
	for _, d := range took {
		f.Count++
		f.Times.Add(d)
	}
	return f
}

// TestStatsOfTheFleet lets two workers count and reads what they make together, in
// Go and by the view.
func TestStatsOfTheFleet(t *testing.T) {
	ctx := t.Context()
	pool, err := postgres.Connect(ctx, testkit.Postgres(t), 4, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	migrator, err := postgres.Migrator(pool)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Up(ctx); err != nil {
		t.Fatal(err)
	}
	first := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	one := figures(first, "send", 10*time.Millisecond, 10*time.Millisecond, 10*time.Millisecond)
	two := figures(first, "send", time.Second)
	two.Failures, two.FailedReason, two.FailedAt = 1, "timeout", first.Add(40*time.Second)
	later := figures(first.Add(time.Minute), "send", 20*time.Millisecond)
	a, b := uuid.New(), uuid.New()
	for range 2 { // the second time changes nothing
		for worker, minutes := range map[uuid.UUID][]stats.Figures{a: {one, later}, b: {two}} {
			if err := postgres.SaveStats(ctx, pool, worker, minutes); err != nil {
				t.Fatal(err)
			}
		}
	}
	reader := postgres.NewReader(pool)
	all, err := reader.Stats(ctx, postgres.StatsFilter{Scope: stats.Calls, Since: first})
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	if got := all[0]; got.Count != 5 || got.Failures != 1 || got.FailedReason != "timeout" || !got.FailedAt.Equal(two.FailedAt) ||
		stats.Class(got.Times.Percentile(50)) != stats.Class(10*time.Millisecond) {
		t.Errorf("%+v", got)
	}
	byMinute, err := reader.Stats(ctx, postgres.StatsFilter{Scope: stats.Calls, Name: "ses", Since: first, ByMinute: true})
	if err != nil || len(byMinute) != 2 || byMinute[0].Count != 4 || byMinute[1].Count != 1 {
		t.Errorf("%+v, %v", byMinute, err)
	}
	if none, err := reader.Stats(ctx, postgres.StatsFilter{Scope: stats.Commands, Since: first}); err != nil || len(none) != 0 {
		t.Errorf("%+v, %v", none, err)
	}

	var calls, failures int64
	var p50, p99 float64
	row := pool.QueryRow(ctx, `SELECT calls, failures, p50_ms, p99_ms FROM gangway.call_stats WHERE provider = 'ses' AND endpoint = 'send' AND minute = $1`, first)
	if err := row.Scan(&calls, &failures, &p50, &p99); err != nil {
		t.Fatal(err)
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	middle := func(d time.Duration) float64 { return ms(stats.Middle(stats.Class(d))) }
	if calls != 4 || failures != 1 || math.Abs(p50-middle(10*time.Millisecond)) > 0.01 || math.Abs(p99-middle(time.Second)) > 0.01 {
		t.Errorf("the view: %d calls, %d failures, p50 %v, p99 %v", calls, failures, p50, p99)
	}

	if n, err := (postgres.Retention{Pool: pool, Batch: 1}).Statistics(ctx, first.Add(time.Minute)); err != nil || n != 2 {
		t.Errorf("expired %d, %v", n, err)
	}
}
