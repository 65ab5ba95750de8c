package kakao

import (
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
	sampleDocument = `{"address_name":"서울 강남구 강남대로 390","address_type":"ROAD_ADDR","x":"127.028578846319","y":"37.4978399531903",
		"address":{"address_name":"서울 강남구 역삼동 825","region_1depth_name":"서울","region_2depth_name":"강남구","region_3depth_name":"역삼동",
			"b_code":"1168010100","h_code":"1168064000"},
		"road_address":{"address_name":"서울 강남구 강남대로 390","road_name":"강남대로","building_name":"미진프라자","zone_no":"06232"}}`
	sampleLot = `{"address_name":"강원특별자치도 춘천시 동내면 거두리 1","address_type":"REGION_ADDR","x":"127.76","y":"37.85",
		"address":{"address_name":"강원특별자치도 춘천시 동내면 거두리 1","region_1depth_name":"강원특별자치도","region_2depth_name":"춘천시",
			"region_3depth_name":"동내면 거두리","b_code":"5111025023"},"road_address":null}`
	sampleRoad = `{"address_name":"강원특별자치도 춘천시 중앙로","address_type":"ROAD","x":"0","y":"","address":null,
		"road_address":{"address_name":"강원특별자치도 춘천시 중앙로","region_1depth_name":"강원특별자치도","region_2depth_name":"춘천시","region_3depth_name":"","zone_no":""}}`
	sampleRegion = `{"address_name":"강원특별자치도 춘천시","address_type":"REGION","x":"NaN","y":"37.8","address":null,"road_address":null}`
	sampleEmpty  = `{"meta":{"total_count":0,"pageable_count":0,"is_end":true},"documents":[]}`
	sampleDenied = `{"errorType":"AccessDeniedError","message":"wrong appKey(kakao-key-88) format"}`
)

var sampleHits = `{"meta":{"total_count":31,"pageable_count":31,"is_end":false},"documents":[` +
	strings.Join([]string{sampleDocument, sampleLot, sampleRoad, sampleRegion}, ",") + `]}`

var (
	gangnam = providers.Address{Keyword: "강남대로 390", Page: 2, Size: 4}
	nothing = providers.Address{Keyword: " \x00\t"}
	plain   = providers.Address{Keyword: "없는길"}
)

func resultOf(t *testing.T, answer providers.Answer) (result providers.AddressResult) {
	t.Helper()
	if err := json.Unmarshal(answer.Result, &result, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("result %s: %v", answer.Result, err)
	}
	if result.Source != "kakao" || result.Stale || time.Since(result.AsOf) > time.Minute || result.Items == nil {
		t.Errorf("result = %+v", result)
	}
	return result
}

func wantsHits(t *testing.T, answer providers.Answer) {
	got := resultOf(t, answer)
	want := []providers.AddressItem{
		{
			PostalCode: "06232", RoadAddress: "서울 강남구 강남대로 390", JibunAddress: "서울 강남구 역삼동 825", BuildingName: "미진프라자",
			Region:   providers.Region{Province: "서울", City: "강남구", Town: "역삼동", Road: "강남대로", LegalCode: "1168010100"},
			Latitude: 37.4978399531903, Longitude: 127.028578846319,
		},
		{
			JibunAddress: "강원특별자치도 춘천시 동내면 거두리 1", Latitude: 37.85, Longitude: 127.76,
			Region: providers.Region{Province: "강원특별자치도", City: "춘천시", Town: "동내면", Village: "거두리", LegalCode: "5111025023"},
		},
		{RoadAddress: "강원특별자치도 춘천시 중앙로", Region: providers.Region{Province: "강원특별자치도", City: "춘천시"}},
		{JibunAddress: "강원특별자치도 춘천시"},
	}
	if got.Total != 31 || got.Page != 2 || len(got.Items) != len(want) {
		t.Fatalf("result = %+v", got)
	}
	for i := range want {
		if got.Items[i] != want[i] {
			t.Errorf("item %d = %+v\n     want %+v", i, got.Items[i], want[i])
		}
	}
}

// vendor answers hits and holds the request to the vendor's form.
func vendor(t *testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/v2/local/search/address.json" || r.Header.Get("Authorization") != "KakaoAK kakao-key-88" {
			t.Errorf("request = %s %s %s", r.Method, r.URL, r.Header)
		}
		if q := r.URL.Query(); q.Get("query") == "강남대로 390" && q.Encode() != "analyze_type=similar&page=2&query=%EA%B0%95%EB%82%A8%EB%8C%80%EB%A1%9C+390&size=4" {
			t.Errorf("query = %s", q.Encode())
		}
		providertest.Reply{Body: sampleHits}.ServeHTTP(w, r)
	})
}

func TestConformance(t *testing.T) {
	reply := func(status int, body string) providertest.Reply {
		return providertest.Reply{Status: status, Body: body}
	}
	cases := []providertest.Case[providers.Address]{
		{Name: "nothing found", Answer: reply(200, sampleEmpty), Request: &plain, Verify: func(t *testing.T, answer providers.Answer) {
			if got := resultOf(t, answer); got.Total != 0 || got.Page != 1 || len(got.Items) != 0 {
				t.Errorf("result = %+v", got)
			}
		}},
		{Name: "empty keyword", Answer: vendor(t), Request: &nothing, Want: fault.Invalid, Code: "-2"},
		{Name: "key", Answer: reply(401, sampleDenied), Want: fault.Unauthorized, Code: "AccessDeniedError"},
		{Name: "other shape of the key", Answer: reply(401, `{"code":-401,"msg":"this access token does not exist"}`), Want: fault.Unauthorized, Code: "-401"},
		{Name: "not switched on", Answer: reply(403, `{"code":-3,"msg":"kakao-key-88"}`), Want: fault.Unauthorized, Code: "-3"},
		{Name: "allowance", Answer: reply(400, `{"code":-10,"msg":"API limit has been exceeded."}`), Want: fault.QuotaExhausted, Code: "-10"},
		{
			Name: "throttled", Answer: providertest.Reply{Status: 429, Body: `{"code":-10,"msg":"API limit has been exceeded."}`, Header: map[string]string{"Retry-After": "5"}},
			Want: fault.RateLimited, Code: "-10", RetryAfter: 5 * time.Second,
		},
		{Name: "throttled in the other shape", Answer: reply(429, `{"errorType":"RequestThrottled","message":"x"}`), Want: fault.RateLimited, Code: "RequestThrottled"},
		{Name: "parameter", Answer: reply(400, `{"code":-2,"msg":"강남대로 390"}`), Want: fault.Invalid, Code: "-2"},
		{Name: "parameter in the other shape", Answer: reply(400, `{"errorType":"MissingParameter","message":"query"}`), Want: fault.Invalid, Code: "MissingParameter"},
		{Name: "header", Answer: reply(400, `{"code":-8,"msg":"x"}`), Want: fault.Internal, Code: "-8"},
		{Name: "maintenance", Answer: reply(503, `{"code":-9798,"msg":"x"}`), Want: fault.Unavailable, Code: "-9798"},
		{Name: "internal", Answer: reply(400, `{"code":-1,"msg":"x"}`), Want: fault.Unavailable, Code: "-1"},
		{Name: "unknown code", Answer: reply(400, `{"code":-7777,"msg":"x"}`), Want: fault.Unavailable, Code: "-7777"},
		{Name: "unknown type", Answer: reply(400, `{"errorType":"Strange","message":"x"}`), Want: fault.Unavailable, Code: "Strange"},
		{Name: "sentence for a type", Answer: reply(500, `{"errorType":"kakao-key-88 failed","message":"x"}`), Want: fault.Unavailable, Code: "HTTP 500"},
		{Name: "failure without a body", Answer: reply(502, ``), Want: fault.Unavailable, Code: "HTTP 502"},
		{Name: "error as 200", Answer: reply(200, `{"code":-10,"msg":"x"}`), Want: fault.QuotaExhausted, Code: "-10"},
		{Name: "no meta", Answer: reply(200, `{"documents":[]}`), Want: fault.Unavailable},
		{Name: "negative count", Answer: reply(200, `{"meta":{"total_count":-1},"documents":[]}`), Want: fault.Unavailable},
	}
	providertest.Run(t, providertest.Suite[providers.Address]{
		New: func(_ *testing.T, baseURL string) providers.Provider[providers.Address] {
			return New(Options{BaseURL: baseURL, Key: "kakao-key-88", Conns: 64})
		},
		Request: gangnam, Personal: []string{"강남대로 390", "%EA%B0%95%EB%82%A8"}, Secrets: []string{"kakao-key-88"},
		Success: vendor(t), Verify: wantsHits, Cases: cases,
		Checks: []providertest.Case[providers.Address]{{Name: "key", Answer: reply(401, sampleDenied), Want: fault.Unauthorized}},
	})
}

func TestCoordinates(t *testing.T) {
	for _, c := range []struct {
		y, x string
		ok   bool
	}{
		{"37.8813", "127.73", true}, {"33.1", "124.6", true}, {"", "127", false}, {"37", "", false}, {"NaN", "127", false}, {"37", "Inf", false},
		{"127.73", "37.88", false}, {"0", "0", false}, {"37,8", "127", false},
	} {
		if y, x := coordinates(c.y, c.x); (y != 0 && x != 0) != c.ok || (y == 0) != (x == 0) {
			t.Errorf("coordinates(%q, %q) = %v, %v", c.y, c.x, y, x)
		}
	}
}
