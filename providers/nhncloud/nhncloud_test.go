package nhncloud

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
)

const (
	good     = `"header":{"isSuccessful":true,"resultCode":0,"resultMessage":"SUCCESS"}`
	accepted = `{` + good + `,"body":{"data":{"requestId":"20180810100630ReZQ6KZzAH0","statusCode":"2","senderGroupingKey":"k",` +
		`"sendResultList":[{"recipientNo":"01012345678","resultCode":0,"resultMessage":"SUCCESS","recipientSeq":1}]}}}`
)

var sms = providers.SMS{To: "+821012345678", Text: "홍길동님, 접수되었습니다."}

func options(baseURL string) Options {
	return Options{BaseURL: baseURL, AppKey: "conformanceAppKey", SecretKey: "conformanceSecretKey", From: "033-249-0000"}
}

func open(t *testing.T, o Options) *Driver {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// failure is a request that failed as a whole.
func failure(code string) providertest.Reply {
	return providertest.Reply{Body: `{"header":{"isSuccessful":false,"resultCode":` + code + `,"resultMessage":"01012345678 홍길동"}}`}
}

// recipientFailure is a request that succeeded for nobody.
func recipientFailure(code string) providertest.Reply {
	return providertest.Reply{Body: `{` + good + `,"body":{"data":{"requestId":"R","statusCode":"2","sendResultList":[{"recipientNo":"01012345678","resultCode":` + code + `}]}}}`}
}

func list(items string) providertest.Reply {
	return providertest.Reply{Body: `{` + good + `,"body":{"pageNum":1,"pageSize":15,"totalCount":1,"data":` + items + `}}`}
}

// ours lists a message under the key that was asked for.
func ours(status string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list(fmt.Sprintf(`[{"requestId":"20180810100630ReZQ6KZzAH0","msgStatus":%q,"resultCode":null,"recipientGroupingKey":%q}]`,
			status, r.URL.Query().Get("recipientGroupingKey"))).ServeHTTP(w, r)
	})
}

func TestConformance(t *testing.T) {
	type c = providertest.Case[providers.SMS]
	confirmed := func(t *testing.T, answer providers.Answer) {
		if answer.MessageID != "20180810100630ReZQ6KZzAH0" {
			t.Errorf("MessageID = %q", answer.MessageID)
		}
	}
	cases := []c{
		{Name: "too many", Answer: providertest.Reply{Status: 429, Header: map[string]string{"Retry-After": "7"}}, Want: fault.RateLimited, Code: "429", RetryAfter: 7 * time.Second},
		{Name: "401", Answer: providertest.Reply{Status: 401}, Want: fault.Unauthorized},
		{Name: "400 with a code", Answer: providertest.Reply{Status: 400, Body: failure("-1000").Body}, Want: fault.Unauthorized, Code: "-1000"},
		{Name: "400", Answer: providertest.Reply{Status: 400, Body: "no"}, Want: fault.Refused},
		{Name: "404", Answer: providertest.Reply{Status: 404, Body: "no"}, Want: fault.Unavailable},
		{Name: "500", Answer: providertest.Reply{Status: 500, Body: "no"}, Want: fault.Unavailable, Code: "500"},
		{Name: "502", Answer: providertest.Reply{Status: 502, Body: "<html>"}, Want: fault.UnknownOutcome},
		{Name: "503", Answer: providertest.Reply{Status: 503, Header: map[string]string{"Retry-After": "3"}}, Want: fault.Unavailable, RetryAfter: 3 * time.Second},
		{Name: "504", Answer: providertest.Reply{Status: 504}, Want: fault.UnknownOutcome},
		{Name: "unknown code", Answer: failure("-7777"), Want: fault.Refused, Code: "-7777"},
		{Name: "code that is none", Answer: failure(`"01012345678 홍길동"`), Want: fault.Refused},
		{Name: "code that is a number", Answer: failure(`1012345678`), Want: fault.Refused},
		{Name: "recipient refused", Answer: recipientFailure("-6001"), Want: fault.Refused, Code: "-6001"},
		{Name: "recipient: sender unregistered", Answer: recipientFailure(`"-2312"`), Want: fault.Unauthorized, Code: "-2312"},
		{Name: "request failed", Answer: providertest.Reply{Body: `{` + good + `,"body":{"data":{"requestId":"R","statusCode":"3"}}}`}, Want: fault.Unavailable},
		{Name: "no request id", Answer: providertest.Reply{Body: `{` + good + `,"body":{"data":{}}}`}, Want: fault.UnknownOutcome},
		{Name: "no body", Answer: providertest.Reply{Body: `{` + good + `}`}, Want: fault.UnknownOutcome},
		{Name: "JSON of another service", Answer: providertest.Reply{Body: `{"ok":true}`}, Want: fault.UnknownOutcome},
		{Name: "too long", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: sms.To, Text: strings.Repeat("가", 1001)}, Want: fault.Invalid},
		{Name: "emoji", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: sms.To, Text: "😀"}, Want: fault.Invalid},
		{Name: "no E.164", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: "01012345678", Text: "가"}, Want: fault.Invalid},
		{Name: "long text abroad", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: "+14155552671", Text: strings.Repeat("a", 91)}, Want: fault.Invalid},
	}
	for code, m := range apiCodes {
		cases = append(cases, c{Name: code, Answer: failure(code), Want: m.reason, Code: code})
	}
	providertest.Run(t, providertest.Suite[providers.SMS]{
		New: func(t *testing.T, baseURL string) providers.Provider[providers.SMS] {
			return open(t, options(baseURL))
		},
		Request: sms, Sends: true, Cases: cases,
		Success: providertest.Reply{Body: accepted}, Verify: confirmed,
		Secrets:  []string{"conformanceAppKey", "conformanceSecretKey"},
		Personal: []string{"01012345678", "+821012345678", "821012345678", "홍길동", sms.Text},
		Health:   list(`[{"sendNo":"0332490000","useYn":"Y","blockYn":"N"}]`),
		Checks: []c{
			{Name: "wrong key", Answer: failure("-1000"), Want: fault.Unauthorized, Code: "-1000"},
			{Name: "sender unregistered", Answer: list(`[]`), Want: fault.Unauthorized},
			{Name: "sender blocked", Answer: list(`[{"sendNo":"0332490000","useYn":"Y","blockYn":"Y"}]`), Want: fault.Unauthorized},
			{Name: "sender of another", Answer: list(`[{"sendNo":"0332490001","useYn":"Y","blockYn":"N"}]`), Want: fault.Unauthorized},
			{Name: "no list", Answer: providertest.Reply{Body: `{` + good + `}`}, Want: fault.Unavailable},
			{Name: "a page", Answer: providertest.Reply{Body: `<html>`}, Want: fault.Unavailable},
		},
		Confirms: []c{
			{Name: "delivered", Answer: ours("3"), Verify: confirmed},
			{Name: "being processed", Answer: ours("2"), Verify: confirmed},
			{Name: "failed at the carrier", Answer: ours("0"), Verify: confirmed},
			{Name: "cancelled", Answer: ours("4"), Want: fault.Refused},
			{Name: "duplicate", Answer: ours("5"), Want: fault.Refused},
			{Name: "stopped advertisement", Answer: ours("6"), Want: fault.Refused},
			{Name: "nothing", Answer: list(`[]`), Want: fault.NotFound},
			{Name: "data is null", Answer: list(`null`), Want: fault.NotFound},
			{Name: "somebody else's", Answer: list(`[{"requestId":"R","msgStatus":"3","recipientGroupingKey":"x"}]`), Want: fault.NotFound},
			{Name: "no list", Answer: providertest.Reply{Body: `{` + good + `}`}, Want: fault.Unavailable},
			{Name: "failing", Answer: failure("-9999"), Want: fault.Unavailable},
			{Name: "gateway", Answer: providertest.Reply{Status: 504}, Want: fault.Unavailable},
		},
	})
}

// TestRequests: path, header and body of each kind of message.
func TestRequests(t *testing.T) {
	id := uuid.MustParse("0190163d-8694-739b-aea5-966c26f8ad91")
	key := `"recipientGroupingKey":"` + id.String() + `"}]}`
	long := strings.Repeat("가", 46)
	for name, c := range map[string]struct {
		sms        providers.SMS
		path, body string
	}{
		"short": {providers.SMS{To: "+821012345678", Text: "1–2"}, "sms",
			`{"body":"1-2","sendNo":"0332490000","senderGroupingKey":"` + id.String() + `","recipientList":[{"recipientNo":"01012345678",` + key},
		"long, without a subject": {providers.SMS{To: "+821012345678", From: "1588-1234", Text: long}, "mms",
			`{"title":"` + strings.Repeat("가", 20) + `","body":"` + long + `","sendNo":"15881234","senderGroupingKey":"` + id.String() + `","recipientList":[{"recipientNo":"01012345678",` + key},
		"subject": {providers.SMS{To: "+821012345678", Subject: "안내", Text: "가"}, "mms",
			`{"title":"안내","body":"가","sendNo":"0332490000","senderGroupingKey":"` + id.String() + `","recipientList":[{"recipientNo":"01012345678",` + key},
		"advertisement": {providers.SMS{To: "+821012345678", Text: "(광고)가", Marketing: true}, "ad-sms",
			`{"body":"(광고)가","sendNo":"0332490000","senderGroupingKey":"` + id.String() + `","recipientList":[{"recipientNo":"01012345678",` + key},
		"abroad": {providers.SMS{To: "+14155552671", Text: "hi"}, "sms",
			`{"body":"hi","sendNo":"0332490000","senderGroupingKey":"` + id.String() + `","recipientList":[{"internationalRecipientNo":"14155552671",` + key},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 1)
			server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got <- r.Method + " " + r.URL.Path + " " + r.Header.Get("X-Secret-Key") + " " + string(body)
				providertest.Reply{Body: accepted}.ServeHTTP(w, r)
			})
			d := open(t, options(server))
			defer d.Close()
			if _, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: id, Request: c.sms}); err != nil {
				t.Fatal(err)
			}
			want := "POST /sms/v3.0/appKeys/conformanceAppKey/sender/" + c.path + " conformanceSecretKey " + c.body
			if request := <-got; request != want {
				t.Errorf("request\n%s\nwant\n%s", request, want)
			}
		})
	}
}

func TestState(t *testing.T) {
	for _, c := range []struct {
		status, result string
		want           string
	}{
		{"3", "1000", "delivered "}, {"COMPLETED", "1000", "delivered "}, {"1", "", "sent "}, {"2", "", "sent "}, {"7", "", "sent "},
		{"0", "3001", "undelivered refused"}, {"FAILED", "2003", "undelivered unavailable"}, {"0", "2000", "undelivered timeout"},
		{"0", "3019", "undelivered unauthorized"}, {"CANCEL", "", "undelivered refused"}, {"FAILED_AD", "E999", "undelivered unavailable"},
	} {
		status, reason := State(c.status, c.result)
		if got := string(status) + " " + string(reason); got != c.want {
			t.Errorf("State(%q, %q) = %s, want %s", c.status, c.result, got, c.want)
		}
	}
}

func TestNew(t *testing.T) {
	if _, err := New(Options{AppKey: "k"}); err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("without a secret: %v", err)
	}
	d := open(t, Options{AppKey: "k", SecretKey: "s"})
	defer d.Close()
	if d.Name() != "nhncloud" || d.options.BaseURL != DefaultURL {
		t.Errorf("defaults: %q %q", d.Name(), d.options.BaseURL)
	}
	if _, err := d.Do(t.Context(), providers.Call[providers.SMS]{Request: sms}); fault.Of(err) != fault.Invalid {
		t.Errorf("without any sender: %v, want invalid", err)
	}
}
