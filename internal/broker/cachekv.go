package broker

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// CacheKV is the bucket of cached answers as the tier that all workers share.
type CacheKV struct {
	conn *Conn

	mu sync.Mutex
	kv jetstream.KeyValue
}

const (
	// purgePrefix begins the keys that tell of a purge: the pattern follows in
	// base64. No provider's name begins so.
	purgePrefix = "_purge."
	// purgeMarkerTTL is how long a purge can be heard of by watchers that lost
	// their connection. One that was away longer begins with an empty memory.
	purgeMarkerTTL = time.Hour
	// purgeAtOnce is how many keys are purged at the same time.
	purgeAtOnce = 64
	// leastTTL is the shortest that the server takes.
	leastTTL   = time.Second
	maxPattern = 300
	// bucketCheck is how often a watch makes sure that its bucket is still there,
	// and bucketWait how long it waits for the answer: a watch hears nothing of a
	// bucket that is deleted, and nothing from one made anew under the same name.
	bucketCheck, bucketWait = time.Second, 5 * time.Second
)

// NewCacheKV returns the bucket on conn. It calls nobody: a cache works also
// where NATS is away at the start.
func NewCacheKV(conn *Conn) *CacheKV { return &CacheKV{conn: conn} }

var (
	errAway   = errors.New("NATS is not connected")
	patternRE = regexp.MustCompile(`^[A-Za-z0-9_.*-]+$`)
)

// Get implements resilience.Shared.
func (c *CacheKV) Get(ctx context.Context, key string) ([]byte, error) {
	kv, err := c.bucket(ctx)
	if err != nil {
		return nil, fmt.Errorf("broker: cache get: %w", err)
	}
	entry, err := kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("broker: cache get: %w", err)
	}
	return entry.Value(), nil
}

// Put implements resilience.Shared. The key-value interface has no time to live
// for a key that may exist; the message below it has. In a full bucket the oldest
// quarter makes room.
func (c *CacheKV) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if _, err := c.bucket(ctx); err != nil {
		return fmt.Errorf("broker: cache put: %w", err)
	}
	err := c.publish(ctx, key, value, ttl)
	if isFull(err) {
		if err = c.makeRoom(ctx); err == nil {
			err = c.publish(ctx, key, value, ttl)
		}
	}
	if err != nil {
		return fmt.Errorf("broker: cache put: %w", err)
	}
	return nil
}

// Purge implements resilience.Shared. Every worker is told first, so that none
// brings back from its memory what is being removed.
func (c *CacheKV) Purge(ctx context.Context, pattern string, matches func(key string) bool) (int, error) {
	if len(pattern) > maxPattern || !patternRE.MatchString(pattern) {
		return 0, fault.New(fault.Invalid, "cache purge", "%q is no pattern of keys such as nicednb.* or juso.search.*", pattern)
	}
	name := purgePrefix + base64.RawURLEncoding.EncodeToString([]byte(pattern))
	kv, err := c.bucket(ctx)
	if err == nil {
		err = c.publish(ctx, name, nil, purgeMarkerTTL)
	}
	if err != nil {
		return 0, fmt.Errorf("broker: cache purge: %w", err)
	}
	lister, err := kv.ListKeysFiltered(ctx, keyFilter(pattern))
	if err != nil {
		return 0, fmt.Errorf("broker: cache purge: %w", err)
	}
	defer func() { _ = lister.Stop() }()
	return c.purgeKeys(ctx, kv, lister.Keys(), matches)
}

// Watch implements resilience.Shared: it hears of purges, of keys that others
// delete by themselves, and of connections that came back. It ends with an error
// when the bucket is gone or cannot be reached.
func (c *CacheKV) Watch(ctx context.Context, purged func(pattern string)) error {
	back := c.conn.nc.StatusChanged(nats.CONNECTED)
	defer c.conn.nc.RemoveStatusListener(back)
	for {
		again, err := c.watch(ctx, back, purged)
		if err != nil {
			return fmt.Errorf("broker: cache watch: %w", err)
		}
		if !again {
			return ctx.Err()
		}
	}
}

// watch watches over one connection. The server's side of a watch may not have
// outlived a lost one, so the next connection gets a new watch.
func (c *CacheKV) watch(ctx context.Context, back <-chan nats.Status, purged func(pattern string)) (again bool, err error) {
	kv, err := c.bucket(ctx)
	if err != nil {
		return false, err
	}
	made, err := c.made(ctx)
	if err != nil {
		return false, err
	}
	watcher, err := kv.WatchAll(ctx, jetstream.UpdatesOnly(), jetstream.MetaOnly())
	if err != nil {
		return false, err
	}
	defer func() { _ = watcher.Stop() }()
	purged("*") // what happened before the watch stood
	check := time.NewTicker(bucketCheck)
	defer check.Stop()
	for {
		select {
		case entry, ok := <-watcher.Updates():
			if !ok {
				return false, errors.New("ended by the server")
			}
			if entry != nil {
				heard(entry, purged)
			}
		case <-back:
			return true, nil
		case <-check.C:
			switch now, err := c.made(ctx); {
			case err != nil:
				return false, err
			case !now.Equal(made):
				return false, errors.New("the bucket was made anew")
			}
		case <-ctx.Done():
			return false, nil
		}
	}
}

// made tells when the bucket that is there now was created.
func (c *CacheKV) made(ctx context.Context) (time.Time, error) {
	if !c.conn.Connected() {
		return time.Time{}, errAway
	}
	ctx, cancel := context.WithTimeout(ctx, bucketWait)
	defer cancel()
	stream, err := c.conn.js.Stream(ctx, "KV_"+BucketCache)
	if err != nil {
		return time.Time{}, err
	}
	return stream.CachedInfo().Created, nil
}

// Sizes counts the keys of each cache (<provider>.<call>).
func (c *CacheKV) Sizes(ctx context.Context) (map[string]int, error) {
	kv, err := c.bucket(ctx)
	if err != nil {
		return nil, fmt.Errorf("broker: cache sizes: %w", err)
	}
	lister, err := kv.ListKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("broker: cache sizes: %w", err)
	}
	defer func() { _ = lister.Stop() }()
	sizes := map[string]int{}
	for key := range lister.Keys() {
		if dot := strings.LastIndexByte(key, '.'); dot > 0 && !strings.HasPrefix(key, purgePrefix) {
			sizes[key[:dot]]++
		}
	}
	return sizes, ctx.Err()
}

// bucket binds to the bucket once it can be reached.
func (c *CacheKV) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	if !c.conn.Connected() {
		return nil, errAway
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kv == nil {
		kv, err := c.conn.js.KeyValue(ctx, BucketCache)
		if err != nil {
			return nil, err
		}
		c.kv = kv
	}
	return c.kv, nil
}

func (c *CacheKV) publish(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	_, err := c.conn.js.Publish(ctx, "$KV."+BucketCache+"."+key, value, jetstream.WithMsgTTL(max(ttl, leastTTL).Truncate(time.Second)))
	return err
}

// makeRoom removes the oldest quarter of the bucket.
func (c *CacheKV) makeRoom(ctx context.Context) error {
	stream, err := c.conn.js.Stream(ctx, "KV_"+BucketCache)
	if err != nil {
		return err
	}
	state := stream.CachedInfo().State
	return stream.Purge(ctx, jetstream.WithPurgeSequence(state.FirstSeq+(state.LastSeq-state.FirstSeq)/4+1))
}

func (c *CacheKV) purgeKeys(ctx context.Context, kv jetstream.KeyValue, keys <-chan string, matches func(string) bool) (int, error) {
	var (
		wait    sync.WaitGroup
		mu      sync.Mutex
		removed int
		failed  error
	)
	slots := make(chan struct{}, purgeAtOnce)
	for key := range keys {
		if strings.HasPrefix(key, purgePrefix) || !matches(key) {
			continue
		}
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			err := kv.Purge(ctx, key, jetstream.PurgeTTL(purgeMarkerTTL))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			removed++
		})
	}
	wait.Wait()
	if failed == nil {
		failed = ctx.Err() // the list ends early when ctx does
	}
	if failed != nil {
		return removed, fmt.Errorf("broker: cache purge: %w", failed)
	}
	return removed, nil
}

// heard tells of what one change of the bucket means for memories: a purge, or a
// key that is gone. A new value needs no word: the old one serves until it is
// stale.
func heard(entry jetstream.KeyValueEntry, purged func(pattern string)) {
	gone := entry.Operation() == jetstream.KeyValueDelete || entry.Operation() == jetstream.KeyValuePurge
	name, marker := strings.CutPrefix(entry.Key(), purgePrefix)
	switch {
	case marker && !gone:
		pattern, err := base64.RawURLEncoding.DecodeString(name)
		if err != nil {
			pattern = []byte("*") // somebody else's writing: rather too much than too little
		}
		purged(string(pattern))
	case !marker && gone:
		purged(entry.Key())
	}
}

// keyFilter narrows a list of keys by the whole tokens in front of the first *.
func keyFilter(pattern string) string {
	before, _, wild := strings.Cut(pattern, "*")
	dot := strings.LastIndexByte(before, '.')
	switch {
	case !wild:
		return pattern
	case dot <= 0:
		return ">"
	}
	return before[:dot] + ".>"
}

// isFull reports a bucket that has no room for another message.
func isFull(err error) bool {
	refused, ok := errors.AsType[*jetstream.APIError](err)
	const storeFailed = 10077
	return ok && refused.ErrorCode == storeFailed
}
