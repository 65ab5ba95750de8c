package juso

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

func newServer(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

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
	_, key := simulator.Credentials("juso")
	return Options{BaseURL: s.URL("juso"), Key: key}
}

func TestOutcomes(t *testing.T) {
	options := simulated(t)
	providertest.RunOutcomes(t, providertest.Outcomes[providers.Address]{
		New: func(*testing.T) providers.Provider[providers.Address] { return New(options) },
		Request: func(outcome string) providers.Address {
			return providers.Address{Keyword: map[string]string{
				"success": "춘천 중앙로", "throttle": "모의제한", "error": "모의오류", "timeout": "모의지연초과", "drop": "모의절단", "slow": "모의느림",
			}[outcome]}
		},
	})
}

// TestSearch: the simulated service knows Gangwon, and refuses what the real
// one refuses.
func TestSearch(t *testing.T) {
	p := New(simulated(t))
	defer p.Close()
	do := func(request providers.Address) (providers.Answer, error) {
		return p.Do(t.Context(), providers.Call[providers.Address]{Request: request})
	}
	for _, city := range []string{"춘천", "강릉", "원주", "속초", "동해", "삼척", "태백", "홍천", "평창"} {
		answer, err := do(providers.Address{Keyword: city, Size: 100, English: true})
		if err != nil {
			t.Errorf("%s: %v", city, err)
			continue
		}
		got := resultOf(t, answer)
		if len(got.Items) < 20 || got.Total < len(got.Items) {
			t.Errorf("%s: %d of %d", city, len(got.Items), got.Total)
		}
		for _, item := range got.Items {
			if len(item.PostalCode) != 5 || item.PostalCode < "24000" || item.PostalCode > "26999" || !strings.Contains(item.RoadAddress, item.Region.City) ||
				!strings.Contains(item.JibunAddress, item.Region.Town) || !strings.HasSuffix(item.EnglishAddress, "Gangwon-do") ||
				len(item.Region.LegalCode) != 10 || len(item.Region.RoadCode) != 12 || len(item.BuildingCode) != 25 {
				t.Errorf("%s: %+v", city, item)
			}
		}
	}
	answer, err := do(providers.Address{Keyword: "강원특별자치도청"})
	if err != nil || resultOf(t, answer).Items[0].PostalCode != "24266" {
		t.Errorf("the provincial office: %s, %v", answer.Result, err)
	}
	if answer, err = do(providers.Address{Keyword: "모의없음"}); err != nil || len(resultOf(t, answer).Items) != 0 {
		t.Errorf("none: %s, %v", answer.Result, err)
	}
	for keyword, code := range map[string]string{"강": "E0008", "12345": "E0009", "강원도": "E0006", "강원": "E0015", "12-34": "E0012", strings.Repeat("가", 81): "E0010"} {
		if _, err := do(providers.Address{Keyword: keyword}); fault.Of(err) != fault.Invalid || fault.As(err).Code != code {
			t.Errorf("%q: %v, want %s", keyword, err, code)
		}
	}
	if answer, err := do(providers.Address{Keyword: "[춘천] select 중앙로 = 1"}); err != nil || len(resultOf(t, answer).Items) == 0 {
		t.Errorf("a keyword that needs cleaning: %s, %v", answer.Result, err)
	}
}

// TestPages: pages of the simulated service have no gap and no overlap.
func TestPages(t *testing.T) {
	p := New(simulated(t))
	defer p.Close()
	seen := map[string]bool{}
	total := -1
	for page := 1; total < 0 || len(seen) < total; page++ {
		answer, err := p.Do(t.Context(), providers.Call[providers.Address]{Request: providers.Address{Keyword: "속초", Page: page, Size: 7}})
		if err != nil {
			t.Fatal(err)
		}
		got := resultOf(t, answer)
		total = got.Total
		if len(got.Items) == 0 {
			t.Fatalf("page %d is empty after %d of %d", page, len(seen), total)
		}
		for _, item := range got.Items {
			if seen[item.BuildingCode] {
				t.Errorf("page %d repeats %s", page, item.RoadAddress)
			}
			seen[item.BuildingCode] = true
		}
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

// FuzzAnswer: whatever comes, there is a classified error or a result that can
// be stored.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{sampleEmpty, sampleError, sampleHits, `{"results":{"common":{"errorCode":"0","totalCount":"1"},"juso":[null,{"zipNo":1}]}}`} {
		f.Add(200, []byte(seed))
	}
	p := New(Options{})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		result, err := p.read(providers.HTTPAnswer{Status: status, Body: body}, providers.Address{Page: 1, English: true})
		if err != nil {
			if fault.Of(err) == fault.Internal {
				t.Errorf("unclassified: %v", err)
			}
			return
		}
		answer, err := providers.LookupAnswer(opSearch, result)
		if err != nil || result.Total < 0 || bytes.Contains(answer.Result, []byte(`\u0000`)) {
			t.Errorf("result %s: %v", answer.Result, err)
		}
	})
}

// FuzzKeyword: nothing that the vendor refuses is left, and cleaning again
// changes nothing.
func FuzzKeyword(f *testing.F) {
	f.Add("중앙로 1; DROP [x]")
	f.Add("se%lect or=or")
	f.Fuzz(func(t *testing.T, keyword string) {
		clean := CleanKeyword(keyword)
		if forbiddenRE.MatchString(clean) || sqlRE.MatchString(clean) || CleanKeyword(clean) != clean {
			t.Errorf("CleanKeyword(%q) = %q", keyword, clean)
		}
	})
}
