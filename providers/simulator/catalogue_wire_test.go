package simulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// lookups is a running simulator and what one request to it gave.
type lookups struct {
	*testing.T
	s      *Simulator
	header http.Header
}

func newLookups(t *testing.T) *lookups {
	t.Helper()
	s, err := Start(Options{SlowDelay: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &lookups{T: t, s: s, header: http.Header{}}
}

func (l *lookups) send(method, provider, path, body string) (int, string) {
	l.Helper()
	req, err := http.NewRequestWithContext(l.Context(), method, l.s.URL(provider)+path, strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	req.Header = l.header.Clone()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		l.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		l.Fatal(err)
	}
	return res.StatusCode, string(bytes.TrimSpace(text))
}

func (l *lookups) want(method, provider, path, body string, status int, part string) string {
	l.Helper()
	got, text := l.send(method, provider, path, body)
	if got != status || !strings.Contains(text, part) {
		l.Errorf("%s %s %s: %d %s, want %d with %s", method, path, body, got, text, status, part)
	}
	return text
}

func TestNiceProtocol(t *testing.T) {
	l := newLookups(t)
	const token, search = "/nice/oauth/v1.0/accesstoken", "/nice/bizinfo/v1.0/enterprise/general/search"
	const question = `{"searchName":"BIZ_NO","searchValue":"1248100998","pageNum":"1","pageCount":"10"}`
	user, secret := Credentials("nicednb")
	right := fmt.Sprintf(`{"appKey":%q,"appSecret":%q,"grantType":"client_credentials","scope":"oob"}`, user, secret)
	l.want("POST", "nicednb", token, `{}`, 400, "dataHeader")
	l.want("POST", "nicednb", token, strings.Replace(right, secret, "wrong", 1), 401, "dataHeader")
	l.want("GET", "nicednb", token, "", 405, "")
	l.want("POST", "nicednb", search, question, 401, "dataHeader")
	l.header.Set("Authorization", "Bearer made-up")
	l.want("POST", "nicednb", search, question, 401, "dataHeader")
	var given struct {
		Token string `json:"accessToken"`
		Type  string `json:"tokenType"`
		Life  int    `json:"expiresIn"`
	}
	if err := json.Unmarshal([]byte(l.want("POST", "nicednb", token, right, 200, "accessToken")), &given); err != nil || given.Type != "Bearer" || given.Life != 86400 {
		t.Fatalf("token = %+v, %v", given, err)
	}
	l.header.Set("Authorization", "Bearer "+given.Token)
	l.want("POST", "nicednb", search, question, 200, `"bizNo":"1248100998","cmpNm":"예시전자(주)","ceoNm":"홍길동"`)
	l.want("POST", "nicednb", search, strings.Replace(question, "1248100998", "101-81-90008", 1), 200, `"errorCode":"NOAG1001"`)
	l.want("POST", "nicednb", search, strings.Replace(question, "BIZ_NO", "CMP_NM", 1), 403, "dataHeader")
	l.want("POST", "nicednb", search, `no JSON`, 403, "dataHeader")
}

func TestNiceTokenEnds(t *testing.T) {
	now := time.Now()
	s, err := Start(Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	api := &niceAPI{Simulator: s, tokens: map[string]time.Time{"t": now.Add(time.Second)}}
	r := &http.Request{Header: http.Header{"Authorization": {"Bearer t"}}}
	if !api.authorised(r) {
		t.Error("a token that lives is refused")
	}
	api.tokens["t"] = now
	if api.authorised(r) {
		t.Error("a token that has ended is honoured")
	}
}

func TestNTSProtocol(t *testing.T) {
	l := newLookups(t)
	_, secret := Credentials("nts")
	key := "?serviceKey=" + url.QueryEscape(secret)
	const status, validate = "/api/nts-businessman/v1/status", "/api/nts-businessman/v1/validate"
	const question = `{"b_no":["1248100998"]}`
	l.want("POST", "nts", status, question, 401, `"code":-401`)
	l.want("POST", "nts", status+"?serviceKey=wrong", question, 400, `"code":-4`)
	l.want("POST", "nts", status+"?serviceKey="+url.QueryEscape(url.QueryEscape(secret)), question, 400, `"code":-4`)
	l.want("POST", "nts", status+key, `no JSON`, 400, "BAD_JSON_REQUEST")
	l.want("POST", "nts", status+key, `{"b_no":[]}`, 411, "REQUEST_DATA_MALFORMED")
	l.want("POST", "nts", validate+key, `{"businesses":[{"b_no":"1248100998"}]}`, 411, "REQUEST_DATA_MALFORMED")
	numbers := strings.TrimSuffix(strings.Repeat(`"1248100998",`, 101), ",")
	l.want("POST", "nts", status+key, `{"b_no":[`+numbers+`]}`, 413, "TOO_LARGE_REQUEST")
	l.want("POST", "nts", status+key, `{"b_no":["1248100998","0000000000"]}`, 200, `"match_cnt":1`)
	l.want("POST", "nts", status+key, `{"b_no":["124-81-00998"]}`, 200, `"b_stt_cd":"01"`)
	person := `{"businesses":[{"b_no":"1248100998","start_dt":"19690113","p_nm":"홍길동"}]}`
	l.want("POST", "nts", validate+key, person, 200, `"valid":"01"`)
	if text := l.want("POST", "nts", validate+key, strings.Replace(person, "0113", "0114", 1), 200, `"valid":"02"`); strings.Contains(text, `"status":`) || strings.Contains(text, "valid_cnt") {
		t.Errorf("a mismatch has neither status nor valid_cnt: %s", text)
	}
	l.header.Set("Authorization", "Infuser "+secret)
	l.want("POST", "nts", status, question, 200, `"b_stt_cd":"01"`)
}

// TestNTSShares: what a number asks for in mock mode does not befall those that
// share its call.
func TestNTSShares(t *testing.T) {
	l := newLookups(t)
	_, secret := Credentials("nts")
	path := "/api/nts-businessman/v1/status?serviceKey=" + url.QueryEscape(secret)
	const question = `{"b_no":["1018190003","1018190004","1018190005","1018190006","1018190007","1018190009","1248100998"]}`
	first := l.want("POST", "nts", path, question, 200, `"b_no":"1248100998"`)
	for number, want := range map[string]bool{"1018190003": false, "1018190004": false, "1018190005": false, "1018190006": false, "1018190007": true, "1018190009": true} {
		if strings.Contains(first, number) != want {
			t.Errorf("%s answered: %v, want %v: %s", number, !want, want, first)
		}
	}
	l.want("POST", "nts", path, question, 200, `"b_no":"1018190003"`) // throttled once
	l.want("POST", "nts", path, `{"b_no":["1018190004"]}`, 500, "INTERNAL_ERROR")
	l.s.SetFault("nts", Fault{Outcome: Throttle, Rate: 1, Until: time.Now().Add(time.Hour)})
	l.want("POST", "nts", path, question, 429, "code")
}

func TestJusoProtocol(t *testing.T) {
	l := newLookups(t)
	_, secret := Credentials("juso")
	ask := func(keyword, more string) string {
		return "/addrlink/addrLinkApi.do?confmKey=" + secret + "&resultType=json&keyword=" + url.QueryEscape(keyword) + more
	}
	l.want("GET", "juso", "/addrlink/addrLinkApi.do?keyword=x", "", 200, `"errorCode":"E0001"`)
	for keyword, code := range map[string]string{
		"": "E0005", "가": "E0008", "123": "E0009", "1-2": "E0012", "춘천 = 1": "E0013", "춘천 or 1": "E0013", "강원도": "E0006", "강원": "E0015",
		"모의오류": "-999", strings.Repeat("가", 81): "E0010",
	} {
		if text := l.want("GET", "juso", ask(keyword, ""), "", 200, `"errorCode":"`+code+`"`); !strings.Contains(text, `"juso":null`) {
			t.Errorf("%q: %s", keyword, text)
		}
	}
	l.want("GET", "juso", ask("모의없음", ""), "", 200, `"juso":[]`)
	l.want("GET", "juso", ask("모의제한", ""), "", 429, "")
	l.want("GET", "juso", ask("모의제한", ""), "", 200, `"totalCount":"1"`)
	l.want("GET", "juso", ask("춘천", "&currentPage=2&countPerPage=3"), "", 200, `"countPerPage":"3"`)
	l.header.Set("Content-Type", "application/x-www-form-urlencoded")
	form := url.Values{"confmKey": {secret}, "keyword": {"강원특별자치도청"}, "resultType": {"json"}}
	l.want("POST", "juso", "/addrlink/addrLinkApi.do", form.Encode(), 200, `"zipNo":"24266"`)
}

func TestKakaoProtocol(t *testing.T) {
	l := newLookups(t)
	_, secret := Credentials("kakao")
	const path = "/v2/local/search/address.json?query="
	l.want("GET", "kakao", path+"x", "", 401, `"errorType":"AccessDeniedError"`)
	l.header.Set("Authorization", "KakaoAK wrong")
	l.want("GET", "kakao", path+"x", "", 401, `wrong appKey(wrong) format`)
	l.header.Set("Authorization", "KakaoAK "+secret)
	l.want("GET", "kakao", path, "", 400, `"code":-2`)
	l.want("GET", "kakao", path+"x&size=31", "", 400, `"code":-2`)
	l.want("GET", "kakao", path+"x&page=46", "", 400, `"code":-2`)
	l.want("GET", "kakao", path+url.QueryEscape("모의오류"), "", 500, `"code":-1`)
	l.want("GET", "kakao", path+url.QueryEscape("모의제한"), "", 429, `"errorType":"RequestThrottled"`)
	l.want("GET", "kakao", path+url.QueryEscape("모의없음"), "", 200, `"documents":[]`)
	text := l.want("GET", "kakao", path+url.QueryEscape("강원특별자치도청"), "", 200, `"zone_no":"24266"`)
	if !strings.Contains(text, `"x":"127.73"`) || !strings.Contains(text, `"y":"37.8813"`) || !strings.Contains(text, `"is_end":true`) {
		t.Errorf("answer = %s", text)
	}
	l.want("GET", "kakao", path+url.QueryEscape("춘천")+"&size=3", "", 200, `"is_end":false`)
}
