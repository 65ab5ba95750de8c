package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

const (
	steadyRate = 500 // commands a second
	steadyTime = 10 * time.Second
)

// steadily publishes at the steady rate: one every two milliseconds, whatever
// became of those before.
func steadily(b *testing.B, s stack, n int) {
	b.Helper()
	tick := time.NewTicker(time.Second / steadyRate)
	defer tick.Stop()
	for range n {
		<-tick.C
		id := uuid.Must(uuid.NewV7()).String()
		check(b, s.conn.NATS().PublishMsg(&nats.Msg{Subject: "email.send", Data: fmt.Appendf(nil, body, id), Header: nats.Header{"Nats-Msg-Id": {id}}}))
	}
}

// BenchmarkSteady: from publication to the committed final status at 500 commands
// a second, events on, with a provider that takes no time.
func BenchmarkSteady(b *testing.B) {
	s, w := startStack(b), new(watch)
	var all latencies
	w.took = all.add
	engine := startEngine(b, s, new(noop), 1024, w)
	n := int(steadyTime.Seconds()) * steadyRate
	steadily(b, s, steadyRate) // warm
	all.await(b, steadyRate)
	for b.Loop() {
		all.reset()
		steadily(b, s, n)
		all.await(b, n)
		b.ReportMetric(millis(all.percentile(50)), "p50-ms")
		b.ReportMetric(millis(all.percentile(99)), "p99-ms")
		b.ReportMetric(millis(all.percentile(99))/15, "p99-of-promise")
	}
	check(b, engine.Stop())
}

// BenchmarkMemory: the resident memory of a worker's process that has nothing to
// do, and at most under 500 commands a second. The simulator, in the same process,
// plays the providers: a live worker needs less.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		s := startStack(b)
		worker := testkit.Start(b, testkit.Program{
			Path: testkit.Build(b, "cmd/worker"), Args: []string{"run"},
			Env: []string{
				"GANGWAY_ENV=dev", "GANGWAY_MOCK=true", "GANGWAY_NATS_URL=" + s.natsURL, "GANGWAY_POSTGRES_URL=" + s.postgresURL,
				"GANGWAY_HTTP_ADDR=127.0.0.1:0", "GANGWAY_ADMIN_ADDR=127.0.0.1:0", "GANGWAY_LOG_LEVEL=warn",
			},
		})
		testkit.Eventually(b, time.Minute, func() bool {
			var alive int
			return s.pool.QueryRow(b.Context(), `SELECT count(*) FROM gangway.workers`).Scan(&alive) == nil && alive == 1
		}, "the worker is there")
		idle := resident(b, worker.PID(), "VmRSS")
		n := int(steadyTime.Seconds()) * steadyRate
		steadily(b, s, n)
		testkit.Eventually(b, time.Minute, func() bool {
			var done int
			check(b, s.pool.QueryRow(b.Context(), `SELECT count(*) FROM gangway.deliveries WHERE status IN ('sent', 'delivered')`).Scan(&done))
			return done == n
		}, "every command is sent")
		most := resident(b, worker.PID(), "VmHWM")
		b.ReportMetric(idle, "idle-MiB")
		b.ReportMetric(most, "loaded-MiB")
		b.ReportMetric(most/200, "loaded-of-promise")
		worker.Kill()
	}
}

// resident is a process's memory by one of the names of /proc, in MiB.
func resident(b *testing.B, pid int, name string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	check(b, err)
	for line := range bytes.Lines(text) {
		if field, value, _ := strings.Cut(string(line), ":"); field == name {
			kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			check(b, err)
			return kib / 1024
		}
	}
	b.Fatalf("/proc has no %s of %d", name, pid)
	return 0
}
