package nicednb

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
)

const (
	sampleToken = `{"dataHeader":{},"accessToken":"eyJ.t.k","tokenType":"Bearer","expiresIn":86400}`
	sampleFound = `{"dataHeader":{"resCd":"0000"},"dataBody":{"totalCount":"1","list01":[{"bizNo":"1248100998",
		"cmpNm":"예시전자(주)","ceoNm":"홍길동","zip":"16677","adr":"경기 수원시 영통구","dtlAdr":"삼성로 129","cmpSclNm":"대기업",
		"indNm":"예시업","cmpTypNm":"주식회사","telNo":"031-000-0000","faxTelNo":""}]}}`
	sampleNone  = `{"dataHeader":{},"dataBody":{"errorCode":"NOAG1001","errorMsg":"조회 결과 없음"}}`
	sampleOther = `{"dataHeader":{"resCd":"0000"},"dataBody":{"totalCount":"1","list01":[{"bizNo":"2208162517","cmpNm":"남의회사","ceoNm":"김민수"}]}}`
)

var (
	company  = providers.Company{RegistrationNumber: "1248100998"}
	person   = providers.Company{RegistrationNumber: "1248100998", Representative: "홍길동"}
	stranger = providers.Company{RegistrationNumber: "1248100998", Representative: "성춘향"}
)

func newProvider(t *testing.T, options Options) *Provider {
	t.Helper()
	options.AppKey, options.AppSecret = "app-key-51", "app-secret-77"
	p, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func resultOf(t *testing.T, answer providers.Answer) (result providers.BusinessResult) {
	t.Helper()
	if err := json.Unmarshal(answer.Result, &result, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("result %s: %v", answer.Result, err)
	}
	if result.Source != "nicednb" || result.Stale || time.Since(result.AsOf) > time.Minute {
		t.Errorf("source %q, stale %v, as of %s", result.Source, result.Stale, result.AsOf)
	}
	return result
}

func wants(outcome providers.BusinessOutcome) func(*testing.T, providers.Answer) {
	return func(t *testing.T, answer providers.Answer) {
		if got := resultOf(t, answer); got.Outcome != outcome || got.Company.RegistrationNumber != "1248100998" {
			t.Errorf("outcome = %s of %s, want %s", got.Outcome, got.Company.RegistrationNumber, outcome)
		}
	}
}

// searchWants answers a search and holds the request to what public client code
// sends.
func searchWants(t *testing.T, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		const want = `{"searchName":"BIZ_NO","searchValue":"1248100998","pageNum":"1","pageCount":"10"}`
		if string(got) != want || r.URL.Path != "/nice/bizinfo/v1.0/enterprise/general/search" || r.Header.Get("Authorization") != "Bearer eyJ.t.k" {
			t.Errorf("search request: %s %s %s", r.URL, r.Header, got)
		}
		providertest.Reply{Body: body}.ServeHTTP(w, r)
	})
}

func prelude(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != "/nice/oauth/v1.0/accesstoken" {
		return false
	}
	body, _ := io.ReadAll(r.Body)
	const want = `{"appKey":"app-key-51","appSecret":"app-secret-77","grantType":"client_credentials","scope":"oob"}`
	if len(body) > 0 && string(body) != want {
		http.Error(w, "token request: "+string(body), http.StatusTeapot)
		return true
	}
	providertest.Reply{Body: sampleToken}.ServeHTTP(w, r)
	return true
}

func TestConformance(t *testing.T) {
	reply := func(status int, body string) providertest.Reply {
		return providertest.Reply{Status: status, Body: body}
	}
	providertest.Run(t, providertest.Suite[providers.Company]{
		New: func(t *testing.T, baseURL string) providers.Provider[providers.Company] {
			return newProvider(t, Options{BaseURL: baseURL, Conns: 64, Codes: map[string]fault.Reason{"NOAG9001": fault.QuotaExhausted}})
		},
		Request: person, Personal: []string{"홍길동", "1248100998"},
		Secrets: []string{"app-key-51", "app-secret-77", "eyJ.t.k"},
		Success: searchWants(t, sampleFound), Prelude: prelude,
		Verify: func(t *testing.T, answer providers.Answer) {
			got := resultOf(t, answer)
			c := got.Company
			if got.Outcome != providers.BusinessMatch || c.Name != "예시전자(주)" || c.Representative != "홍길동" || c.PostalCode != "16677" ||
				c.Address != "경기 수원시 영통구 삼성로 129" || c.Phone != "031-000-0000" || c.Industry != "예시업" || c.Type != "주식회사" || c.Status != "" {
				t.Errorf("result = %+v", got)
			}
		},
		Cases: []providertest.Case[providers.Company]{
			{Name: "company", Answer: reply(200, sampleFound), Request: &company, Verify: wants(providers.BusinessFound)},
			{Name: "stranger", Answer: reply(200, sampleFound), Request: &stranger, Verify: wants(providers.BusinessMismatch)},
			{Name: "nothing found", Answer: reply(200, sampleNone), Verify: wants(providers.BusinessNotFound)},
			{Name: "other no-data code", Answer: reply(200, strings.Replace(sampleNone, "NOAG1001", "NOAG1201", 1)), Verify: wants(providers.BusinessNotFound)},
			{Name: "no data as 403", Answer: reply(403, sampleNone), Verify: wants(providers.BusinessNotFound)},
			{Name: "empty list", Answer: reply(200, `{"dataHeader":{},"dataBody":{"totalCount":"0","list01":[]}}`), Verify: wants(providers.BusinessNotFound)},
			{Name: "count as number, no list", Answer: reply(200, `{"dataBody":{"totalCount":0}}`), Verify: wants(providers.BusinessNotFound)},
			{Name: "another company", Answer: reply(200, sampleOther), Want: fault.Unavailable, Code: CodeEcho},
			{Name: "list without numbers", Answer: reply(200, `{"dataBody":{"list01":[{"cmpNm":"x"}]}}`), Want: fault.Unavailable, Code: CodeEcho},
			{Name: "no entitlement", Answer: reply(403, `{"dataHeader":{"resCd":"E403"}}`), Want: fault.Unauthorized, Code: "HTTP 403"},
			{Name: "token refused for ever", Answer: reply(401, `{}`), Want: fault.Unauthorized, Code: "HTTP 401"},
			{Name: "unknown code", Answer: reply(200, `{"dataBody":{"errorCode":"NOAG9999","errorMsg":"app-key-51"}}`), Want: fault.Unavailable, Code: "NOAG9999"},
			{Name: "configured code", Answer: reply(200, `{"dataBody":{"errorCode":"NOAG9001"}}`), Want: fault.QuotaExhausted, Code: "NOAG9001"},
			{Name: "sentence for a code", Answer: reply(200, `{"dataBody":{"errorCode":"no such 홍길동"}}`), Want: fault.Unavailable, Code: "unknown"},
			{Name: "no body", Answer: reply(200, `{"dataHeader":{"resCd":"0000"}}`), Want: fault.Unavailable},
			{Name: "list of another form", Answer: reply(200, `{"dataBody":{"list01":"홍길동"}}`), Want: fault.Unavailable},
			{Name: "failure", Answer: reply(500, `{"dataHeader":{"resCd":"9999"}}`), Want: fault.Unavailable, Code: "HTTP 500"},
			{Name: "wrong path", Answer: reply(404, ``), Want: fault.Unavailable, Code: "HTTP 404"},
			{
				Name: "throttled", Answer: providertest.Reply{Status: 429, Header: map[string]string{"Retry-After": "9"}},
				Want: fault.RateLimited, RetryAfter: 9 * time.Second,
			},
		},
		Checks: []providertest.Case[providers.Company]{
			{Name: "no entitlement", Answer: reply(403, `{}`), Want: fault.Unauthorized},
			{Name: "test key", Answer: reply(200, sampleOther), Want: fault.Unavailable, Code: CodeEcho},
		},
	})
}

// TestOptions: a contract with other paths, fields and codes.
func TestOptions(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		asked = append(asked, r.URL.Path+" "+string(body))
		mu.Unlock()
		if r.URL.Path == "/t" {
			_, _ = w.Write([]byte(`{"dataBody":{"accessToken":"t","expiresIn":"60"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"dataHeader":{"resCd":"OK"},"dataBody":{"bizNo":"124-81-00998","corpName":"","cmpEnm":"Sample","ceoNm":"홍길동","addr1":"강원","estbDate":"19690113","zip":1234}}`))
	})
	options := Options{
		Name: "nice2", BaseURL: server.URL + "/", TokenPath: "/t", DetailPath: "/d", SuccessCodes: []string{"OK"},
		Fields: map[string][]string{"name": {"corpName", "cmpEnm"}},
	}
	p := newProvider(t, options)
	defer p.Close()
	answer, err := p.Do(t.Context(), providers.Call[providers.Company]{Request: company})
	if err != nil {
		t.Fatal(err)
	}
	c := resultOf(t, answer).Company
	if p.Name() != "nice2" || c.Name != "Sample" || c.Address != "강원" || c.OpenedOn != "1969-01-13" || c.PostalCode != "1234" {
		t.Errorf("%s: %+v", p.Name(), c)
	}
	mu.Lock()
	if len(asked) != 2 || asked[1] != `/d {"bizNo":"1248100998"}` {
		t.Errorf("asked %q", asked)
	}
	mu.Unlock()

	options.SuccessCodes = []string{"0000"}
	p = newProvider(t, options)
	defer p.Close()
	_, err = p.Do(t.Context(), providers.Call[providers.Company]{Request: company})
	if e := fault.As(err); e == nil || e.Reason != fault.Unavailable || e.Code != "OK" {
		t.Errorf("other success code: %v", err)
	}
	for _, wrong := range []Options{
		{Fields: map[string][]string{"nmae": {"x"}}}, {Codes: map[string]fault.Reason{"X": "nonsense"}},
	} {
		if _, err := New(wrong); fault.Of(err) != fault.Invalid {
			t.Errorf("New(%+v): %v", wrong, err)
		}
	}
}
