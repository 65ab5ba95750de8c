package kakao

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

func simulated(t *testing.T) Options {
	t.Helper()
	s, err := simulator.Start(simulator.Options{SlowDelay: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	_, key := simulator.Credentials("kakao")
	return Options{BaseURL: s.URL("kakao"), Key: key}
}

func search(t *testing.T, p *Provider, request providers.Address) providers.AddressResult {
	t.Helper()
	answer, err := p.Do(t.Context(), providers.Call[providers.Address]{Request: request})
	if err != nil {
		t.Fatalf("%+v: %v", request, err)
	}
	return resultOf(t, answer)
}

func TestOutcomes(t *testing.T) {
	options := simulated(t)
	providertest.RunOutcomes(t, providertest.Outcomes[providers.Address]{
		New: func(*testing.T) providers.Provider[providers.Address] { return New(options) },
		Request: func(outcome string) providers.Address {
			return providers.Address{Keyword: map[string]string{
				"success": "강릉 율곡로", "throttle": "모의제한", "error": "모의오류", "timeout": "모의지연초과", "drop": "모의절단", "slow": "모의느림",
			}[outcome]}
		},
	})
}

func TestSearch(t *testing.T) {
	p := New(simulated(t))
	defer p.Close()
	got := search(t, p, providers.Address{Keyword: "강원특별자치도청"})
	if len(got.Items) != 1 || got.Items[0].PostalCode != "24266" || got.Items[0].Latitude < 37 || got.Items[0].Longitude < 127 {
		t.Errorf("the provincial office: %+v", got)
	}
	got = search(t, p, providers.Address{Keyword: "홍천 석화로 93"})
	if len(got.Items) != 1 || got.Items[0].Region.Town != "홍천읍" || got.Items[0].Region.Village == "" {
		t.Errorf("a county's hall: %+v", got)
	}
	if got := search(t, p, providers.Address{Keyword: "모의없음"}); len(got.Items) != 0 || got.Total != 0 {
		t.Errorf("none: %+v", got)
	}
}

func TestWrongKey(t *testing.T) {
	options := simulated(t)
	options.Key = "wrong"
	p := New(options)
	defer p.Close()
	if err := p.Check(t.Context()); fault.Of(err) != fault.Unauthorized {
		t.Errorf("Check: %v", err)
	}
}

// TestPages: whatever page size a client has, it sees every hit that the vendor
// gives out once, in order.
func TestPages(t *testing.T) {
	p := New(simulated(t))
	defer p.Close()
	whole := search(t, p, providers.Address{Keyword: "춘천", Size: 100})
	if whole.Total < 60 || len(whole.Items) != min(100, whole.Total) {
		t.Fatalf("%d of %d", len(whole.Items), whole.Total)
	}
	for _, size := range []int{7, 30, 31, 50, 97} {
		var all []providers.AddressItem
		for page := 1; len(all) < whole.Total; page++ {
			got := search(t, p, providers.Address{Keyword: "춘천", Page: page, Size: size})
			if got.Page != page || got.Total != whole.Total || len(got.Items) != min(size, whole.Total-len(all)) {
				t.Fatalf("size %d page %d: %d items of %d on page %d", size, page, len(got.Items), got.Total, got.Page)
			}
			all = append(all, got.Items...)
		}
		for i, item := range whole.Items {
			if all[i] != item {
				t.Fatalf("size %d: item %d is %s, want %s", size, i, all[i].RoadAddress, item.RoadAddress)
			}
		}
	}
	if got := search(t, p, providers.Address{Keyword: "춘천", Page: 1000, Size: 100}); len(got.Items) != 0 || got.Total != whole.Total {
		t.Errorf("behind the end: %d items of %d", len(got.Items), got.Total)
	}
}

// TestCallsPerPage: a page that the vendor has is one call, a larger one no more
// than it takes, and no call is outside the vendor's bounds.
func TestCallsPerPage(t *testing.T) {
	for _, c := range []struct {
		page, size int
		total      int
		calls      int64
		items      int
	}{
		{1, 10, 5000, 1, 10}, {45, 30, 5000, 1, 30}, {1, 30, 12, 1, 12}, {1, 100, 12, 1, 12}, {1, 60, 5000, 2, 60}, {2, 100, 5000, 4, 100},
		{46, 30, 5000, 1, 0}, {46, 10, 5000, 1, 10}, {14, 100, 5000, 2, 50}, {1000, 100, 5000, 1, 0}, {1, 100, 60, 2, 60},
	} {
		var calls atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			page, _ := strconv.Atoi(r.FormValue("page"))
			size, _ := strconv.Atoi(r.FormValue("size"))
			if got := r.FormValue("query"); got != "춘천" {
				t.Errorf("%+v: asked for %q", c, got)
			}
			if page < 1 || page > MostPages || size < 1 || size > MostPerPage {
				t.Errorf("%+v: asked for page %d of %d", c, page, size)
			}
			_, _ = fmt.Fprintf(w, `{"meta":{"total_count":%d,"is_end":%v},"documents":[`, c.total, page*size >= c.total)
			for i := (page - 1) * size; i < min(page*size, c.total); i++ {
				if i > (page-1)*size {
					_, _ = fmt.Fprint(w, ",")
				}
				_, _ = fmt.Fprintf(w, `{"address_name":"%d"}`, i)
			}
			_, _ = fmt.Fprint(w, `]}`)
		}))
		p := New(Options{BaseURL: server.URL})
		const decomposed = "\u110e\u116e\u11ab\u110e\u1165\u11ab" // as some systems write it
		got := search(t, p, providers.Address{Keyword: decomposed, Page: c.page, Size: c.size})
		if calls.Load() != c.calls || len(got.Items) != c.items {
			t.Errorf("%+v: %d calls, %d items", c, calls.Load(), len(got.Items))
		}
		for i, item := range got.Items {
			if want := strconv.Itoa((c.page-1)*c.size + i); item.JibunAddress != want {
				t.Errorf("%+v: item %d is %s", c, i, item.JibunAddress)
				break
			}
		}
		p.Close()
		server.Close()
	}
}

// FuzzAnswer: whatever comes, there is a classified error or a result that can
// be stored.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{sampleHits, sampleEmpty, sampleDenied, `{"code":-10}`, `{"meta":{},"documents":[null,{"x":1,"y":"1e999"}]}`} {
		f.Add(200, []byte(seed))
		f.Add(400, []byte(seed))
	}
	p := New(Options{})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		got, err := p.read(providers.HTTPAnswer{Status: status, Body: body})
		if err != nil {
			if _, isFault := err.(*fault.Error); !isFault { //nolint:errorlint // with nothing around it
				t.Errorf("unclassified: %v", err)
			}
			return
		}
		result := providers.AddressResult{Total: got.Meta.Total}
		for i := range got.Documents {
			result.Items = append(result.Items, got.Documents[i].item())
		}
		answer, err := providers.LookupAnswer(opSearch, result)
		if err != nil || bytes.Contains(answer.Result, []byte(`\u0000`)) {
			t.Errorf("result %s: %v", answer.Result, err)
		}
	})
}
