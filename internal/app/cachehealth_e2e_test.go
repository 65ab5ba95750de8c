package app

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/health"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
)

// ask gets a page of one of the listeners and reads the JSON in it.
func (o *office) ask(addr, path string, into any) (code int) {
	o.t.Helper()
	response, err := http.Get("http://" + addr + path)
	o.check(err)
	defer func() { _ = response.Body.Close() }()
	if err := json.UnmarshalRead(response.Body, into); err != nil {
		o.t.Fatalf("%s: %s: %v", path, response.Status, err)
	}
	return response.StatusCode
}

// cacheIs waits until /health tells of the cache as wanted. The listener answers
// 200 all the while: without the cache nothing is lost.
func (o *office) cacheIs(want health.Status, why string) (found health.Summary) {
	o.t.Helper()
	testkit.Eventually(o.t, 30*time.Second, func() bool {
		found = health.Summary{}
		if code := o.ask(o.running.AdminAddr, "/health", &found); code != http.StatusOK {
			o.t.Fatalf("/health answers %d: %+v", code, found)
		}
		return found.Cache.Status == want
	}, "%s: /health does not say that the cache is %s: %+v", why, want, &found)
	return found
}

// findNow looks an address up over HTTP and returns where the answer came from.
func (o *office) findNow(keyword string) string {
	o.t.Helper()
	var result providers.AddressResult
	if code := o.ask(o.running.HTTPAddr, "/v1/addresses?keyword="+url.QueryEscape(keyword), &result); code != http.StatusOK {
		o.t.Fatalf("%s: %d", keyword, code)
	}
	return result.Source
}

// The shared cache goes away in both ways it can: its bucket, and NATS as a
// whole. Nobody who looks something up notices; /health says so.
func TestHealthOfTheCache(t *testing.T) {
	t.Parallel()
	o := newOffice(t, quick...)
	if found := o.cacheIs(health.Healthy, "at the start"); found.Status != health.Healthy || found.Cache.Reason != "" {
		t.Errorf("at the start: %+v", found)
	}
	losses := []struct {
		what       string
		lose, mend func()
	}{
		{"the bucket is deleted", func() {
			o.check(o.conn.JetStream().DeleteKeyValue(t.Context(), broker.BucketCache))
		}, func() {
			o.check(broker.Provision(t.Context(), o.conn, broker.TopologyOptions{}))
		}},
		{"NATS is away", o.nats.Stop, func() {
			o.nats.Start()
			testkit.Eventually(t, 30*time.Second, o.conn.Connected, "the test itself has no connection")
		}},
	}
	for i, loss := range losses {
		known, unknown := fmt.Sprintf("춘천 중앙로 %d", i+1), fmt.Sprintf("강릉 경강로 %d", i+1)
		if source := o.findNow(known); source != "juso" {
			t.Errorf("%s: the first answer came from %s", known, source)
		}
		loss.lose()
		found := o.cacheIs(health.Degraded, loss.what)
		if found.Status != health.Degraded || found.Cache.Reason == "" || found.Cache.Since.IsZero() {
			t.Errorf("%s: %+v", loss.what, found)
		}
		if source := o.findNow(known); source != "cache" {
			t.Errorf("%s: what is known is asked of %s again", loss.what, source)
		}
		for _, want := range []string{"juso", "cache"} {
			if source := o.findNow(unknown); source != want {
				t.Errorf("%s: what is not known comes from %s, want %s", loss.what, source, want)
			}
		}
		loss.mend()
		if found := o.cacheIs(health.Healthy, loss.what+", and then it is back"); found.Cache.Reason != "" {
			t.Errorf("%s, and then it is back: %+v", loss.what, found)
		}
		// It is used again: what is found now is there for other workers, and a purge
		// is heard.
		shared := broker.NewCacheKV(o.conn)
		later := fmt.Sprintf("원주 중앙로 %d", i+1)
		o.findNow(later)
		sizes, err := shared.Sizes(t.Context())
		o.check(err)
		if sizes["juso.search"] == 0 {
			t.Errorf("%s, and then it is back: nothing is kept there: %v", loss.what, sizes)
		}
		if source := o.findNow(later); source != "cache" {
			t.Errorf("asked again it comes from %s", source)
		}
		_, err = shared.Purge(t.Context(), "*", func(string) bool { return true })
		o.check(err)
		testkit.Eventually(t, 30*time.Second, func() bool { return o.findNow(later) == "juso" }, "a purge is not heard after %s", loss.what)
	}
}
