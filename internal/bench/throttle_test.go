package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

// plenty is a limit that is counted in the shared bucket and never reached.
var plenty = resilience.Limit{Rate: 1e6, Burst: 1e6}

// BenchmarkThrottle: what a limit costs. First the permission to call alone, then
// whole commands, each without a limit and with one that is never reached; ratio
// is the second to the first.
func BenchmarkThrottle(b *testing.B) {
	b.Run("permissions", func(b *testing.B) {
		s := startStack(b)
		fleet := join(b, s)
		free := fleet.Provider("free", resilience.Settings{})
		limited := fleet.Provider("limited", resilience.Settings{Limit: plenty})
		admit := func(l *resilience.Live, n int) float64 {
			started := time.Now()
			together(n, func() {
				done, err := l.Admit(b.Context(), uuid.Nil, resilience.Usual, time.Minute)
				check(b, err)
				done(nil, time.Millisecond)
			})
			return float64(n) / time.Since(started).Seconds()
		}
		for b.Loop() {
			without, with := admit(free, 1_000_000), admit(limited, 100_000)
			b.ReportMetric(without, "free/s")
			b.ReportMetric(with, "limited/s")
			b.ReportMetric(with/without, "ratio")
		}
	})
	b.Run("commands", func(b *testing.B) {
		const n = 20_000
		for b.Loop() {
			var rates [2]float64
			// The first pair is for the machine to warm up.
			for i, limit := range []resilience.Limit{{}, plenty, {}, plenty} {
				s := startStack(b)
				w := new(watch)
				engine := startEngineWith(b, s, &noop{}, limit, 1024, w)
				publish(b, s, 2000)
				awaitCount(b, &w.settled, 2000)
				started := time.Now()
				publish(b, s, n)
				awaitCount(b, &w.settled, 2000+n)
				rates[i%2] = n / time.Since(started).Seconds()
				check(b, engine.Stop())
			}
			b.ReportMetric(rates[0], "free/s")
			b.ReportMetric(rates[1], "limited/s")
			b.ReportMetric(rates[1]/rates[0], "ratio")
		}
	})
}

// BenchmarkThrottleUse: a limit that is reached, by four workers with more work
// than it allows; used is the part of it that they get.
func BenchmarkThrottleUse(b *testing.B) {
	for _, limit := range []resilience.Limit{{Rate: 50, Burst: 20}, {Rate: 50, Burst: 1}, {Rate: 1000, Burst: 100}} {
		b.Run(fmt.Sprintf("%v-%d", limit.Rate, limit.Burst), func(b *testing.B) {
			s := startStack(b)
			var workers []*resilience.Live
			for range 4 {
				workers = append(workers, join(b, s).Provider("limited", resilience.Settings{Limit: limit}))
			}
			var turn int
			n := int(5*limit.Rate) + limit.Burst
			for b.Loop() {
				started := time.Now()
				results := make(chan error)
				for range n {
					l := workers[turn%len(workers)]
					turn++
					go func() {
						done, err := l.Admit(b.Context(), uuid.Nil, resilience.Usual, time.Minute)
						if err == nil {
							done(nil, time.Millisecond)
						}
						results <- err
					}()
				}
				for range n {
					check(b, <-results)
				}
				b.ReportMetric(float64(n-limit.Burst)/limit.Rate/time.Since(started).Seconds(), "used")
			}
		})
	}
}

// join adds a worker to the fleet.
func join(b *testing.B, s stack) *resilience.Fleet {
	b.Helper()
	state, err := broker.OpenState(b.Context(), s.conn)
	check(b, err)
	fleet := resilience.StartFleet(b.Context(), resilience.FleetOptions{Worker: uuid.NewString(), State: state})
	b.Cleanup(fleet.Stop)
	return fleet
}
