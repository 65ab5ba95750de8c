package lookup_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/lookup"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) into(t *testing.T, target any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), target); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
}

// problem is what a client reads of a failure.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Field  string `json:"field"`
}

func call(t *testing.T, method, target, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(text)}
}

func (s *site) search(t *testing.T, query string, headers ...string) reply {
	t.Helper()
	return call(t, http.MethodGet, s.url+"/v1/addresses?"+query, "", headers...)
}

func TestSearch(t *testing.T) {
	s := newSite(t, lookup.Options{})
	keyword := "keyword=" + url.QueryEscape("춘천 중앙로")
	var first, second providers.AddressResult
	got := s.search(t, keyword+"&size=5")
	if got.into(t, &first); got.status != http.StatusOK || first.Total != 13 || len(first.Items) != 5 || first.Source != "juso" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers are %v", got.header)
	}
	item := first.Items[0]
	if len(item.PostalCode) != 5 || !strings.Contains(item.RoadAddress, "춘천시 중앙로") || item.JibunAddress == "" || item.Region.City != "춘천시" {
		t.Errorf("the first is %+v", item)
	}
	s.search(t, keyword+"&size=5&page=3").into(t, &second)
	if len(second.Items) != 3 || second.Page != 3 {
		t.Errorf("the third page has %d items, page %d", len(second.Items), second.Page)
	}
	// The same question in another spelling is answered from the cache.
	s.search(t, "keyword="+url.QueryEscape("  춘천   중앙로 ")+"&size=5").into(t, &second)
	if second.Source != "cache" || second.Stale || !second.AsOf.Equal(first.AsOf) {
		t.Errorf("asked again, the source is %s, stale %v, as of %s", second.Source, second.Stale, second.AsOf)
	}
	s.search(t, keyword+"&english=true").into(t, &second)
	if second.Items[0].EnglishAddress == "" {
		t.Errorf("no English address in %+v", second.Items[0])
	}
}

func TestSearchExplainsFailures(t *testing.T) {
	for _, c := range []struct {
		name, query, accept string
		status              int
		code, field, says   string
	}{
		{"nothing", "", "", 422, "invalid", "keyword", "검색어"},
		{"one syllable", "keyword=강", "ko", 422, "invalid", "keyword", "두 글자 이상"},
		{"one syllable in English", "keyword=강", "en-US,en;q=0.9,ko;q=0.5", 422, "invalid", "keyword", "at least two characters"},
		{"digits", "keyword=12345", "de, en;q=0.5", 422, "invalid", "keyword", "Numbers alone"},
		{"too many", "keyword=강원", "", 422, "invalid", "keyword", "결과가 너무 많습니다"},
		{"too vague", "keyword=강원도", "fr", 422, "invalid", "keyword", "포괄적"},
		{"long", "keyword=" + strings.Repeat("가", 300), "", 422, "invalid", "keyword", "검색어를 확인"},
		{"page", "keyword=춘천&page=x", "en", 422, "invalid", "page", "page number"},
		{"size", "keyword=춘천&size=1000", "en", 422, "invalid", "size", "1 to 100"},
		{"down", "keyword=모의오류", "", 503, "unavailable", "", "원활하지 않습니다"},
		{"cut", "keyword=모의절단", "en", 503, "unavailable", "", "busy"},
		{"hangs", "keyword=모의지연초과", "en", 504, "timeout", "", "busy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, lookup.Options{}) // the breakers of one failure are not another's
			got := s.search(t, strings.ReplaceAll(url.PathEscape(c.query), "%3D", "="), "Accept-Language", c.accept)
			var p problem
			got.into(t, &p)
			if got.status != c.status || p.Status != c.status || p.Code != c.code || p.Field != c.field || !strings.Contains(p.Detail, c.says) {
				t.Errorf("%d %s", got.status, got.body)
			}
			if got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("content type %q", got.header.Get("Content-Type"))
			}
			_, key := simulator.Credentials("juso")
			for _, inside := range []string{key, "E0008", "INTERNAL", "시스템에러", "127.0.0.1"} {
				if strings.Contains(got.body, inside) {
					t.Errorf("a person is shown %q: %s", inside, got.body)
				}
			}
		})
	}
}

func TestSearchRetriesInPlace(t *testing.T) {
	s := newSite(t, lookup.Options{})
	started := time.Now()
	got := s.search(t, "keyword="+url.QueryEscape("모의제한"))
	if took := time.Since(started); got.status != http.StatusOK || took > 3*time.Second {
		t.Errorf("%d after %s: %s", got.status, took, got.body)
	}
}

func TestClientsAreLimited(t *testing.T) {
	s := newSite(t, lookup.Options{Rate: 0.5, Burst: 3})
	for range 3 {
		if got := s.search(t, "keyword="+url.QueryEscape("원주시청")); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	got := s.search(t, "keyword="+url.QueryEscape("원주시청"), "Accept-Language", "en")
	var p problem
	if got.into(t, &p); got.status != http.StatusTooManyRequests || p.Code != "rate_limited" || got.header.Get("Retry-After") != "2" ||
		!strings.Contains(p.Detail, "too often") {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	if got := call(t, http.MethodPost, s.url+"/v1/addresses/resolve", `{}`); got.status != http.StatusTooManyRequests {
		t.Errorf("resolve is not limited: %d", got.status)
	}
	if got := call(t, http.MethodGet, s.url+"/postcode", ""); got.status != http.StatusOK {
		t.Errorf("the page is limited: %d", got.status)
	}
}

func TestResolve(t *testing.T) {
	s := newSite(t, lookup.Options{})
	resolve := func(body string) (answer struct {
		Verified bool                  `json:"verified"`
		Address  providers.AddressItem `json:"address"`
		Source   string                `json:"source"`
	}) {
		t.Helper()
		got := call(t, http.MethodPost, s.url+"/v1/addresses/resolve", body)
		if got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		got.into(t, &answer)
		return answer
	}
	for _, c := range []struct {
		name, body string
		verified   bool
	}{
		{"road", `{"postal_code":"24266","road_address":"강원특별자치도 춘천시 중앙로 1"}`, true},
		{"with its reference", `{"postal_code":"24266","road_address":"강원특별자치도  춘천시 중앙로 1 (봉의동)"}`, true},
		{"short province", `{"road_address":"강원 춘천시 중앙로 1"}`, true},
		{"lot", `{"jibun_address":"강원특별자치도 춘천시 봉의동 851-2"}`, true},
		{"another number", `{"road_address":"강원특별자치도 춘천시 중앙로 1000"}`, false},
		{"another postal code", `{"postal_code":"24999","road_address":"강원특별자치도 춘천시 중앙로 1"}`, false},
		{"another building", `{"road_address":"강원특별자치도 춘천시 중앙로 1","building_code":"9999999999999999999999999"}`, false},
		{"a street without a number", `{"road_address":"강원특별자치도 춘천시 중앙로"}`, false},
		{"made up", `{"postal_code":"00000","road_address":"없는도 없는시 없는로 7"}`, false},
	} {
		got := resolve(c.body)
		if got.Verified != c.verified || c.verified && got.Address.PostalCode != "24266" || !c.verified && got.Address.PostalCode != "" {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	// The other service knows it too.
	s.simulator.SetFault("juso", simulator.Fault{Outcome: simulator.Error, Rate: 1, Until: time.Now().Add(time.Hour)})
	if got := resolve(`{"postal_code":"26387","road_address":"강원특별자치도 원주시 시청로 1"}`); !got.Verified || got.Source != "kakao" {
		t.Errorf("%+v", got)
	}
	// Nobody can tell: that is no answer, and above all no "verified".
	s.simulator.SetFault("kakao", simulator.Fault{Outcome: simulator.Error, Rate: 1, Until: time.Now().Add(time.Hour)})
	got := call(t, http.MethodPost, s.url+"/v1/addresses/resolve", `{"road_address":"강원특별자치도 강릉시 강릉대로 33"}`)
	if got.status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, body := range []string{``, `{`, `[]`, `{"road_address":7}`, `{"verified":true}`, `{"road_address":"` + strings.Repeat("가", 10_000) + `"}`} {
		if got := call(t, http.MethodPost, s.url+"/v1/addresses/resolve", body); got.status != http.StatusBadRequest {
			t.Errorf("%.40q: %d", body, got.status)
		}
	}
	if got := call(t, http.MethodPost, s.url+"/v1/addresses/resolve", `{}`); got.status != http.StatusUnprocessableEntity {
		t.Errorf("nothing picked: %d", got.status)
	}
}

func TestOrigins(t *testing.T) {
	s := newSite(t, lookup.Options{Origins: []string{"https://portal.example.kr"}})
	allowed := s.search(t, "keyword="+url.QueryEscape("원주시청"), "Origin", "https://portal.example.kr")
	if got := allowed.header.Get("Access-Control-Allow-Origin"); got != "https://portal.example.kr" {
		t.Errorf("an allowed origin is told %q", got)
	}
	other := s.search(t, "keyword="+url.QueryEscape("원주시청"), "Origin", "https://evil.example")
	if got := other.header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("another origin is told %q", got)
	}
	asked := call(t, http.MethodOptions, s.url+"/v1/addresses/resolve", "", "Origin", "https://portal.example.kr", "Access-Control-Request-Method", "POST")
	if asked.status != http.StatusNoContent || !strings.Contains(asked.header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("%d %v", asked.status, asked.header)
	}
}

func TestPostcodePageHeaders(t *testing.T) {
	s := newSite(t, lookup.Options{Origins: []string{"https://portal.example.kr"}, Scripts: []string{"https://t1.kakaocdn.net/x/postcode.v2.js"}})
	first, second := call(t, http.MethodGet, s.url+"/postcode", ""), call(t, http.MethodGet, s.url+"/postcode?lang=en", "")
	policy := first.header.Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "'strict-dynamic'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
		"frame-ancestors https://portal.example.kr", "frame-src https://t1.kakaocdn.net https://postcode.map.kakao.com",
	} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %q: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || policy == second.header.Get("Content-Security-Policy") {
		t.Errorf("the policy is not strict, or its nonce is used twice: %s", policy)
	}
	if !strings.Contains(first.body, `<html lang="ko">`) || !strings.Contains(second.body, `<html lang="en">`) || !strings.Contains(second.body, "Find an address") {
		t.Error("the language is wrong")
	}
	alone := newSite(t, lookup.Options{})
	got := call(t, http.MethodGet, alone.url+"/postcode", "")
	if !strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || got.header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("without allowed origins the page may be framed: %v", got.header)
	}
	if _, err := lookup.NewPublic(nil, lookup.Options{Scripts: []string{"no address"}}); err == nil {
		t.Error("a script that is no address is taken")
	}
}

// Nothing is left running when a site has ended.
func TestPublicEnds(t *testing.T) {
	testkit.NoLeaks(t)
	public, err := lookup.NewPublic(nil, lookup.Options{Rate: 5, Burst: 20})
	if err != nil {
		t.Fatal(err)
	}
	public.Close()
}
