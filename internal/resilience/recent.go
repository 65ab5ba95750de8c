package resilience

import (
	"math/bits"
	"sync"
	"time"
)

// recent is what the calls of the last minutes came to in this worker.
type recent struct {
	mu    sync.Mutex
	parts [recentParts]recentPart
}

const (
	// recentFor is how far back is looked.
	recentFor   = 5 * time.Minute
	recentParts = 31 // one more than fit: the oldest is being forgotten
	recentPiece = recentFor / (recentParts - 1)
	// timeClasses are powers of the square root of two from 1 ms: to about a minute.
	timeClasses = 33
)

type recentPart struct {
	number   int64 // of the piece of time
	calls    int64
	failures int64
	times    [timeClasses]int64
}

func (r *recent) add(now time.Time, took time.Duration, failed bool) {
	number := now.UnixNano() / int64(recentPiece)
	r.mu.Lock()
	defer r.mu.Unlock()
	part := &r.parts[number%recentParts]
	if part.number != number {
		*part = recentPart{number: number}
	}
	part.calls++
	if failed {
		part.failures++
	}
	part.times[timeClass(took)]++
}

// Traffic is what calls came to in the last five minutes.
type Traffic struct {
	Calls    int64   `json:"calls"`
	Failures int64   `json:"failures"`
	Times    []int64 `json:"times,omitzero"` // by class of time; see P95
}

func (r *recent) traffic(now time.Time) Traffic {
	number := now.UnixNano() / int64(recentPiece)
	r.mu.Lock()
	defer r.mu.Unlock()
	var t Traffic
	var times [timeClasses]int64
	for _, part := range r.parts {
		if part.number <= number-recentParts+1 || part.number > number {
			continue
		}
		t.Calls += part.calls
		t.Failures += part.failures
		for class, n := range part.times {
			times[class] += n
		}
	}
	if t.Calls > 0 {
		t.Times = times[:]
	}
	return t
}

// Plus is the traffic of two workers.
func (t Traffic) Plus(other Traffic) Traffic {
	sum := Traffic{Calls: t.Calls + other.Calls, Failures: t.Failures + other.Failures}
	sum.Times = make([]int64, timeClasses)
	for class := range sum.Times {
		for _, times := range [][]int64{t.Times, other.Times} {
			if class < len(times) {
				sum.Times[class] += times[class]
			}
		}
	}
	return sum
}

// P95 is the time that 95 of 100 calls took at most; it may be two fifths too long.
func (t Traffic) P95() time.Duration {
	left := t.Calls - t.Calls*95/100
	for class := len(t.Times) - 1; class >= 0; class-- {
		if left -= t.Times[class]; left < 1 && t.Times[class] > 0 {
			return classTime(class)
		}
	}
	return 0
}

// FailedShare is the part of the calls that failed, from 0 to 1.
func (t Traffic) FailedShare() float64 {
	if t.Calls == 0 {
		return 0
	}
	return float64(t.Failures) / float64(t.Calls)
}

// timeClass sorts a duration into classes of equal ratio, two for each doubling.
func timeClass(d time.Duration) int {
	ms := uint64(max(0, d.Milliseconds()))
	if ms == 0 {
		return 0
	}
	doublings := bits.Len64(ms) - 1
	class := 1 + 2*doublings
	if half := ms - 1<<doublings; half*5 >= (1<<doublings)*2 { // from 1.4 times the power of two
		class++
	}
	return min(class, timeClasses-1)
}

// classTime is the upper end of a class.
func classTime(class int) time.Duration {
	if class == 0 {
		return time.Millisecond
	}
	power := time.Duration(1<<((class-1)/2)) * time.Millisecond
	if class%2 == 1 {
		return power * 7 / 5
	}
	return power * 2
}
