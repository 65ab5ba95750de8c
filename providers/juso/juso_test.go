package juso

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sampleEmpty = `{"results":{"common":{"errorMessage":"정상","countPerPage":"10","totalCount":"0","errorCode":"0","currentPage":"1"},"juso":[]}}`
	sampleError = `{"results":{"common":{"errorMessage":"승인되지 않은 KEY 입니다.","countPerPage":"10","totalCount":"0","errorCode":"E0001","currentPage":"1"},"juso":null}}`
	sampleHits  = `{"results":{"common":{"errorMessage":"정상","countPerPage":"2","totalCount":"25","errorCode":"0","currentPage":"3"},"juso":[
		{"roadAddr":"강원특별자치도 춘천시 중앙로 1 (봉의동)","roadAddrPart1":"강원특별자치도 춘천시 중앙로 1","roadAddrPart2":"(봉의동)",
		 "jibunAddr":"강원특별자치도 춘천시 봉의동 15 강원특별자치도청","engAddr":"1 Jungang-ro, Chuncheon-si, Gangwon-do","zipNo":"24266",
		 "admCd":"5111010100","rnMgtSn":"511103223026","bdMgtSn":"5111010100100150000000001","detBdNmList":"본관, 신관,별관","bdNm":"강원특별자치도청",
		 "bdKdcd":"0","siNm":"강원특별자치도","sggNm":"춘천시","emdNm":"봉의동","liNm":"","rn":"중앙로","udrtYn":"0","buldMnnm":"1","buldSlno":"0",
		 "mtYn":"0","lnbrMnnm":"15","lnbrSlno":"0","emdNo":"01"},
		{"roadAddr":"강원특별자치도 홍천군 홍천읍 홍천로 12","roadAddrPart1":"","jibunAddr":"강원특별자치도 홍천군 홍천읍 희망리 3","zipNo":"25121",
		 "detBdNmList":"","bdNm":"무궁화아파트","bdKdcd":"1","siNm":"강원특별자치도","sggNm":"홍천군","emdNm":"홍천읍","liNm":"희망리","rn":"홍천로"}]}}`
)

var (
	office  = providers.Address{Keyword: "중앙로 1", Page: 3, Size: 2}
	english = providers.Address{Keyword: "중앙로 1", Page: 3, Size: 2, English: true}
	nothing = providers.Address{Keyword: "%[]= OR select"}
	plain   = providers.Address{Keyword: "없는길"}
)

func resultOf(t *testing.T, answer providers.Answer) (result providers.AddressResult) {
	t.Helper()
	if err := json.Unmarshal(answer.Result, &result, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("result %s: %v", answer.Result, err)
	}
	if result.Source != "juso" || result.Stale || time.Since(result.AsOf) > time.Minute || result.Items == nil {
		t.Errorf("result = %+v", result)
	}
	return result
}

// wants holds a result to the sample of hits.
func wants(english string) func(*testing.T, providers.Answer) {
	return func(t *testing.T, answer providers.Answer) {
		got := resultOf(t, answer)
		if got.Total != 25 || got.Page != 3 || len(got.Items) != 2 {
			t.Fatalf("result = %+v", got)
		}
		first := providers.AddressItem{
			PostalCode: "24266", RoadAddress: "강원특별자치도 춘천시 중앙로 1", JibunAddress: "강원특별자치도 춘천시 봉의동 15 강원특별자치도청",
			BuildingName: "강원특별자치도청", DetailHint: "본관, 신관, 별관", EnglishAddress: english, BuildingCode: "5111010100100150000000001",
			Region: providers.Region{
				Province: "강원특별자치도", City: "춘천시", Town: "봉의동", Road: "중앙로", LegalCode: "5111010100", RoadCode: "511103223026",
			},
		}
		if got.Items[0] != first {
			t.Errorf("first = %+v\n want %+v", got.Items[0], first)
		}
		second := got.Items[1]
		if second.RoadAddress != "강원특별자치도 홍천군 홍천읍 홍천로 12" || second.DetailHint != "동·호수" || second.Region.Village != "희망리" {
			t.Errorf("second = %+v", second)
		}
	}
}

// vendor answers hits and holds the request to the vendor's form.
func vendor(t *testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, "key") {
			t.Errorf("the key travels in the URL: %s", r.URL)
		}
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		got := fmt.Sprint(r.URL.Path, r.PostForm)
		if got != "/addrlink/addrLinkApi.do"+"map[confmKey:[juso-key-19] countPerPage:[2] currentPage:[3] keyword:[중앙로 1] resultType:[json]]" && r.PostForm.Get("countPerPage") == "2" {
			t.Errorf("request = %s", got)
		}
		providertest.Reply{Body: sampleHits}.ServeHTTP(w, r)
	})
}

func TestConformance(t *testing.T) {
	reply := func(status int, body string) providertest.Reply {
		return providertest.Reply{Status: status, Body: body}
	}
	refusal := func(code string) providertest.Reply {
		return reply(200, strings.Replace(strings.Replace(sampleError, "E0001", code, 1), "승인되지 않은 KEY 입니다.", "juso-key-19 중앙로 1", 1))
	}
	cases := []providertest.Case[providers.Address]{
		{Name: "English", Answer: vendor(t), Request: &english, Verify: wants("1 Jungang-ro, Chuncheon-si, Gangwon-do")},
		{Name: "nothing found", Answer: reply(200, sampleEmpty), Request: &plain, Verify: func(t *testing.T, answer providers.Answer) {
			if got := resultOf(t, answer); got.Total != 0 || got.Page != 1 || len(got.Items) != 0 {
				t.Errorf("result = %+v", got)
			}
		}},
		{Name: "nothing found as null", Answer: reply(200, strings.Replace(sampleEmpty, "[]", "null", 1)), Request: &plain, Verify: func(t *testing.T, answer providers.Answer) {
			resultOf(t, answer)
		}},
		{Name: "nothing left of the keyword", Answer: vendor(t), Request: &nothing, Want: fault.Invalid, Code: "E0005"},
		{Name: "numbers as numbers", Answer: reply(200, `{"results":{"common":{"totalCount":0,"errorCode":0},"juso":[]}}`), Request: &plain, Verify: func(t *testing.T, answer providers.Answer) {
			resultOf(t, answer)
		}},
		{Name: "key", Answer: reply(200, sampleError), Want: fault.Unauthorized, Code: "E0001"},
		{Name: "key has ended", Answer: refusal("E0014"), Want: fault.Unauthorized, Code: "E0014"},
		{Name: "system", Answer: refusal("-999"), Want: fault.Unavailable, Code: "-999"},
		{Name: "unknown code", Answer: refusal("E7777"), Want: fault.Unavailable, Code: "E7777"},
		{Name: "sentence for a code", Answer: refusal("no such juso-key-19"), Want: fault.Unavailable, Code: "unknown"},
		{Name: "no results", Answer: reply(200, `{}`), Want: fault.Unavailable},
		{Name: "no code", Answer: reply(200, `{"results":{"common":{},"juso":[]}}`), Want: fault.Unavailable},
		{Name: "count is no number", Answer: reply(200, strings.Replace(sampleHits, `"25"`, `"many"`, 1)), Want: fault.Unavailable},
		{Name: "negative count", Answer: reply(200, strings.Replace(sampleHits, `"25"`, `"-1"`, 1)), Want: fault.Unavailable},
		{Name: "failure", Answer: reply(502, ``), Want: fault.Unavailable, Code: "HTTP 502"},
		{Name: "throttled", Answer: providertest.Reply{Status: 429, Header: map[string]string{"Retry-After": "4"}}, Want: fault.RateLimited, RetryAfter: 4 * time.Second},
	}
	for _, code := range []string{"E0005", "E0006", "E0008", "E0009", "E0010", "E0011", "E0012", "E0013", "E0015"} {
		cases = append(cases, providertest.Case[providers.Address]{Name: code, Answer: refusal(code), Want: fault.Invalid, Code: code})
	}
	providertest.Run(t, providertest.Suite[providers.Address]{
		New: func(_ *testing.T, baseURL string) providers.Provider[providers.Address] {
			return New(Options{BaseURL: baseURL, Key: "juso-key-19", Conns: 64})
		},
		Request: office, Personal: []string{"중앙로 1"}, Secrets: []string{"juso-key-19"},
		Success: vendor(t), Verify: wants(""), Cases: cases,
		Checks: []providertest.Case[providers.Address]{{Name: "key", Answer: reply(200, sampleError), Want: fault.Unauthorized}},
	})
}

// TestKeywordFaults: a person learns which field and, by code, why.
func TestKeywordFaults(t *testing.T) {
	for text, known := range codes {
		e := coded(text)
		if e.Reason != known.reason || e.Code != text || (e.Reason == fault.Invalid) != (e.Field == "keyword") || e.Message == "" {
			t.Errorf("%s = %+v", text, e)
		}
	}
}

func TestCleanKeyword(t *testing.T) {
	for keyword, want := range map[string]string{
		"  강원특별자치도청 ": "강원특별자치도청", "중앙로 1 [봉의동]": "중앙로 1 봉의동", "a=b%c<d>e": "a b c d e",
		"중앙로 1; DROP TABLE x": "중앙로 1; TABLE x", "Seoraksan-ro": "Seoraksan-ro", "select": "", "OR춘천": "춘천", "춘천 or 강릉": "춘천 강릉",
		"Union street": "street", "\x00춘천\n": "춘천", "\xff춘천": "춘천", "": "", "%%": "",
		"\u110e\u116e\u11ab\u110e\u1165\u11ab": "춘천", // decomposed, as some systems write it
	} {
		if got := CleanKeyword(keyword); got != want {
			t.Errorf("CleanKeyword(%q) = %q, want %q", keyword, got, want)
		}
	}
}

func TestPaging(t *testing.T) {
	for _, c := range []struct{ page, size, wantPage, wantSize int }{{0, 0, 1, 10}, {-1, -5, 1, 10}, {7, 100, 7, 100}, {1, 500, 1, 100}} {
		server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.FormValue("currentPage") + " " + r.FormValue("countPerPage"); got != fmt.Sprint(c.wantPage, c.wantSize) {
				t.Errorf("%+v: asked for %s", c, got)
			}
			_, _ = w.Write([]byte(sampleEmpty))
		})
		p := New(Options{BaseURL: server})
		answer, err := p.Do(t.Context(), providers.Call[providers.Address]{Request: providers.Address{Keyword: "춘천", Page: c.page, Size: c.size}})
		if err != nil || resultOf(t, answer).Page != c.wantPage {
			t.Errorf("%+v: %v", c, err)
		}
		p.Close()
	}
}
