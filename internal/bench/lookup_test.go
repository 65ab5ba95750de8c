package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/juso"
	"github.com/gangwon-portal/gangway/providers/nts"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// askers is how many people wait for a look-up at the same time.
const askers = 64

// BenchmarkLookup: address searches a second for people who wait, answered from
// memory, from the shared bucket, and by the simulated service.
func BenchmarkLookup(b *testing.B) {
	for _, c := range []struct {
		name string
		n    int
		// keyword of search i; shared keeps the memory from answering.
		keyword func(i int64) string
		shared  bool
	}{
		{"memory", 200_000, func(i int64) string { return fmt.Sprintf("춘천 중앙로 %d", i%100) }, false},
		{"kv", 20_000, func(i int64) string { return fmt.Sprintf("춘천 중앙로 %d", i%100) }, true},
		{"simulator", 10_000, func(i int64) string { return fmt.Sprintf("춘천 중앙로 %d", i) }, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, sim := startStack(b), startSimulator(b)
			entries := 10_000
			if c.shared {
				entries = 1 // the memory has room for nothing
			}
			search := addressSearch(b, s, sim, entries)
			for i := range int64(100) {
				check(b, search(c.keyword(i)))
			}
			var next atomic.Int64
			next.Store(1000)
			for b.Loop() {
				started := time.Now()
				together(c.n, func() { check(b, search(c.keyword(next.Add(1)))) })
				b.ReportMetric(float64(c.n)/time.Since(started).Seconds(), "lookups/s")
			}
		})
	}
}

// BenchmarkNTS: verifications a second by a tax service that takes 20 ms, each
// with a call of its own and sharing calls of up to a hundred numbers.
func BenchmarkNTS(b *testing.B) {
	const n = 10_000
	for _, c := range []struct {
		name   string
		window time.Duration
		most   int
	}{{"unbatched", 0, 1}, {"batched", 5 * time.Millisecond, nts.MostNumbers}} {
		b.Run(c.name, func(b *testing.B) {
			sim := startSimulator(b)
			_, key := simulator.Credentials("nts")
			target, err := url.Parse(sim.URL("nts"))
			check(b, err)
			var calls atomic.Int64
			vendor := distant(target, 20*time.Millisecond, &calls)
			defer vendor.Close()
			p, err := nts.New(nts.Options{BaseURL: vendor.URL, Key: key, BatchWindow: c.window, BatchMost: c.most, Conns: 32})
			check(b, err)
			defer p.Close()
			var next atomic.Int64
			for b.Loop() {
				started, before := time.Now(), calls.Load()
				together(n, func() {
					number := fmt.Sprintf("22081%05d", 10_000+next.Add(1)%80_000)
					_, err := p.Do(b.Context(), providers.Call[providers.Company]{Attempt: 1, Request: providers.Company{RegistrationNumber: number}})
					check(b, err)
				})
				b.ReportMetric(n/time.Since(started).Seconds(), "lookups/s")
				b.ReportMetric(n/float64(calls.Load()-before), "lookups/call")
			}
		})
	}
}

// distant puts a vendor as far away as a real one.
func distant(target *url.URL, takes time.Duration, calls *atomic.Int64) *httptest.Server {
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{MaxIdleConnsPerHost: askers},
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		select {
		case <-time.After(takes):
			proxy.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}))
}

func startSimulator(b *testing.B) *simulator.Simulator {
	b.Helper()
	sim, err := simulator.Start(simulator.Options{Keep: -1})
	check(b, err)
	b.Cleanup(func() { check(b, sim.Close()) })
	return sim
}

// addressSearch is a worker's search for somebody who waits.
func addressSearch(b *testing.B, s stack, sim *simulator.Simulator, entries int) func(keyword string) error {
	b.Helper()
	_, key := simulator.Credentials("juso")
	driver := juso.New(juso.Options{BaseURL: sim.URL("juso"), Key: key, Conns: askers})
	cache := resilience.NewCache(resilience.CacheOptions{Entries: entries, Shared: broker.NewCacheKV(s.conn)})
	b.Cleanup(func() { driver.Close(); cache.Close() })
	route := providers.NewRoute(providers.NewGuard[providers.Address](driver, providers.GuardOptions{}))
	lookups := providers.NewLookups(route, cache, func(string, string) providers.Lives {
		return providers.Lives{TTL: time.Hour, Stale: time.Hour, Negative: time.Hour}
	})
	handler := handlers.NewAddress(func() *providers.Lookups[providers.Address] { return lookups }, func() jsontext.Value { return nil })
	return func(keyword string) error {
		_, err := handler.Answer(context.Background(), &command.Address{Keyword: keyword})
		return err
	}
}

// together does n things, as many at a time as people wait.
func together(n int, do func()) {
	var left atomic.Int64
	left.Store(int64(n))
	var wait sync.WaitGroup
	for range askers {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				do()
			}
		})
	}
	wait.Wait()
}
