package app

import (
	"math"
	"runtime/debug"
)

// A worker's live heap is a few tens of megabytes, and most of what a command
// needs is garbage a moment later: collecting at the default pace costs a fifth of
// the worker's processor time. The soft limit keeps a loaded worker small.
const (
	gcPercent        = 300
	gcPercentDefault = 100
	memoryLimit      = 160 << 20 // bytes
)

// TuneMemory sets the pace of garbage collection, unless GOGC or GOMEMLIMIT have
// set it already.
func TuneMemory() {
	if before := debug.SetGCPercent(gcPercent); before != gcPercentDefault && before != gcPercent {
		debug.SetGCPercent(before)
		return
	}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(memoryLimit)
	}
}
