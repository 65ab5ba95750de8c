// Package stats counts what a worker does, minute by minute, in a form that adds
// up across workers: calls to providers by endpoint, commands by kind and lane,
// each with how many failed and how long they took.
//
//	Recorder (one a worker) ── every few seconds ──► gangway.stat_minutes ──► Figures of the fleet
package stats

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Sketch is how many times fell into which class. Classes are of equal ratio, so
// that a percentile is at most 2 % from the true one whatever its size, and
// sketches add up (a DDSketch of a fixed ratio).
type Sketch map[int16]int64

const (
	accuracy = 0.02
	ratio    = (1 + accuracy) / (1 - accuracy)
	// longest bounds the classes: to about twelve days.
	longest = 690
)

// Class is the class of a time; 0 for everything up to a microsecond.
func Class(d time.Duration) int16 {
	us := float64(d) / float64(time.Microsecond)
	if us <= 1 {
		return 0
	}
	return int16(min(longest, math.Ceil(math.Log(us)/math.Log(ratio))))
}

// Middle is the time that stands for a class.
func Middle(class int16) time.Duration {
	return time.Duration(2 * math.Pow(ratio, float64(class)) / (ratio + 1) * float64(time.Microsecond))
}

// Add counts one time.
func (s Sketch) Add(d time.Duration) { s[Class(d)]++ }

// Merge adds another sketch.
func (s Sketch) Merge(other Sketch) {
	for class, n := range other {
		s[class] += n
	}
}

// Percentile is the time that so many of 100 took at most; 0 without any.
func (s Sketch) Percentile(of float64) time.Duration {
	var total, upto int64
	for _, n := range s {
		total += n
	}
	for _, class := range slices.Sorted(maps.Keys(s)) {
		if upto += s[class]; upto > 0 && float64(upto) >= of/100*float64(total) {
			return Middle(class)
		}
	}
	return 0
}
