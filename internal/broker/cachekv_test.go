package broker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

var day = resilience.Life{TTL: 24 * time.Hour, Stale: 30 * 24 * time.Hour}

// cacheOver returns a worker's cache over the bucket, with its watch standing.
func cacheOver(t *testing.T, conn *broker.Conn) *resilience.Cache {
	t.Helper()
	c := resilience.NewCache(resilience.CacheOptions{Shared: broker.NewCacheKV(conn)})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	before := c.Ticket()
	go func() { ended <- c.Watch(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		c.Close()
	})
	// A watch that stands begins with an empty memory.
	testkit.Eventually(t, patience, func() bool { return c.Ticket() > before }, "the watch does not stand")
	return c
}

func kept(t *testing.T, c *resilience.Cache, key string) string {
	t.Helper()
	entry, _ := c.Get(t.Context(), key)
	return string(entry.Value)
}

func TestCacheIsSharedByWorkers(t *testing.T) {
	_, conn := provisioned(t, broker.TopologyOptions{})
	here, there := cacheOver(t, conn), cacheOver(t, conn)
	ctx := t.Context()
	here.Put(ctx, here.Ticket(), "nicednb.company.aa-1", []byte("one"), day)
	if got := kept(t, there, "nicednb.company.aa-1"); got != "one" {
		t.Fatalf("the other worker finds %q", got)
	}
	kv, err := conn.JetStream().KeyValue(ctx, broker.BucketCache)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := conn.JetStream().Stream(ctx, "KV_"+broker.BucketCache)
	if err != nil {
		t.Fatal(err)
	}
	message, err := stream.GetLastMsgForSubject(ctx, "$KV."+broker.BucketCache+".nicednb.company.aa-1")
	if err != nil {
		t.Fatal(err)
	}
	if ttl := message.Header.Get("Nats-TTL"); ttl != "744h0m0s" && ttl != "743h59m59s" {
		t.Errorf("the server keeps it for %q, want time to live and stale window, 744h", ttl)
	}

	// A person's purge reaches both memories and the bucket.
	here.Put(ctx, here.Ticket(), "nicednb.representative.aa-2", []byte("two"), day)
	here.Put(ctx, here.Ticket(), "nts.status.bb-1", []byte("three"), day)
	for _, key := range []string{"nicednb.representative.aa-2", "nts.status.bb-1"} {
		kept(t, there, key)
	}
	person := resilience.NewCache(resilience.CacheOptions{Shared: broker.NewCacheKV(conn)})
	defer person.Close()
	removed, err := person.Purge(ctx, "*.aa-*")
	if removed != 2 || err != nil {
		t.Fatalf("purged %d, %v; want 2", removed, err)
	}
	testkit.Eventually(t, patience, func() bool {
		return kept(t, here, "nicednb.company.aa-1")+kept(t, there, "nicednb.company.aa-1")+kept(t, there, "nicednb.representative.aa-2") == ""
	}, "a purged answer is still served")
	if kept(t, here, "nts.status.bb-1") == "" || kept(t, there, "nts.status.bb-1") == "" {
		t.Error("an answer that does not match was purged")
	}
	sizes, err := broker.NewCacheKV(conn).Sizes(ctx)
	if err != nil || len(sizes) != 1 || sizes["nts.status"] != 1 {
		t.Errorf("sizes are %v, %v", sizes, err)
	}

	// So does a key that somebody deletes with another client.
	if err := kv.Delete(ctx, "nts.status.bb-1"); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, patience, func() bool {
		return kept(t, here, "nts.status.bb-1")+kept(t, there, "nts.status.bb-1") == ""
	}, "a deleted answer is still served")
	if removed, err := person.Purge(ctx, "*"); removed != 0 || err != nil {
		t.Errorf("purged %d of nothing, %v", removed, err)
	}
	for _, pattern := range []string{"", "a b", "nicednb.>", strings.Repeat("a", 400)} {
		if _, err := person.Purge(ctx, pattern); err == nil {
			t.Errorf("pattern %q is taken", pattern)
		}
	}
}

func TestCachePurgesMany(t *testing.T) {
	_, conn := provisioned(t, broker.TopologyOptions{})
	c := cacheOver(t, conn)
	for i := range 500 {
		c.Put(t.Context(), c.Ticket(), fmt.Sprintf("juso.search.%d", i), []byte("x"), day)
	}
	c.Put(t.Context(), c.Ticket(), "kakao.search.1", []byte("x"), day)
	if removed, err := c.Purge(t.Context(), "juso.*"); removed != 500 || err != nil {
		t.Errorf("purged %d, %v; want 500", removed, err)
	}
	if kept(t, c, "kakao.search.1") == "" {
		t.Error("the answer of another provider was purged")
	}
}

func TestCacheExpiresInTheBucket(t *testing.T) {
	_, conn := provisioned(t, broker.TopologyOptions{})
	kv := broker.NewCacheKV(conn)
	if err := kv.Put(t.Context(), "juso.search.short", []byte("x"), time.Second); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, patience, func() bool {
		value, err := kv.Get(t.Context(), "juso.search.short")
		return err == nil && value == nil
	}, "the key outlives its time")
}

// A full bucket refuses new keys; the oldest make room.
func TestCacheBucketIsBounded(t *testing.T) {
	_, conn := provisioned(t, broker.TopologyOptions{CacheMaxBytes: 1 << 20})
	kv, value := broker.NewCacheKV(conn), make([]byte, 32<<10)
	for i := range 100 {
		if err := kv.Put(t.Context(), fmt.Sprintf("juso.search.%d", i), value, time.Hour); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
	}
	first, _ := kv.Get(t.Context(), "juso.search.0")
	last, err := kv.Get(t.Context(), "juso.search.99")
	if err != nil || first != nil || len(last) == 0 {
		t.Errorf("the first has %d bytes, the last %d, %v; want the newest kept", len(first), len(last), err)
	}
}

func TestCacheWithoutNATS(t *testing.T) {
	server, conn := provisioned(t, broker.TopologyOptions{})
	here, there := cacheOver(t, conn), cacheOver(t, connect(t, server.URL()))
	ctx := t.Context()
	here.Put(ctx, here.Ticket(), "juso.search.a", []byte("before"), day)
	kept(t, there, "juso.search.a")
	server.Stop()
	testkit.Eventually(t, patience, func() bool { return !conn.Connected() }, "still connected")
	if got := kept(t, here, "juso.search.a"); got != "before" {
		t.Errorf("the memory answers %q while NATS is away", got)
	}
	kept(t, here, "juso.search.unknown")
	if _, err := here.Away(); err == nil {
		t.Error("the cache does not say that it works from memory alone")
	}
	here.Put(ctx, here.Ticket(), "juso.search.b", []byte("memory alone"), day)
	if got := kept(t, here, "juso.search.b"); got != "memory alone" {
		t.Errorf("the memory answers %q", got)
	}
	server.Start()
	// Somebody purged while this worker did not hear it.
	js, err := jetstream.New(server.Connect())
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(ctx, broker.BucketCache)
	if err != nil {
		t.Fatal(err)
	}
	if err := kv.Purge(ctx, "juso.search.a"); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, patience, func() bool {
		_, away := here.Away()
		return away == nil && kept(t, here, "juso.search.a")+kept(t, there, "juso.search.a") == ""
	}, "a purge during the outage is never heard of, or the bucket is never used again")
}
