package resilience

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newCache(t testing.TB, options CacheOptions) *Cache {
	c := NewCache(options)
	t.Cleanup(c.Close)
	return c
}

func TestCacheLife(t *testing.T) {
	defer goleak.VerifyNone(t)
	at := newClock()
	c := NewCache(CacheOptions{Now: at.Now})
	defer c.Close()
	ctx := t.Context()
	c.Put(ctx, c.Ticket(), "nicednb.company.a", []byte("one"), Life{TTL: time.Hour, Stale: 2 * time.Hour})
	c.Put(ctx, c.Ticket(), "nicednb.company.none", []byte("kept never"), Life{Stale: time.Hour})
	if _, ok := c.Get(ctx, "nicednb.company.none"); ok {
		t.Error("an answer without a time to live is kept")
	}
	for _, step := range []struct {
		pass        time.Duration
		kept, fresh bool
	}{{0, true, true}, {59 * time.Minute, true, true}, {time.Minute, true, false}, {119 * time.Minute, true, false}, {time.Minute, false, false}} {
		at.pass(step.pass)
		e, ok := c.Get(ctx, "nicednb.company.a")
		if ok != step.kept || ok && (e.Fresh(at.Now()) != step.fresh || string(e.Value) != "one") {
			t.Errorf("at %s: kept %v, fresh %v", at.Now().Format(time.TimeOnly), ok, e.Fresh(at.Now()))
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(t, CacheOptions{Entries: 100})
	large := make([]byte, 40<<10)
	for i := range 1000 {
		c.Put(t.Context(), c.Ticket(), fmt.Sprintf("juso.search.%d", i), large, Life{TTL: time.Hour})
	}
	c.memory.CleanUp()
	if n := c.Entries(); n == 0 || n > 100/10 {
		t.Errorf("the memory holds %d entries of 40 KiB, at most 9 were allowed", n)
	}
}

// An answer that was asked for before a purge must not be there after it.
func TestCachePurge(t *testing.T) {
	c := newCache(t, CacheOptions{})
	ctx := t.Context()
	life := Life{TTL: time.Hour}
	for _, key := range []string{"nicednb.company.a", "nicednb.company.b", "nts.status.a", "juso.search.a"} {
		c.Put(ctx, c.Ticket(), key, []byte("x"), life)
	}
	early := c.Ticket()
	n, err := c.Purge(ctx, "nicednb.*")
	if n != 2 || err != nil {
		t.Errorf("purged %d, %v; want 2", n, err)
	}
	c.Put(ctx, early, "nicednb.company.a", []byte("asked before"), life)
	if e, ok := c.Get(ctx, "nicednb.company.a"); ok {
		t.Errorf("an answer from before the purge is kept: %s", e.Value)
	}
	c.Put(ctx, early, "nts.status.b", []byte("not purged"), life)
	c.Put(ctx, c.Ticket(), "nicednb.company.b", []byte("asked after"), life)
	for _, key := range []string{"nts.status.a", "nts.status.b", "nicednb.company.b"} {
		if _, ok := c.Get(ctx, key); !ok {
			t.Errorf("%s is gone", key)
		}
	}
	if n, _ := c.Purge(ctx, "juso.search.a"); n != 1 {
		t.Errorf("purged %d by key, want 1", n)
	}
	// More purges than are remembered: nothing asked for before them is kept.
	early = c.Ticket()
	for range mostPurges + 1 {
		c.forget("nobody.*")
	}
	c.Put(ctx, early, "kakao.search.a", []byte("x"), life)
	if _, ok := c.Get(ctx, "kakao.search.a"); ok {
		t.Error("an answer older than every remembered purge is kept")
	}
}

func TestMatchKey(t *testing.T) {
	for _, tt := range []struct {
		pattern, key string
		want         bool
	}{
		{"*", "a.b.c", true},
		{"nicednb.*", "nicednb.company.aa", true},
		{"nicednb.*", "nicednb2.company.aa", false},
		{"*.company.*", "nicednb.company.aa", true},
		{"*.aa-*", "nicednb.company.aa-bb", true},
		{"*.aa-*", "nicednb.company.bb-aa", false},
		{"juso.search.a", "juso.search.a", true},
		{"juso.search.a", "juso.search.ab", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"*b*b", "b", false},
		{"", "a", false},
	} {
		if got := MatchKey(tt.pattern, tt.key); got != tt.want {
			t.Errorf("MatchKey(%q, %q) is %v", tt.pattern, tt.key, got)
		}
	}
}

// broken is a shared tier that a test switches off. It is there for the one
// thing that no real bucket does on demand: to fail and to hang.
type broken struct {
	mu    sync.Mutex
	err   error
	hang  bool
	calls int
	kept  map[string][]byte
}

func (b *broken) ask(ctx context.Context) error {
	b.mu.Lock()
	b.calls++
	err, hang := b.err, b.hang
	b.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (b *broken) Get(ctx context.Context, key string) ([]byte, error) {
	if err := b.ask(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kept[key], nil
}

func (b *broken) Put(ctx context.Context, key string, value []byte, _ time.Duration) error {
	if err := b.ask(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept[key] = value
	return nil
}

func (b *broken) Purge(ctx context.Context, _ string, _ func(string) bool) (int, error) {
	return 0, b.ask(ctx)
}

func (b *broken) Watch(ctx context.Context, _ func(string)) error {
	<-ctx.Done()
	return nil
}

func (b *broken) set(err error, hang bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err, b.hang = err, hang
}

func TestCacheWithoutSharedTier(t *testing.T) {
	at, tier := newClock(), &broken{kept: map[string][]byte{}}
	var told []error
	c := newCache(t, CacheOptions{Shared: tier, Now: at.Now, Trouble: func(err error) { told = append(told, err) }})
	ctx, life := t.Context(), Life{TTL: time.Hour}
	tier.set(errors.New("no responders"), false)
	c.Put(ctx, c.Ticket(), "juso.search.a", []byte("x"), life)
	if _, ok := c.Get(ctx, "juso.search.a"); !ok {
		t.Error("the memory does not answer while the shared tier is away")
	}
	if since, err := c.Away(); err == nil || !since.Equal(at.Now()) {
		t.Errorf("away since %s: %v", since, err)
	}
	before := tier.calls
	c.Get(ctx, "juso.search.b")
	if tier.calls != before {
		t.Error("a tier that has just failed is asked again at once")
	}
	if _, err := c.Purge(ctx, "juso.*"); err == nil {
		t.Error("a purge that reaches nobody is a success")
	}
	at.pass(time.Minute)
	tier.set(nil, true)
	started := time.Now()
	c.Get(ctx, "juso.search.b")
	if took := time.Since(started); took > 5*sharedTimeout {
		t.Errorf("a tier that hangs held a look-up for %s", took)
	}
	at.pass(time.Minute)
	tier.set(nil, false)
	c.Get(ctx, "juso.search.b")
	if _, err := c.Away(); err != nil || len(told) != 2 || told[0] == nil || told[1] != nil {
		t.Errorf("told %v, away %v; want lost once and back once", told, err)
	}
	// A caller who leaves says nothing about the tier.
	gone, leave := context.WithCancel(ctx)
	leave()
	tier.set(nil, true)
	c.Get(gone, "juso.search.c")
	if _, err := c.Away(); err != nil {
		t.Errorf("a caller who left counts as a failure: %v", err)
	}
}

func TestSealed(t *testing.T) {
	tier := &broken{kept: map[string][]byte{}}
	cacheWith := func(secrets ...string) *Cache {
		options := CacheOptions{Shared: tier}
		if len(secrets) > 0 {
			var err error
			if options.Sealer, err = NewSealer("cache v1", secrets...); err != nil {
				t.Fatal(err)
			}
		}
		return newCache(t, options)
	}
	ctx, key := t.Context(), "nicednb.company.a"
	kept := func(c *Cache) bool { _, ok := c.Get(ctx, key); return ok }
	old := cacheWith("old")
	old.Put(ctx, old.Ticket(), key, []byte("김민수"), Life{TTL: time.Hour})
	if strings.Contains(string(tier.kept[key]), "김민수") {
		t.Error("the value can be read in the shared tier")
	}
	if !kept(cacheWith("new", "old")) {
		t.Error("a worker with the new and the old key does not open the old value")
	}
	if kept(cacheWith("new")) || kept(cacheWith()) {
		t.Error("a worker without the key answers from a value that it cannot read")
	}
	tier.kept["nicednb.company.b"] = tier.kept[key]
	if _, ok := cacheWith("old").Get(ctx, "nicednb.company.b"); ok {
		t.Error("a value that was moved to another key is believed")
	}
	plain := cacheWith()
	plain.Put(ctx, plain.Ticket(), key, []byte("planted"), Life{TTL: time.Hour})
	if kept(cacheWith("old")) {
		t.Error("a worker with a key believes a value that is not sealed")
	}
	tier.kept[key] = []byte{formatSealed, 1, 2}
	if kept(cacheWith("old")) {
		t.Error("rubbish is believed")
	}
	tier.kept[key] = []byte{}
	if kept(cacheWith("old")) {
		t.Error("an empty value is believed")
	}
}

func TestCacheCounts(t *testing.T) {
	var told []string
	c := newCache(t, CacheOptions{Counted: func(cache, result string) { told = append(told, cache+" "+result) }})
	for _, result := range []string{Miss, Stale, Hit, Hit} {
		c.Count("nicednb.company", result)
	}
	c.Count("juso.search", Miss)
	want := []CacheCount{{Cache: "juso.search", Misses: 1}, {Cache: "nicednb.company", Hits: 2, Stale: 1, Misses: 1}}
	if got := c.Counts(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
	if len(told) != 5 || told[1] != "nicednb.company stale" {
		t.Errorf("told %v", told)
	}
}

// TestSealerKnowsItsKeys: what is sealed names its key, which is known for as long
// as its secret is among those that open.
func TestSealerKnowsItsKeys(t *testing.T) {
	seal := func(secrets ...string) *Sealer {
		s, err := NewSealer("test v1", secrets...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	older, both, newer := seal("older"), seal("newer", "older"), seal("newer")
	if both.Newest() != newer.Newest() || older.Newest() == newer.Newest() {
		t.Errorf("%s, %s, %s", older.Newest(), both.Newest(), newer.Newest())
	}
	if !both.Knows(older.Newest()) || !both.Knows(newer.Newest()) || newer.Knows(older.Newest()) {
		t.Error("both open during the overlap, and the older one no longer after it")
	}
	for _, key := range []string{"", "zz", newer.Newest()[:6], newer.Newest() + "00", "한글한글"} {
		if newer.Knows(key) {
			t.Errorf("%q is known", key)
		}
	}
}
