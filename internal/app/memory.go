package app

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// A worker's live heap is a few tens of megabytes, and most of what a command
// needs is garbage a moment later: collecting at the default pace costs a fifth of
// the worker's processor time. The soft limit keeps a worker small that has an
// ordinary load. One with a thousand commands in flight has more that lives, and
// gets room in proportion: collected at the ordinary limit it would trace all of
// that again for every two thousand commands.
const (
	gcPercent        = 400
	gcPercentDefault = 100
	memoryLimit      = 160 << 20 // bytes
	memoryRoom       = 256 << 20 // bytes, at most, for garbage, above what lives
)

// TuneMemory sets the pace of garbage collection, unless GOGC or GOMEMLIMIT have
// set it already.
func TuneMemory() {
	if before := debug.SetGCPercent(gcPercent); before != gcPercentDefault && before != gcPercent {
		debug.SetGCPercent(before)
		return
	}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		r := &room{limit: memoryLimit, samples: []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}}
		debug.SetMemoryLimit(r.limit)
		r.make()
	}
}

// room keeps the soft limit well above what lives. Large attachments in flight, or
// an embedded NATS with a hundred thousand schedules, can live above any fixed
// one: the collector would then take half of the processor and gain nothing.
type room struct {
	limit   int64
	samples []metrics.Sample
}

// make follows each collection: a finalizer is run after one, and sets itself
// again for the next.
func (r *room) make() {
	metrics.Read(r.samples)
	live, stacks := int64(r.samples[0].Value.Uint64()), int64(r.samples[1].Value.Uint64())
	want := max(memoryLimit, live+stacks+min(live*gcPercent/100, memoryRoom))
	// Setting it stops the world for a moment: only where it makes a difference.
	if want > r.limit || want < r.limit*3/4 {
		r.limit = want
		debug.SetMemoryLimit(want)
	}
	runtime.SetFinalizer(r, (*room).make)
}
