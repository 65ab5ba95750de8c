package nts

import (
	"io"
	"net/http"
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
	decodingKey = "ab+c/d=e"
	encodingKey = "ab%2Bc%2Fd%3De"

	sampleStatus = `{"status_code":"OK","request_cnt":2,"match_cnt":1,"data":[
		{"b_no":"1248100998","b_stt":"계속사업자","b_stt_cd":"01","tax_type":"부가가치세 일반과세자","tax_type_cd":"01","end_dt":"",
		 "utcc_yn":"N","tax_type_change_dt":"","invoice_apply_dt":"","rbf_tax_type":"해당없음","rbf_tax_type_cd":"99"},
		{"b_no":"0000000000","b_stt":"","b_stt_cd":"","tax_type":"국세청에 등록되지 않은 사업자등록번호입니다.","tax_type_cd":"","end_dt":"",
		 "utcc_yn":"","tax_type_change_dt":"","invoice_apply_dt":"","rbf_tax_type":"","rbf_tax_type_cd":""}]}`
	sampleClosed = `{"status_code":"OK","data":[{"b_no":"0000000001","b_stt":"폐업자","b_stt_cd":"03",
		"tax_type":"부가가치세 일반과세자","tax_type_cd":"01","end_dt":"20200131","utcc_yn":"N"}]}`
	sampleMatch = `{"request_cnt":1,"valid_cnt":1,"status_code":"OK","data":[{"b_no":"1248100998","valid":"01",
		"request_param":{"b_no":"1248100998","start_dt":"19690113","p_nm":"홍길동"},
		"status":{"b_no":"1248100998","b_stt":"계속사업자","b_stt_cd":"01","tax_type":"부가가치세 일반과세자","tax_type_cd":"01","end_dt":"","utcc_yn":"N"}}]}`
	sampleMismatch = `{"request_cnt":1,"status_code":"OK","data":[{"b_no":"1248100998","valid":"02","valid_msg":"확인할 수 없습니다.",
		"request_param":{"b_no":"1248100998","start_dt":"19690113","p_nm":"홍길동"}}]}`
)

var (
	samsung   = providers.Company{RegistrationNumber: "1248100998"}
	hong      = providers.Company{RegistrationNumber: "1248100998", Representative: "홍길동", OpenedOn: "1969-01-13"}
	nobody    = providers.Company{RegistrationNumber: "0000000000"}
	gone      = providers.Company{RegistrationNumber: "0000000001"}
	undated   = providers.Company{RegistrationNumber: "1248100998", Representative: "홍길동"}
	misdated  = providers.Company{RegistrationNumber: "1248100998", Representative: "홍길동", OpenedOn: "13.1.1969"}
	malformed = providers.Company{RegistrationNumber: "124-81-00998"}
)

func newProvider(t *testing.T, options Options) *Provider {
	t.Helper()
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
	if result.Source != "nts" || result.Stale || time.Since(result.AsOf) > time.Minute {
		t.Errorf("source %q, stale %v, as of %s", result.Source, result.Stale, result.AsOf)
	}
	return result
}

// wants compares what a result says, in the order of the arguments.
func wants(outcome providers.BusinessOutcome, status, taxType, closedOn, representative string) func(*testing.T, providers.Answer) {
	return func(t *testing.T, answer providers.Answer) {
		got := resultOf(t, answer)
		c := got.Company
		if got.Outcome != outcome || c.Status != status || c.TaxType != taxType || c.ClosedOn != closedOn || c.Representative != representative || c.RegistrationNumber == "" {
			t.Errorf("result = %+v", got)
		}
	}
}

// expect answers with a sample and holds the request to the vendor's form.
func expect(t *testing.T, path, request, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		if string(got) != request || r.URL.Path != path || r.URL.RawQuery != "serviceKey="+encodingKey+"&returnType=JSON" {
			t.Errorf("request: %s %s", r.URL, got)
		}
		providertest.Reply{Body: body}.ServeHTTP(w, r)
	})
}

func TestConformance(t *testing.T) {
	reply := func(status int, body string) providertest.Reply {
		return providertest.Reply{Status: status, Body: body}
	}
	providertest.Run(t, providertest.Suite[providers.Company]{
		New: func(t *testing.T, baseURL string) providers.Provider[providers.Company] {
			return newProvider(t, Options{BaseURL: baseURL, Key: decodingKey, Conns: 64})
		},
		Request: samsung, Personal: []string{"홍길동", "1248100998"}, Secrets: []string{decodingKey, encodingKey},
		Success: expect(t, "/api/nts-businessman/v1/status", `{"b_no":["1248100998"]}`, sampleStatus),
		Verify:  wants(providers.BusinessActive, "active", "부가가치세 일반과세자", "", ""),
		Cases: []providertest.Case[providers.Company]{
			{Name: "not registered", Answer: reply(200, sampleStatus), Request: &nobody, Verify: wants(providers.BusinessNotRegistered, "", "", "", "")},
			{Name: "closed", Answer: reply(200, sampleClosed), Request: &gone, Verify: wants(providers.BusinessClosed, "closed", "부가가치세 일반과세자", "2020-01-31", "")},
			{Name: "match", Request: &hong, Verify: wants(providers.BusinessMatch, "active", "부가가치세 일반과세자", "", "홍길동"),
				Answer: expect(t, "/api/nts-businessman/v1/validate", `{"businesses":[{"b_no":"1248100998","start_dt":"19690113","p_nm":"홍길동"}]}`, sampleMatch)},
			{Name: "mismatch", Answer: reply(200, sampleMismatch), Request: &hong, Verify: wants(providers.BusinessMismatch, "", "", "", "")},
			{Name: "opening date missing", Answer: reply(200, sampleMatch), Request: &undated, Want: fault.Invalid},
			{Name: "opening date wrong", Answer: reply(200, sampleMatch), Request: &misdated, Want: fault.Invalid},
			{Name: "number not in digits", Answer: reply(200, sampleStatus), Request: &malformed, Want: fault.Invalid},
			{Name: "key missing", Answer: reply(401, `{"code":-401,"msg":"인증키는 필수 항목 입니다."}`), Want: fault.Unauthorized, Code: "-401"},
			{Name: "key unknown as 400", Answer: reply(400, `{"code":-4,"msg":"등록되지 않은 인증키 입니다. ab+c/d=e"}`), Want: fault.Unauthorized, Code: "-4"},
			{Name: "key unknown as 401", Answer: reply(401, `{"code":-4,"msg":"HTTP ERROR 400"}`), Want: fault.Unauthorized, Code: "-4"},
			{Name: "key unknown as 200", Answer: reply(200, `{"code":-4,"msg":"등록되지 않은 인증키 입니다."}`), Want: fault.Unauthorized, Code: "-4"},
			{Name: "allowance", Answer: reply(400, `{"code":-10,"msg":"트래픽 허용 횟수를 초과하였습니다."}`), Want: fault.QuotaExhausted, Code: "-10"},
			{Name: "throttled with that code", Answer: reply(429, `{"code":-10,"msg":"트래픽 허용 횟수를 초과하였습니다."}`), Want: fault.RateLimited, Code: "-10"},
			{Name: "gateway failure", Answer: reply(400, `{"code":-1,"msg":"시스템 내부 오류"}`), Want: fault.Unavailable, Code: "-1"},
			{Name: "unknown gateway code", Answer: reply(400, `{"code":-77,"msg":"?"}`), Want: fault.Unavailable, Code: "-77"},
			{Name: "malformed", Answer: reply(411, `{"status_code":"REQUEST_DATA_MALFORMED"}`), Want: fault.Internal, Code: "REQUEST_DATA_MALFORMED"},
			{Name: "not JSON to them", Answer: reply(400, `{"status_code":"BAD_JSON_REQUEST"}`), Want: fault.Internal, Code: "BAD_JSON_REQUEST"},
			{Name: "too large", Answer: reply(413, `{"status_code":"TOO_LARGE_REQUEST"}`), Want: fault.Internal, Code: "TOO_LARGE_REQUEST"},
			{Name: "failure", Answer: reply(500, `{"status_code":"INTERNAL_ERROR"}`), Want: fault.Unavailable, Code: "INTERNAL_ERROR"},
			{Name: "failure as 200", Answer: reply(200, `{"status_code":"HTTP_ERROR"}`), Want: fault.Unavailable, Code: "HTTP_ERROR"},
			{Name: "failure without a body", Answer: reply(502, ``), Want: fault.Unavailable, Code: "HTTP 502"},
			{Name: "throttled", Answer: providertest.Reply{Status: 429, Header: map[string]string{"Retry-After": "3"}}, Want: fault.RateLimited, RetryAfter: 3 * time.Second},
			{Name: "about others only", Answer: reply(200, sampleClosed), Want: fault.Unavailable, Code: CodeMissing},
			{Name: "unknown state", Answer: reply(200, `{"data":[{"b_no":"1248100998","b_stt":"?","b_stt_cd":"09"}]}`), Want: fault.Unavailable},
			{Name: "state without code", Answer: reply(200, `{"data":[{"b_no":"1248100998","b_stt":"계속사업자"}]}`), Want: fault.Unavailable},
			{Name: "unknown comparison", Answer: reply(200, `{"data":[{"b_no":"1248100998","valid":"03"}]}`), Request: &hong, Want: fault.Unavailable},
			{Name: "no data", Answer: reply(200, `{"status_code":"OK"}`), Want: fault.Unavailable},
			{Name: "data of another form", Answer: reply(200, `{"status_code":"OK","data":{}}`), Want: fault.Unavailable},
		},
		Checks: []providertest.Case[providers.Company]{
			{Name: "key", Answer: reply(400, `{"code":-4}`), Want: fault.Unauthorized, Code: "-4"},
		},
	})
}

// TestKeyIsEncodedOnce: both forms that data.go.kr shows give the same query.
func TestKeyIsEncodedOnce(t *testing.T) {
	for key, want := range map[string]string{
		decodingKey: "serviceKey=" + encodingKey, encodingKey: "serviceKey=" + encodingKey,
		"0123abcd": "serviceKey=0123abcd", "100%": "serviceKey=100%25", "": "serviceKey=",
	} {
		if got := keyParam(key); got != want {
			t.Errorf("keyParam(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestServes(t *testing.T) {
	p := newProvider(t, Options{})
	defer p.Close()
	for _, c := range []struct {
		request providers.Company
		want    bool
	}{{samsung, true}, {hong, true}, {undated, false}} {
		if p.Serves(c.request) != c.want {
			t.Errorf("Serves(%+v) = %v", c.request, !c.want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, wrong := range []Options{{BatchMost: 101}, {BatchMost: -1}, {BatchWindow: -time.Second}} {
		if _, err := New(wrong); fault.Of(err) != fault.Invalid {
			t.Errorf("New(%+v): %v", wrong, err)
		}
	}
}
