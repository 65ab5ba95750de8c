package resilience

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Results of a request to a cache.
const (
	Hit   = "hit"   // answered by a fresh entry
	Stale = "stale" // answered by a stale one, because every provider failed
	Miss  = "miss"  // nothing fresh was kept
)

// CacheCount counts one cache, a provider's call, in one worker since it started.
type CacheCount struct {
	Cache  string `json:"cache"` // nicednb.company
	Hits   int64  `json:"hits"`
	Stale  int64  `json:"stale"`
	Misses int64  `json:"misses"`
}

// cacheCounts are the requests by cache.
type cacheCounts struct {
	mu     sync.RWMutex
	caches map[string]*cacheTally
}

type cacheTally struct{ hits, stale, misses atomic.Int64 }

func (c *cacheCounts) of(cache string) *cacheTally {
	c.mu.RLock()
	t := c.caches[cache]
	c.mu.RUnlock()
	if t != nil {
		return t
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.caches == nil {
		c.caches = map[string]*cacheTally{}
	}
	if c.caches[cache] == nil {
		c.caches[cache] = new(cacheTally)
	}
	return c.caches[cache]
}

// Count counts a request to the cache of a provider's call. A request that finds
// nothing fresh is a miss; when a stale entry answers it later, it is counted as
// stale as well.
func (c *Cache) Count(cache, result string) {
	t := c.counts.of(cache)
	switch result {
	case Hit:
		t.hits.Add(1)
	case Stale:
		t.stale.Add(1)
	default:
		t.misses.Add(1)
	}
	if c.options.Counted != nil {
		c.options.Counted(cache, result)
	}
}

// Counts lists the requests so far, by cache.
func (c *Cache) Counts() []CacheCount {
	c.counts.mu.RLock()
	defer c.counts.mu.RUnlock()
	list := make([]CacheCount, 0, len(c.counts.caches))
	for name, t := range c.counts.caches {
		list = append(list, CacheCount{Cache: name, Hits: t.hits.Load(), Stale: t.stale.Load(), Misses: t.misses.Load()})
	}
	slices.SortFunc(list, func(a, b CacheCount) int { return strings.Compare(a.Cache, b.Cache) })
	return list
}

// Entries counts what the memory holds.
func (c *Cache) Entries() int { return c.memory.EstimatedSize() }

// Away reports since when and why the shared tier does not answer; the error is
// nil while it does. The cache then works from memory.
func (c *Cache) Away() (since time.Time, err error) {
	if c.shared == nil {
		return time.Time{}, nil
	}
	return c.shared.away()
}

// Now is the time by which entries are fresh or stale.
func (c *Cache) Now() time.Time { return c.options.Now() }
