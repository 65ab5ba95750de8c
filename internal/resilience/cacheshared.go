package resilience

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"
)

// Shared is the tier of a [Cache] that all workers share.
type Shared interface {
	// Get returns the value under key, nil when there is none.
	Get(ctx context.Context, key string) ([]byte, error)
	// Put keeps a value for ttl.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Purge tells every worker of the pattern, removes the keys that match, and
	// returns how many there were.
	Purge(ctx context.Context, pattern string, matches func(key string) bool) (int, error)
	// Watch tells of purges, each as a pattern, until ctx ends. It tells of "*"
	// whenever some may have been missed.
	Watch(ctx context.Context, purged func(pattern string)) error
}

// sharedTier talks to the shared tier in a way that never holds a look-up up: a
// short time for each request, and none at all for a moment after a failure.
type sharedTier struct {
	options CacheOptions
	sealer  atomic.Pointer[Sealer] // nil leaves entries readable

	mu    sync.Mutex
	err   error     // why it is away; nil while it answers
	since time.Time // of err
	again time.Time // not asked before
}

const (
	sharedTimeout = 300 * time.Millisecond
	// sharedPause grows from the first to the second while the tier stays away.
	sharedPause, sharedPauseMost = 250 * time.Millisecond, 5 * time.Second
)

func newSharedTier(options CacheOptions) *sharedTier {
	t := &sharedTier{options: options}
	t.sealer.Store(options.Sealer)
	return t
}

func (t *sharedTier) get(ctx context.Context, key string) (Entry, bool) {
	var stored []byte
	if !t.try(ctx, func(ctx context.Context) (err error) {
		stored, err = t.options.Shared.Get(ctx, key)
		return err
	}) || stored == nil {
		return Entry{}, false
	}
	return t.decode(key, stored)
}

func (t *sharedTier) put(ctx context.Context, key string, entry Entry, ttl time.Duration) {
	stored := t.encode(key, entry)
	// What the caller asked for is there: a caller who leaves now does not keep
	// others from having it too.
	t.try(context.WithoutCancel(ctx), func(ctx context.Context) error { return t.options.Shared.Put(ctx, key, stored, ttl) })
}

// try makes one request, unless the tier was away a moment ago.
func (t *sharedTier) try(ctx context.Context, request func(context.Context) error) bool {
	t.mu.Lock()
	away := t.err != nil && t.options.Now().Before(t.again)
	t.mu.Unlock()
	if away {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	err := request(limited)
	if err != nil && ctx.Err() != nil {
		return false // the caller left; that says nothing about the tier
	}
	t.settle(err)
	return err == nil
}

// settle notes whether the tier answers, and tells of every change.
func (t *sharedTier) settle(err error) {
	t.mu.Lock()
	before, now := t.err, t.options.Now()
	t.err = err
	switch {
	case err == nil:
		t.since, t.again = time.Time{}, time.Time{}
	case before == nil:
		t.since, t.again = now, now.Add(sharedPause)
	default:
		t.again = now.Add(min(max(now.Sub(t.since), sharedPause), sharedPauseMost))
	}
	t.mu.Unlock()
	if (before == nil) != (err == nil) && t.options.Trouble != nil {
		t.options.Trouble(err)
	}
}

func (t *sharedTier) away() (time.Time, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.since, t.err
}

// watch watches until ctx ends, again and again: a watch that broke may have
// missed purges, so each begins with an empty memory. What is heard shows that
// the tier is there.
func (t *sharedTier) watch(ctx context.Context, purged func(pattern string)) error {
	heard := func(pattern string) {
		t.settle(nil)
		purged(pattern)
	}
	for pause := sharedPause; ; pause = min(2*pause, sharedPauseMost) {
		started := t.options.Now()
		err := t.options.Shared.Watch(ctx, heard)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it ended because it was to end
		}
		if err != nil {
			t.settle(err)
		}
		if t.options.Now().Sub(started) > sharedPauseMost {
			pause = sharedPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// Formats of stored values: the first byte. An entry is its two times in Unix
// milliseconds, big-endian, and the value.
const (
	formatPlain  = 1
	formatSealed = 2
)

func (t *sharedTier) encode(key string, e Entry) []byte {
	plain := make([]byte, 16, 16+len(e.Value))
	binary.BigEndian.PutUint64(plain, uint64(e.FreshUntil.UnixMilli()))
	binary.BigEndian.PutUint64(plain[8:], uint64(e.Until.UnixMilli()))
	plain = append(plain, e.Value...)
	sealer := t.sealer.Load()
	if sealer == nil {
		return append([]byte{formatPlain}, plain...)
	}
	return sealer.Seal([]byte{formatSealed}, plain, key)
}

// decode reads a stored value. What another worker wrote in another way, or under
// a key that is not ours, is as good as not there. A worker with a key takes
// sealed values only: a readable one may be anybody's.
func (t *sharedTier) decode(key string, stored []byte) (Entry, bool) {
	if len(stored) == 0 {
		return Entry{}, false
	}
	format, plain, sealer := stored[0], stored[1:], t.sealer.Load()
	switch {
	case format == formatPlain && sealer == nil:
	case format == formatSealed && sealer != nil:
		var err error
		if plain, err = sealer.Open(plain, key); err != nil {
			return Entry{}, false
		}
	default:
		return Entry{}, false
	}
	if len(plain) < 16 {
		return Entry{}, false
	}
	return Entry{
		FreshUntil: time.UnixMilli(int64(binary.BigEndian.Uint64(plain))),
		Until:      time.UnixMilli(int64(binary.BigEndian.Uint64(plain[8:]))),
		Value:      plain[16:],
	}, true
}
