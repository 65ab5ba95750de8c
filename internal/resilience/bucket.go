package resilience

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// bucket is a provider's token bucket: one for the whole fleet in the shared
// state, or this worker's fair share of it while the state cannot be reached.
//
// Its level may be half of the burst at most. The other half is for calls that
// are made a little later than their token was taken, so that over any time the
// provider sees no more than burst and rate allow.
//
// A lease may take a little of what has yet to flow in; such a token says when it
// may be used. So a bucket that holds next to nothing does not overflow between
// two leases, and a small burst does not cost a part of the rate.
type bucket struct {
	provider string
	fleet    *Fleet

	mu           sync.Mutex
	limit        Limit
	record       bucketRecord // as it stands, as far as is known
	revision     uint64
	known        bool
	drainedUntil time.Time // filled from nothing after that

	awayUntil time.Time // the state did not answer; until then the share is used
	away      bool
	lostAt    time.Time // by the server's clock: when the share came into use
	level     float64   // of the share
	levelAt   time.Time
	owed      float64 // taken from the share since the state last failed to answer
	unpaid    int64   // taken from the share in all, for the day's count
}

// bucketRecord is the bucket in the shared state. AsOf is in the server's time,
// as the worker that wrote it could tell: the clocks of workers do not matter.
type bucketRecord struct {
	Level float64   `json:"level"`
	AsOf  time.Time `json:"as_of"`
	// Since is when the first worker drew on it again after the state was away:
	// who has not been heard of since then may still live on its share.
	Since time.Time `json:"since,omitzero"`
	Day   string    `json:"day,omitzero"`
	Used  int64     `json:"used,omitzero"` // on that day
}

const (
	// stateTimeout bounds one request to the shared state.
	stateTimeout = 750 * time.Millisecond
	// awayFor is how long a state that did not answer is left alone.
	awayFor = 500 * time.Millisecond
	// awayTimeout bounds the request that finds out whether it is back.
	awayTimeout = 100 * time.Millisecond
	// leaseFor is how many seconds' worth of tokens a worker takes at once, and
	// leaseAhead how far into the future they may reach. Between two leases that
	// much time is left for the second one to be made.
	leaseFor, leaseAhead = 0.05, 0.1
	// mostJitter is less than leaseAhead leaves.
	mostJitter = 25 * time.Millisecond
	// bucketKeep lets the bucket of a provider that is gone expire.
	bucketKeep = 8 * 24 * time.Hour
)

func newBucket(provider string, fleet *Fleet) *bucket {
	return &bucket{provider: provider, fleet: fleet}
}

func (b *bucket) set(limit Limit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
}

// drained empties the bucket until a time by our clock.
func (b *bucket) drained(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drainedUntil, b.level, b.levelAt = until, 0, until
}

// heard takes over what another worker wrote. It reports whether that is more
// than was to be expected: tokens were given back, or the bucket is new.
func (b *bucket) heard(record *bucketRecord, revision uint64) (more bool) {
	server, now := b.fleet.serverTime(), b.fleet.options.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if record != nil && revision <= b.revision {
		return false
	}
	before := b.filled(server, now)
	if b.known = record != nil; record != nil {
		b.record = *record
	}
	b.revision = revision
	after := b.filled(server, now)
	return after.Level >= before.Level+0.9 || after.Used < before.Used
}

// leased are tokens that a worker has taken: some to be used now, the others one
// after the other.
type leased struct {
	tokens      int
	now         int           // of them, those that may be used at once
	first, each time.Duration // from now to the next one, and between those after it
}

// lease takes at most want tokens, for a worker that has some whose time has yet
// to come. With none it says when to ask again. Calls that are not urgent leave a
// part of the level to those that are.
func (b *bucket) lease(ctx context.Context, want, unripe int, urgent bool) (got leased, again time.Duration) {
	now := b.fleet.options.Now()
	b.mu.Lock()
	if b.limit.none() {
		b.mu.Unlock()
		return atOnce(want), 0
	}
	if b.fleet.options.State == nil || now.Before(b.awayUntil) {
		defer b.mu.Unlock()
		tokens, again := b.fromShare(now, want)
		return atOnce(tokens), again
	}
	known, away := b.known, b.away
	b.mu.Unlock()
	if !known || away {
		if err := b.back(ctx, away); err != nil {
			return b.lost(want, unripe)
		}
	}
	b.mu.Lock()
	server, revision := b.fleet.serverTime(), b.revision
	limit, next := b.flow(server), b.filled(server, now)
	reserve := 0.0
	if !urgent {
		reserve = limit.reserve()
	}
	tokens := limit.portion(next.Level-reserve+limit.ahead(), want, b.fleet.Workers())
	if limit.Quota > 0 {
		tokens = int(min(int64(tokens), limit.Quota-next.Used))
	}
	b.mu.Unlock()
	if tokens <= 0 {
		return leased{}, b.refill(limit, next, reserve)
	}
	got = limit.ripening(next.Level, tokens)
	next.Level -= float64(tokens)
	next.Used += int64(tokens)
	won, err := b.write(ctx, next, revision)
	switch {
	case err != nil:
		return b.lost(want, unripe)
	case !won:
		return leased{}, time.Millisecond + rand.N(4*time.Millisecond)
	case tokens < want:
		return got, b.refill(limit, next, reserve)
	default:
		return got, 0
	}
}

// giveBack returns tokens that were not used.
func (b *bucket) giveBack(ctx context.Context, tokens int) {
	b.mu.Lock()
	limit := b.limit
	if b.fleet.options.State == nil || b.away {
		b.level = min(b.level+float64(tokens), limit.capacity())
		b.owed, b.unpaid = max(0, b.owed-float64(tokens)), max(0, b.unpaid-int64(tokens))
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	for range 5 {
		b.mu.Lock()
		next, revision := b.filled(b.fleet.serverTime(), b.fleet.options.Now()), b.revision
		b.mu.Unlock()
		next.Level = min(next.Level+float64(tokens), limit.capacity())
		next.Used = max(0, next.Used-int64(tokens))
		// After an error they are lost: the bucket fills again anyway.
		if won, err := b.write(ctx, next, revision); won || err != nil {
			return
		}
	}
}

// filled is the record with what has flowed in by now. The lock is held.
func (b *bucket) filled(server, now time.Time) bucketRecord {
	next := b.record
	if !b.known {
		next = bucketRecord{Level: b.limit.capacity(), AsOf: server}
	}
	if passed := server.Sub(next.AsOf); passed > 0 {
		next.Level += b.flow(server).Rate * passed.Seconds()
		next.AsOf = server
	}
	next.Level = min(next.Level, b.limit.capacity())
	switch {
	case b.limit.Rate <= 0:
		next.Level = math.MaxInt32 // only the day is limited
	case !b.drainedUntil.IsZero():
		next.Level = min(next.Level, b.limit.Rate*max(0, now.Sub(b.drainedUntil).Seconds()))
	}
	if day := dayOf(server); day != next.Day {
		next.Day, next.Used = day, 0
	}
	next.Used += b.unpaid
	return next
}

// debt is what this worker took from its share after the others had heard of its
// return and counted on the whole limit. The lock is held.
func (b *bucket) debt(next bucketRecord) float64 {
	heard := b.fleet.heardOf()
	if heard.Before(next.Since) {
		return 0
	}
	share := b.limit.Rate / float64(max(1, b.fleet.Workers()))
	return max(0, min(b.owed, share*next.AsOf.Sub(heard).Seconds()))
}

// flow is the limit less the shares of those who may not know yet that the state
// is back. The lock is held.
func (b *bucket) flow(server time.Time) Limit {
	limit := b.limit
	if since := b.record.Since; !since.IsZero() && server.Sub(since) < b.fleet.options.Presence {
		limit.Burst = int(limit.burst())
		limit.Rate *= b.fleet.heardSince(since)
	}
	return limit
}

// refill is when enough has flowed in to be worth asking.
func (b *bucket) refill(limit Limit, next bucketRecord, reserve float64) time.Duration {
	if limit.Quota > 0 && next.Used >= limit.Quota {
		return min(time.Minute, untilMidnight(next.AsOf))
	}
	missing := reserve + max(1, limit.Rate*leaseFor) - next.Level - limit.ahead()
	wait := time.Duration(max(0, missing) / limit.Rate * float64(time.Second))
	// Workers do not ask at the same moment, nor so late that anything overflows.
	return max(time.Millisecond, wait) + rand.N(2*time.Millisecond+min(wait/4, mostJitter))
}

func (b *bucket) write(ctx context.Context, next bucketRecord, revision uint64) (won bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout())
	defer cancel()
	if next.Level > math.MaxInt32/2 {
		next.Level = 0
	}
	stored, won, err := b.fleet.options.State.Swap(ctx, keyBucket+b.provider, encode(next), revision, bucketKeep)
	if err != nil {
		return false, err
	}
	if !won {
		return false, b.read(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owed, b.unpaid, b.away = 0, 0, false
	if stored > b.revision {
		b.record, b.revision, b.known = next, stored, true
	}
	return true, nil
}

// back reads what stands there and, after the state was away, settles with it.
// While it was away every worker lived on its share, so nothing has been saved
// up.
func (b *bucket) back(ctx context.Context, away bool) error {
	if err := b.read(ctx); err != nil || !away {
		return err
	}
	for {
		b.mu.Lock()
		next, revision := b.filled(b.fleet.serverTime(), b.fleet.options.Now()), b.revision
		next.Level = min(next.Level, 0)
		if b.record.AsOf.After(b.lostAt) {
			next.Level -= b.debt(next)
		} else {
			next.Since = next.AsOf // this worker is the first
		}
		b.mu.Unlock()
		if won, err := b.write(ctx, next, revision); won || err != nil {
			return err
		}
	}
}

// timeout is short while the state is away: the share goes on meanwhile.
func (b *bucket) timeout() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return awayTimeout
	}
	return stateTimeout
}

// read fetches what stands there, when the watch has not brought it yet.
func (b *bucket) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout())
	defer cancel()
	value, revision, _, err := b.fleet.options.State.Get(ctx, keyBucket+b.provider)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if revision >= b.revision {
		record := decode[bucketRecord](value)
		b.revision, b.known = revision, record != nil
		if record != nil {
			b.record = *record
		}
	}
	return nil
}

// exhausted reports whether the quota of the day is used up, and for how long.
func (b *bucket) exhausted() (bool, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit.Quota <= 0 || !b.known {
		return false, 0
	}
	server := b.fleet.serverTime()
	if b.record.Day != dayOf(server) || b.record.Used+b.unpaid < b.limit.Quota {
		return false, 0
	}
	return true, untilMidnight(server)
}
