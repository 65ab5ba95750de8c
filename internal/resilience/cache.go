package resilience

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
)

// Cache keeps answers of providers: in the memory of this worker and, behind it,
// in a tier that all workers share. Keys are <provider>.<call>.<hash>.
//
// An entry is fresh for its time to live and usable, as a last resort, for its
// stale window beyond. A purge by anybody reaches the memory of every worker,
// and an answer that was asked for before it is not kept after it.
type Cache struct {
	options CacheOptions
	memory  *otter.Cache[string, Entry]
	shared  *sharedTier
	counts  cacheCounts

	mu     sync.Mutex
	purges []purge // recent ones, oldest first
	purged Ticket  // counts all purges
	lost   Ticket  // the newest purge that is no longer in purges
}

// CacheOptions say how a cache keeps its entries; the zero value keeps 10,000 in
// memory alone.
type CacheOptions struct {
	// Entries bounds the memory. An entry counts one for each 4 KiB begun.
	Entries int
	// Shared is the tier behind the memory; nil for none.
	Shared Shared
	// Sealer encrypts what goes to the shared tier; nil leaves it readable there.
	Sealer *Sealer
	// Counted is told of every request to the cache: hit, stale or miss.
	Counted func(cache, result string)
	// Trouble is told when the shared tier is lost (with the error) and when it is
	// back (nil).
	Trouble func(error)
	Now     func() time.Time
}

// Entry is one kept answer.
type Entry struct {
	Value      []byte
	FreshUntil time.Time
	Until      time.Time // end of the stale window
}

// Fresh reports whether the entry answers by itself at now.
func (e Entry) Fresh(now time.Time) bool { return now.Before(e.FreshUntil) }

// Life is how long an answer is kept.
type Life struct{ TTL, Stale time.Duration }

// Ticket is the state of purges when an answer was asked for; see [Cache.Put].
type Ticket uint64

type purge struct {
	ticket  Ticket
	pattern string
	at      time.Time
}

const (
	// remembered is how long a purge outlaws answers asked for before it: longer
	// than any call takes.
	remembered = 10 * time.Minute
	// mostPurges are remembered; whatever was asked for before a forgotten one is
	// not kept.
	mostPurges = 4096
	// unit is the size that counts as one entry.
	unit = 4 << 10
)

// NewCache returns an empty cache. [Cache.Watch] must run for purges of other
// workers to arrive.
func NewCache(options CacheOptions) *Cache {
	options.Entries = cmp.Or(options.Entries, 10_000)
	if options.Now == nil {
		options.Now = time.Now
	}
	c := &Cache{options: options}
	c.memory = otter.Must(&otter.Options[string, Entry]{
		MaximumWeight: uint64(options.Entries),
		Weigher:       func(_ string, e Entry) uint32 { return uint32(1 + len(e.Value)/unit) },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, Entry]) time.Duration {
			return e.Value.Until.Sub(options.Now())
		}),
	})
	if options.Shared != nil {
		c.shared = newSharedTier(options)
	}
	return c
}

// SetSealer seals what goes to the shared tier from now on with other keys; nil
// leaves it readable there. What the keys do not open is as good as not there.
func (c *Cache) SetSealer(sealer *Sealer) {
	if c.shared != nil {
		c.shared.sealer.Store(sealer)
	}
}

// Get returns what is kept under key, fresh or in its stale window. A stale entry
// of the memory gives way to a fresh one of the shared tier.
func (c *Cache) Get(ctx context.Context, key string) (Entry, bool) {
	now := c.options.Now()
	entry, ok := c.memory.GetIfPresent(key)
	if ok = ok && now.Before(entry.Until); ok && entry.Fresh(now) || c.shared == nil {
		return entry, ok
	}
	ticket := c.Ticket()
	if other, found := c.shared.get(ctx, key); found && now.Before(other.Until) && (!ok || other.FreshUntil.After(entry.FreshUntil)) {
		c.remember(ticket, key, other)
		return other, true
	}
	return entry, ok
}

// Ticket is taken before an answer is asked for.
func (c *Cache) Ticket() Ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.purged
}

// Put keeps an answer, unless its key was purged since the ticket was taken.
// A life without a TTL keeps nothing.
func (c *Cache) Put(ctx context.Context, ticket Ticket, key string, value []byte, life Life) {
	if life.TTL <= 0 {
		return
	}
	now := c.options.Now()
	entry := Entry{Value: value, FreshUntil: now.Add(life.TTL), Until: now.Add(life.TTL + max(life.Stale, 0))}
	if c.remember(ticket, key, entry) && c.shared != nil {
		c.shared.put(ctx, key, entry, entry.Until.Sub(now))
	}
}

// Purge removes every entry whose key matches pattern, in this worker, in the
// shared tier and in all other workers. It returns how many the shared tier, or
// without one the memory, had.
func (c *Cache) Purge(ctx context.Context, pattern string) (int, error) {
	removed := c.forget(pattern)
	if c.shared == nil {
		return removed, nil
	}
	removed, err := c.options.Shared.Purge(ctx, pattern, func(key string) bool { return MatchKey(pattern, key) })
	if err != nil {
		return removed, fmt.Errorf("cache: purge %q: %w", pattern, err)
	}
	return removed, nil
}

// Watch carries out the purges of others until ctx ends.
func (c *Cache) Watch(ctx context.Context) error {
	if c.shared == nil {
		<-ctx.Done()
		return nil
	}
	return c.shared.watch(ctx, func(pattern string) { c.forget(pattern) })
}

// Close stops what the memory runs in the background. Calls must have ended.
func (c *Cache) Close() { c.memory.StopAllGoroutines() }

// remember keeps an entry in memory, unless it was purged meanwhile. It holds
// the lock that a purge takes first, so that no entry slips in behind one.
func (c *Cache) remember(ticket Ticket, key string, entry Entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ticket < c.lost {
		return false
	}
	for _, p := range c.purges {
		if p.ticket > ticket && MatchKey(p.pattern, key) {
			return false
		}
	}
	c.memory.Set(key, entry)
	return true
}

func (c *Cache) forget(pattern string) (removed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.options.Now()
	c.purged++
	c.purges = append(c.purges, purge{ticket: c.purged, pattern: pattern, at: now})
	for len(c.purges) > mostPurges || now.Sub(c.purges[0].at) > remembered {
		c.lost, c.purges = c.purges[0].ticket, c.purges[1:]
	}
	if !strings.Contains(pattern, "*") {
		if _, ok := c.memory.Invalidate(pattern); ok {
			removed++
		}
		return removed
	}
	for key := range c.memory.Keys() {
		if MatchKey(pattern, key) {
			c.memory.Invalidate(key)
			removed++
		}
	}
	return removed
}

// MatchKey reports whether a key matches a pattern in which * stands for any
// text, dots included.
func MatchKey(pattern, key string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	key, ok := strings.CutPrefix(key, first)
	if !ok || !wild {
		return ok && key == ""
	}
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		_, after, found := strings.Cut(key, part)
		if !found {
			return false
		}
		key = after
	}
	return strings.HasSuffix(key, last)
}
