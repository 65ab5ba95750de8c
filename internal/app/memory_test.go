package app

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestMemoryLimitLeavesRoom: what lives may be more than the limit of a small
// worker. The limit then follows it, and comes down again.
func TestMemoryLimitLeavesRoom(t *testing.T) {
	before, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(-1)
	debug.SetGCPercent(percent)
	t.Cleanup(func() { debug.SetMemoryLimit(before); debug.SetGCPercent(percent) })
	debug.SetMemoryLimit(1<<63 - 1)
	debug.SetGCPercent(gcPercentDefault)
	TuneMemory()
	follows := func(what string, right func(limit int64) bool) {
		t.Helper()
		testkit.Eventually(t, 20*time.Second, func() bool {
			runtime.GC()
			return right(debug.SetMemoryLimit(-1))
		}, what)
	}
	const large = 200 << 20
	living := make([]byte, large)
	follows("the limit to leave room above what lives", func(limit int64) bool { return limit >= 2*large })
	runtime.KeepAlive(living)
	follows("the limit to come down again", func(limit int64) bool { return limit < 2*large })
}
