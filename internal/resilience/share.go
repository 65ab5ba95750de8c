package resilience

import (
	"math"
	"time"
)

// capacity is the highest level of the bucket.
func (l Limit) capacity() float64 { return max(1, l.burst()/2) }

// reserve is what calls that are not urgent leave in the bucket.
func (l Limit) reserve() float64 {
	return max(0, min(l.capacity()/4, l.capacity()-1))
}

// portion is how many of the tokens at hand one of several workers takes: what
// it wants, but not all while others may want some too.
func (l Limit) portion(level float64, want, workers int) int {
	if level < 1 {
		return 0
	}
	most := max(1, l.Rate*leaseFor, level/float64(max(1, workers)))
	return int(min(float64(want), math.Floor(level), math.Floor(most)))
}

// latest is how long after its time a token is still good: as long as the part of
// the burst that the bucket does not hold makes up for it, and in any case as long
// as a timer may be late.
func (l Limit) latest() time.Duration {
	const timer = 20 * time.Millisecond
	if l.Rate <= 0 {
		return idle
	}
	return max(timer, time.Duration((l.burst()-l.capacity())/l.Rate*float64(time.Second)))
}

// lies is how long a token is good that a command holds until its claim is
// committed: like a late one, and in any case as long as a commit may take.
func (l Limit) lies() time.Duration {
	const commit = 200 * time.Millisecond
	return max(commit, l.latest())
}

// ahead is how many of the tokens that have yet to flow in may be leased.
func (l Limit) ahead() float64 { return l.Rate * leaseAhead }

// ripening says when tokens that are taken from a level may be used.
func (l Limit) ripening(level float64, tokens int) leased {
	got := leased{tokens: tokens, now: min(tokens, max(0, int(level)))}
	if got.now < tokens {
		got.each = time.Duration(float64(time.Second) / l.Rate)
		got.first = time.Duration((float64(got.now+1) - level) / l.Rate * float64(time.Second))
	}
	return got
}

// atOnce are tokens to be used now.
func atOnce(tokens int) leased { return leased{tokens: tokens, now: tokens} }

// fromShare takes tokens of this worker's fair part of the limit. The lock is
// held.
func (b *bucket) fromShare(now time.Time, want int) (tokens int, again time.Duration) {
	workers := float64(max(1, b.fleet.Workers()))
	alone := b.fleet.options.State == nil
	if b.levelAt.IsZero() {
		b.levelAt = now
		if alone {
			b.level = b.limit.capacity()
		}
	}
	rate, capacity := b.limit.Rate/workers, max(1, b.limit.capacity()/workers)
	if passed := now.Sub(b.levelAt).Seconds(); passed > 0 {
		b.level, b.levelAt = min(b.level+rate*passed, capacity), now
	}
	tokens = int(min(float64(want), math.Floor(b.level)))
	if b.limit.Rate <= 0 {
		tokens = want
	}
	if b.limit.Quota > 0 {
		tokens = min(tokens, b.quotaShare(workers))
	}
	if tokens <= 0 {
		again = awayFor
		if rate > 0 {
			again = min(again, time.Duration((1-min(b.level, 0.99))/rate*float64(time.Second))+time.Millisecond)
		}
		return 0, again
	}
	b.level -= float64(tokens)
	b.owed += float64(tokens)
	b.unpaid += int64(tokens)
	if alone {
		b.spend(now, tokens)
	}
	return tokens, time.Millisecond
}

// quotaShare is what is left of the day for this worker. The lock is held.
func (b *bucket) quotaShare(workers float64) int {
	used := int64(0)
	if b.record.Day == dayOf(b.fleet.serverTime()) {
		used = b.record.Used
	}
	left := float64(b.limit.Quota-used) / workers
	if b.fleet.options.State != nil {
		left -= float64(b.unpaid)
	}
	return int(max(0, left))
}

// spend counts the day of a worker that is alone. The lock is held.
func (b *bucket) spend(now time.Time, tokens int) {
	if day := dayOf(now); b.record.Day != day {
		b.record.Day, b.record.Used = day, 0
	}
	b.record.Used += int64(tokens)
	b.known, b.owed, b.unpaid = true, 0, 0
}

// lost turns to the share because the state did not answer. It begins empty,
// because what the bucket held may have been taken by others, and less what this
// worker has leased of the time to come.
func (b *bucket) lost(want, unripe int) (got leased, again time.Duration) {
	server, now := b.fleet.serverTime(), b.fleet.options.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.away {
		b.lostAt = server
		b.away, b.level, b.levelAt = true, -float64(unripe), now
	}
	b.owed, b.awayUntil = 0, now.Add(awayFor)
	tokens, again := b.fromShare(now, want)
	return atOnce(tokens), again
}

// share is this worker's fair part of the rate.
func (b *bucket) share() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit.Rate / float64(max(1, b.fleet.Workers()))
}

// korea is where a day of a quota begins and ends.
func korea() *time.Location { return time.FixedZone("KST", 9*60*60) }

func dayOf(t time.Time) string { return t.In(korea()).Format(time.DateOnly) }

func untilMidnight(t time.Time) time.Duration {
	local := t.In(korea())
	return time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, korea()).Sub(t)
}
