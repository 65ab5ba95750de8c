package sens

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
)

const requestID = "RSSA-1523343511123-1111-kkkkk-abcdefg"

var (
	accepted = providertest.Reply{Status: http.StatusAccepted, Body: `{"requestId":"` + requestID + `","requestTime":"2026-03-01T09:00:00.000","statusCode":"202","statusName":"success"}`}
	sms      = providers.SMS{To: "+821012345678", Text: "홍길동님, 접수되었습니다."}
)

func options(baseURL string) Options {
	return Options{
		BaseURL: baseURL, ServiceID: "ncp:sms:kr:123456789012:portal", AccessKey: "conformanceAccessKey",
		SecretKey: "conformanceSecretKey", From: "033-249-0000",
	}
}

func open(t *testing.T, o Options) *Driver {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// gateway is an error of the API gateway.
func gateway(status int, code string) providertest.Reply {
	return providertest.Reply{Status: status, Body: fmt.Sprintf(`{"error":{"errorCode":%s,"message":"01012345678 홍길동"}}`, code)}
}

func list(more, items string) providertest.Reply {
	return providertest.Reply{Body: `{"statusCode":"202","statusName":"success",` + more + `"messages":` + items + `}`}
}

func listedAs(to, from, content string) string {
	return fmt.Sprintf(`{"requestId":%q,"messageId":"m1","to":%q,"from":%q,"content":%q,"status":"COMPLETED","statusCode":"0"}`, requestID, to, from, content)
}

func TestConformance(t *testing.T) {
	type c = providertest.Case[providers.SMS]
	confirmed := func(t *testing.T, answer providers.Answer) {
		if answer.MessageID != requestID {
			t.Errorf("MessageID = %q", answer.MessageID)
		}
	}
	ours := listedAs("01012345678", "0332490000", sms.Text)
	providertest.Run(t, providertest.Suite[providers.SMS]{
		New: func(t *testing.T, baseURL string) providers.Provider[providers.SMS] {
			return open(t, options(baseURL))
		},
		Request: sms, Sends: true, Success: accepted, Verify: confirmed,
		Secrets:  []string{"conformanceAccessKey", "conformanceSecretKey"},
		Personal: []string{"01012345678", "+821012345678", "821012345678", "홍길동", sms.Text},
		Cases: []c{
			{Name: "malformed", Answer: gateway(400, `"100"`), Want: fault.Refused, Code: "400/100"},
			{Name: "refused by the service", Answer: providertest.Reply{Status: 400, Body: `{"status":400,"error":"Bad Request","errors":["01012345678"]}`}, Want: fault.Refused, Code: "400"},
			{Name: "wrong signature", Answer: gateway(401, `"200"`), Want: fault.Unauthorized, Code: "401/200"},
			{Name: "no permission", Answer: gateway(401, `210`), Want: fault.Unauthorized, Code: "401/210"},
			{Name: "forbidden", Answer: providertest.Reply{Status: 403}, Want: fault.Unauthorized, Code: "403"},
			{Name: "unknown service", Answer: gateway(404, `"300"`), Want: fault.Unauthorized, Code: "404/300"},
			{Name: "quota", Answer: gateway(429, `"400"`), Want: fault.QuotaExhausted, Code: "429/400"},
			{Name: "throttle", Answer: gateway(429, `"410"`), Want: fault.RateLimited, Code: "429/410"},
			{Name: "rate", Answer: providertest.Reply{Status: 429, Header: map[string]string{"Retry-After": "7"}, Body: gateway(429, `"420"`).Body}, Want: fault.RateLimited, Code: "429/420", RetryAfter: 7 * time.Second},
			{Name: "429 of the service", Answer: providertest.Reply{Status: 429}, Want: fault.RateLimited},
			{Name: "too large", Answer: gateway(413, `"430"`), Want: fault.Refused, Code: "413/430"},
			{Name: "endpoint error", Answer: gateway(503, `"500"`), Want: fault.Unavailable, Code: "503/500"},
			{Name: "endpoint time-out", Answer: gateway(504, `"510"`), Want: fault.UnknownOutcome, Code: "504/510"},
			{Name: "unexpected", Answer: gateway(500, `"900"`), Want: fault.Unavailable, Code: "500/900"},
			{Name: "unknown gateway code", Answer: gateway(500, `"홍길동"`), Want: fault.Unavailable, Code: "500"},
			{Name: "500", Answer: providertest.Reply{Status: 500, Body: "oops"}, Want: fault.Unavailable},
			{Name: "502", Answer: providertest.Reply{Status: 502, Body: "<html>"}, Want: fault.UnknownOutcome},
			{Name: "504", Answer: providertest.Reply{Status: 504}, Want: fault.UnknownOutcome},
			{Name: "fail in 202", Answer: providertest.Reply{Status: 202, Body: `{"requestId":"R","statusCode":"400","statusName":"fail"}`}, Want: fault.Refused, Code: "400"},
			{Name: "no request id", Answer: providertest.Reply{Status: 202, Body: `{"statusCode":"202","statusName":"success"}`}, Want: fault.UnknownOutcome},
			{Name: "JSON of another service", Answer: providertest.Reply{Body: `{"ok":true}`}, Want: fault.UnknownOutcome},
			{Name: "too long", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: sms.To, Text: strings.Repeat("가", 1001)}, Want: fault.Invalid},
			{Name: "emoji", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: sms.To, Text: "😀"}, Want: fault.Invalid},
			{Name: "no E.164", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: "01012345678", Text: "가"}, Want: fault.Invalid},
			{Name: "long text abroad", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: "+14155552671", Text: strings.Repeat("a", 91)}, Want: fault.Invalid},
		},
		Health: list("", "[]"),
		Checks: []c{
			{Name: "wrong signature", Answer: gateway(401, `"200"`), Want: fault.Unauthorized},
			{Name: "unknown service", Answer: gateway(404, `"300"`), Want: fault.Unauthorized},
			{Name: "endpoint time-out", Answer: gateway(504, `"510"`), Want: fault.Unavailable},
			{Name: "another service", Answer: providertest.Reply{Body: `{"ok":true}`}, Want: fault.Unavailable},
			{Name: "a page", Answer: providertest.Reply{Body: `<html>`}, Want: fault.Unavailable},
		},
		Confirms: []c{
			{Name: "listed with its text", Answer: list("", `[`+ours+`]`), Verify: confirmed},
			{Name: "behind others", Answer: list("", `[`+listedAs("01012345678", "0332490000", "다른 글")+`,`+ours+`]`), Verify: confirmed},
			{Name: "nothing", Answer: list("", `[]`), Want: fault.NotFound},
			{Name: "another text", Answer: list("", `[`+listedAs("01012345678", "0332490000", "다른 글")+`]`), Want: fault.NotFound},
			{Name: "another number", Answer: list("", `[`+listedAs("01012345679", "0332490000", sms.Text)+`]`), Want: fault.NotFound},
			{Name: "another sender", Answer: list("", `[`+listedAs("01012345678", "0332490001", sms.Text)+`]`), Want: fault.NotFound},
			{Name: "endless", Answer: list(`"hasMore":true,"nextToken":"t",`, `[]`), Want: fault.Unavailable},
			{Name: "more without a way to it", Answer: list(`"hasMore":true,`, `[]`), Want: fault.Unavailable},
			{Name: "too many to open", Answer: list("", `[`+strings.TrimSuffix(strings.Repeat(listedAs("01012345678", "0332490000", "")+`,`, 30), ",")+`]`), Want: fault.Unavailable},
			{Name: "no list", Answer: providertest.Reply{Body: `{"statusCode":"202"}`}, Want: fault.Unavailable},
			{Name: "failing", Answer: gateway(500, `"900"`), Want: fault.Unavailable},
			{Name: "gateway", Answer: providertest.Reply{Status: 504}, Want: fault.Unavailable},
		},
	})
}

// The vendor publishes no vector; these were computed with openssl from the
// documented procedure.
func TestSignatureVector(t *testing.T) {
	for _, c := range []struct {
		method, url, stamp, key string
		want                    string
	}{
		{"POST", "/sms/v2/services/ncp:sms:kr:123456789012:portal/messages", "1700000000000", "testAccessKey", "ccDrwHfDPdxGesTkLNFPRicEDet2wlUgBloUxLNZQ8c="},
		{"GET", "/photos/puppy.jpg?query1=&query2", "1521787414578", "D78BB444D6D3C84CA38A", "WPjmi7/wuQ7S+jAh89S6vR18rrIUPhisZ7y6ma+nhrk="},
	} {
		var stamp int64
		if _, err := fmt.Sscan(c.stamp, &stamp); err != nil {
			t.Fatal(err)
		}
		if got := signature("testSecretKey", c.method, c.url, stamp, c.key); got != c.want {
			t.Errorf("%s %s: signature = %s, want %s", c.method, c.url, got, c.want)
		}
	}
}

// TestRequests: path, headers and body, and that what is signed is what is sent.
func TestRequests(t *testing.T) {
	for name, c := range map[string]struct {
		sms  providers.SMS
		want string
	}{
		"short": {providers.SMS{To: "+821012345678", Text: "1–2"},
			`{"type":"SMS","contentType":"COMM","countryCode":"82","from":"0332490000","content":"1-2","messages":[{"to":"01012345678"}]}`},
		"subject": {providers.SMS{To: "+821012345678", From: "1588-1234", Subject: "안내", Text: "가"},
			`{"type":"LMS","contentType":"COMM","countryCode":"82","from":"15881234","subject":"안내","content":"가","messages":[{"to":"01012345678"}]}`},
		"advertisement": {providers.SMS{To: "+821012345678", Text: "(광고)가", Marketing: true},
			`{"type":"SMS","contentType":"AD","countryCode":"82","from":"0332490000","content":"(광고)가","messages":[{"to":"01012345678"}]}`},
		"abroad": {providers.SMS{To: "+14155552671", Text: "hi"},
			`{"type":"SMS","contentType":"COMM","countryCode":"1","from":"0332490000","content":"hi","messages":[{"to":"4155552671"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 2)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				var stamp int64
				_, _ = fmt.Sscan(r.Header.Get("x-ncp-apigw-timestamp"), &stamp)
				got <- r.Method + " " + r.RequestURI + " " + string(body)
				got <- signature("conformanceSecretKey", r.Method, r.RequestURI, stamp, r.Header.Get("x-ncp-iam-access-key")) + " " + r.Header.Get("x-ncp-apigw-signature-v2")
				accepted.ServeHTTP(w, r)
			}))
			defer server.Close()
			d := open(t, options(server.URL))
			defer d.Close()
			if _, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: uuid.New(), Request: c.sms}); err != nil {
				t.Fatal(err)
			}
			if request, want := <-got, "POST /sms/v2/services/ncp:sms:kr:123456789012:portal/messages "+c.want; request != want {
				t.Errorf("request\n%s\nwant\n%s", request, want)
			}
			if a, b, _ := strings.Cut(<-got, " "); a != b {
				t.Errorf("signature %s over what arrived, %s in the header", a, b)
			}
		})
	}
}

func TestMadeAt(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	seven := func(at time.Time) uuid.UUID {
		id := uuid.MustParse("00000000-0000-7000-8000-000000000000")
		for i, ms := 5, at.UnixMilli(); i >= 0; i, ms = i-1, ms>>8 {
			id[i] = byte(ms)
		}
		return id
	}
	for name, c := range map[string]struct {
		id   uuid.UUID
		want time.Time
	}{
		"version 7":                  {seven(now.Add(-time.Hour)), now.Add(-70 * time.Minute)},
		"older than a search may be": {seven(now.Add(-90 * 24 * time.Hour)), now.Add(-longest + time.Hour)},
		"a clock that is ahead":      {seven(now.Add(time.Hour)), now.Add(-10 * time.Minute)},
		"another version":            {uuid.NewSHA1(uuid.Nil, []byte("x")), now.Add(-24 * time.Hour)},
	} {
		if got := madeAt(c.id, now); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestState(t *testing.T) {
	for _, c := range []struct{ status, code, want string }{
		{"READY", "", "sent "}, {"PROCESSING", "", "sent "}, {"COMPLETED", "", "sent "}, {"COMPLETED", "0", "delivered "},
		{"COMPLETED", "3001", "undelivered refused"}, {"COMPLETED", "2003", "undelivered unavailable"},
		{"COMPLETED", "2000", "undelivered timeout"}, {"COMPLETED", "3023", "undelivered unauthorized"},
	} {
		status, reason := State(c.status, c.code)
		if got := string(status) + " " + string(reason); got != c.want {
			t.Errorf("State(%q, %q) = %s, want %s", c.status, c.code, got, c.want)
		}
	}
}

func TestNew(t *testing.T) {
	if _, err := New(Options{AccessKey: "k", SecretKey: "s"}); err == nil || !strings.Contains(err.Error(), "service id") {
		t.Errorf("without a service id: %v", err)
	}
	d := open(t, Options{AccessKey: "k", SecretKey: "s", ServiceID: "x"})
	defer d.Close()
	if d.Name() != "sens" || d.options.BaseURL != DefaultURL {
		t.Errorf("defaults: %q %q", d.Name(), d.options.BaseURL)
	}
	if _, err := d.Do(t.Context(), providers.Call[providers.SMS]{Request: sms}); fault.Of(err) != fault.Invalid {
		t.Errorf("without any sender: %v, want invalid", err)
	}
}

// TestTrackOpensTheMessage: a list that says nothing about states.
func TestTrackOpensTheMessage(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/messages/m1") {
			list("", `[{"messageId":"m1","status":"COMPLETED","statusCode":"3006"}]`).ServeHTTP(w, r)
			return
		}
		list("", `[{"requestId":"`+requestID+`","messageId":"m1"}]`).ServeHTTP(w, r)
	}))
	defer server.Close()
	d := open(t, options(server.URL))
	defer d.Close()
	got, err := d.Track(t.Context(), requestID)
	if err != nil || got.Status != delivery.Undelivered || got.Reason != fault.Refused {
		t.Errorf("Track = %+v, %v", got, err)
	}
}
