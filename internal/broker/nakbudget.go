package broker

import (
	"sync"
	"time"
)

// nakBudget counts the delayed naks whose delay has not passed. It counts by
// seconds in a ring, which is as exact as a bound needs.
type nakBudget struct {
	limit int

	mu      sync.Mutex
	total   int
	now     int64 // second up to which the ring has been cleared
	seconds [nakRing]int
}

// nakRing covers [MaxShortDelay] and rounding; a longer delay is counted as if
// it ended with the ring.
const nakRing = 64

func newNakBudget(limit int) *nakBudget { return &nakBudget{limit: limit} }

func (b *nakBudget) free(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now.Unix())
	return b.total < b.limit
}

func (b *nakBudget) add(now time.Time, delay time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now.Unix())
	ends := min(now.Add(delay).Unix()+1, b.now+nakRing-1)
	b.seconds[ends%nakRing]++
	b.total++
}

// expire forgets the seconds that have passed since the last call. A clock set
// back forgets nothing.
func (b *nakBudget) expire(second int64) {
	if b.now == 0 || second-b.now >= nakRing {
		b.seconds, b.total = [nakRing]int{}, 0
		b.now = second
		return
	}
	for b.now < second {
		b.now++
		b.total -= b.seconds[b.now%nakRing]
		b.seconds[b.now%nakRing] = 0
	}
}
