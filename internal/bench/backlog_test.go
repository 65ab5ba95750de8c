package bench

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
)

// BenchmarkPostponed: fresh commands a second beside 100,000 that wait for their
// time (20,000 without TEST_LONG), and how that compares to none that wait.
func BenchmarkPostponed(b *testing.B) {
	waiting, fresh := testkit.Size(20_000, 100_000), 10_000
	s, w := startStack(b), new(watch)
	engine := startEngine(b, s, new(noop), 1024, w)
	measure := func() (best float64) {
		for range 3 {
			before, started := w.settled.Load(), time.Now()
			publish(b, s, fresh)
			awaitCount(b, &w.settled, before+int64(fresh))
			best = max(best, float64(fresh)/time.Since(started).Seconds())
		}
		return best
	}
	measure() // warm
	alone := measure()
	later := fmt.Sprintf(`,"send_at":%q`, time.Now().Add(time.Hour).Format(time.RFC3339))
	before := w.settled.Load()
	publishOn(b, s, "email.send", waiting, func(int) string { return later })
	awaitCount(b, &w.settled, before+int64(waiting)) // scheduled is a status that settles its message
	for b.Loop() {
		beside := measure()
		b.ReportMetric(beside, "commands/s")
		b.ReportMetric(beside/alone, "of-alone")
	}
	stream, err := s.conn.JetStream().Stream(b.Context(), broker.StreamScheduled)
	check(b, err)
	if n := stream.CachedInfo().State.Msgs; n != uint64(waiting) {
		b.Errorf("%d wait, want %d", n, waiting)
	}
	check(b, engine.Stop())
}

// BenchmarkHighBehindBulk: from publication to the committed status of a command
// in lane high while 50,000 (20,000 without TEST_LONG) wait in lane bulk, and how
// that compares to an idle worker. The provider takes 5 ms. The promise is a second.
func BenchmarkHighBehindBulk(b *testing.B) {
	const urgent = 100
	s, w := startStack(b), new(watch)
	var high latencies
	w.saw = func(row delivery.Row) {
		if row.Lane == command.High {
			high.add(row.UpdatedAt.Sub(row.RequestedAt))
		}
	}
	engine := startEngine(b, s, &noop{takes: 5 * time.Millisecond}, 64, w)
	measure := func() (p50, p99 time.Duration) {
		high.reset()
		for n := 1; n <= urgent; n++ {
			publishOn(b, s, "email.send.high", 1, func(int) string { return "" })
			high.await(b, n)
		}
		return high.percentile(50), high.percentile(99)
	}
	measure()
	idle50, idle99 := measure()
	publishOn(b, s, "email.send.bulk", testkit.Size(20_000, 50_000), func(int) string { return "" })
	for b.Loop() {
		p50, p99 := measure()
		b.ReportMetric(millis(p50), "p50-ms")
		b.ReportMetric(millis(p99), "p99-ms")
		b.ReportMetric(millis(p50)/millis(idle50), "p50-of-idle")
		b.ReportMetric(millis(p99)/millis(idle99), "p99-of-idle")
		b.ReportMetric(millis(p99)/1000, "p99-of-promise")
	}
	consumer, err := s.conn.JetStream().Consumer(b.Context(), broker.StreamCommands, broker.ConsumerName(command.EmailSend, command.Bulk))
	check(b, err)
	left := consumer.CachedInfo().NumPending
	b.ReportMetric(float64(left), "bulk-left")
	if left == 0 {
		b.Error("nothing was left in the lane bulk: the figures are those of an idle worker")
	}
	check(b, engine.Stop())
}

// BenchmarkSchedule: how long after its send_at a command's provider is called,
// 200 of them a second. The promise is 500 ms.
func BenchmarkSchedule(b *testing.B) {
	count := testkit.Size(1000, 5000)
	s, w := startStack(b), new(watch)
	var due sync.Map // id → time
	var late latencies
	provider := &noop{saw: func(call providers.Call[providers.Email]) {
		if at, ok := due.Load(call.ID); ok {
			late.add(time.Since(at.(time.Time)))
		}
	}}
	w.saw = func(row delivery.Row) {
		if row.Status == delivery.Scheduled {
			due.Store(row.ID, row.SendAt)
		}
	}
	engine := startEngine(b, s, provider, 256, w)
	for b.Loop() {
		late.reset()
		first := time.Now().Add(3 * time.Second)
		publishOn(b, s, "email.send", count, func(i int) string {
			return fmt.Sprintf(`,"send_at":%q`, first.Add(time.Duration(i)*5*time.Millisecond).Format(time.RFC3339Nano))
		})
		late.await(b, count)
		b.ReportMetric(millis(late.percentile(50)), "p50-late-ms")
		b.ReportMetric(millis(late.percentile(99)), "p99-late-ms")
		b.ReportMetric(millis(late.percentile(100)), "max-late-ms")
		b.ReportMetric(millis(late.percentile(99))/500, "p99-of-promise")
	}
	check(b, engine.Stop())
}

// latencies collects how long things took.
type latencies struct {
	mu   sync.Mutex
	took []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, d)
}

func (l *latencies) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = nil
}

func (l *latencies) await(b *testing.B, n int) {
	b.Helper()
	testkit.Eventually(b, 2*time.Minute, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.took) >= n
	}, "%d to be done", n)
}

func (l *latencies) percentile(p int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.took)
	return l.took[min(len(l.took)-1, len(l.took)*p/100)]
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
