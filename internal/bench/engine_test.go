package bench

import (
	"testing"
	"time"
)

// BenchmarkEngine: commands a second from publish to committed final status,
// events on, 1,024 in flight.
func BenchmarkEngine(b *testing.B) {
	const n = 60_000
	for _, c := range []struct {
		name  string
		takes time.Duration
	}{{"noop", 0}, {"1ms", time.Millisecond}} {
		b.Run(c.name, func(b *testing.B) {
			s := startStack(b)
			w := new(watch)
			engine := startEngine(b, s, &noop{takes: c.takes}, 1024, w)
			publish(b, s, 2000)
			awaitCount(b, &w.settled, 2000)
			for b.Loop() {
				before := w.settled.Load()
				started := time.Now()
				publish(b, s, n)
				awaitCount(b, &w.settled, before+n)
				b.ReportMetric(n/time.Since(started).Seconds(), "commands/s")
			}
			check(b, engine.Stop())
		})
	}
}
