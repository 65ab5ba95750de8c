package solapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
)

const accepted = `{"failedMessageList":[],"groupInfo":{"groupId":"G4V1","count":{"total":1,"registeredFailed":0,"registeredSuccess":1}},` +
	`"messageList":[{"messageId":"M4V20211116140944VNOQH1HURYHEWL8","statusCode":"2000","statusMessage":"정상 접수(이통사로 접수 예정) "}]}`

var sms = providers.SMS{To: "+821012345678", Text: "홍길동님, 접수되었습니다."}

func options(baseURL string) Options {
	return Options{BaseURL: baseURL, APIKey: "conformance-api-key", APISecret: "conformance-api-secret", From: "033-249-0000"}
}

func open(t *testing.T, o Options) *Driver {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// failed is a 200 in which nothing was accepted.
func failed(code string) providertest.Reply {
	return providertest.Reply{Body: fmt.Sprintf(`{"failedMessageList":[{"to":"01012345678","from":"0332490000","type":"SMS","statusCode":%q,`+
		`"statusMessage":"01012345678 홍길동"}],"groupInfo":{"groupId":"G4V1","count":{"total":1,"registeredFailed":1}},"messageList":[]}`, code)}
}

func refusal(status int, code string) providertest.Reply {
	return providertest.Reply{Status: status, Body: fmt.Sprintf(`{"errorCode":%q,"errorMessage":"01012345678 홍길동 conformance-api-secret"}`, code)}
}

func TestConformance(t *testing.T) {
	type c = providertest.Case[providers.SMS]
	cases := []c{
		{Name: "malformed", Answer: refusal(400, "ValidationError"), Want: fault.Refused, Code: "ValidationError"},
		{Name: "no balance", Answer: refusal(402, "NotEnoughBalance"), Want: fault.QuotaExhausted, Code: "NotEnoughBalance"},
		{Name: "unknown key", Answer: refusal(403, "InvalidAPIKey"), Want: fault.Unauthorized, Code: "InvalidAPIKey"},
		{Name: "wrong secret", Answer: refusal(403, "SignatureDoesNotMatch"), Want: fault.Unauthorized, Code: "SignatureDoesNotMatch"},
		{Name: "clock", Answer: refusal(403, "RequestTimeTooSkewed"), Want: fault.Unauthorized, Code: "RequestTimeTooSkewed"},
		{Name: "seen before", Answer: refusal(403, "DuplicatedSignature"), Want: fault.UnknownOutcome, Code: "DuplicatedSignature"},
		{Name: "403 of no known word", Answer: refusal(403, "홍길동"), Want: fault.Unauthorized, Code: "403"},
		{Name: "no such path", Answer: refusal(404, "ResourceNotFound"), Want: fault.Unavailable, Code: "ResourceNotFound"},
		{Name: "group at work", Answer: refusal(409, "GroupInProcessing"), Want: fault.Unavailable, Code: "GroupInProcessing"},
		{Name: "too many", Answer: providertest.Reply{Status: 429, Header: map[string]string{"Retry-After": "7"}, Body: "slow"}, Want: fault.RateLimited, RetryAfter: 7 * time.Second},
		{Name: "500", Answer: providertest.Reply{Status: 500, Body: "oops"}, Want: fault.Unavailable, Code: "500"},
		{Name: "502", Answer: providertest.Reply{Status: 502, Body: "<html>"}, Want: fault.UnknownOutcome, Code: "502"},
		{Name: "503", Answer: providertest.Reply{Status: 503, Header: map[string]string{"Retry-After": "3"}}, Want: fault.Unavailable, RetryAfter: 3 * time.Second},
		{Name: "504", Answer: providertest.Reply{Status: 504}, Want: fault.UnknownOutcome},
		{Name: "code that is none", Answer: failed("홍길동님, 접수되었습니다."), Want: fault.Refused},
		{Name: "unknown code", Answer: failed("1999"), Want: fault.Refused, Code: "1999"},
		{Name: "refused in the list of the accepted", Want: fault.Unauthorized, Code: "1062", Answer: providertest.Reply{
			Body: `{"failedMessageList":[],"groupInfo":{"groupId":"G"},"messageList":[{"messageId":"M","statusCode":"1062"}]}`}},
		{Name: "counted as failed only", Want: fault.Refused, Answer: providertest.Reply{Body: `{"groupInfo":{"groupId":"G","count":{"registeredFailed":1}}}`}},
		{Name: "accepted without a list", Answer: providertest.Reply{Body: `{"failedMessageList":[],"groupInfo":{"groupId":"G"}}`}, Verify: func(*testing.T, providers.Answer) {}},
		{Name: "JSON of another service", Answer: providertest.Reply{Body: `{"ok":true}`}, Want: fault.UnknownOutcome},
		{Name: "too long", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: sms.To, Text: strings.Repeat("가", 1001)}, Want: fault.Invalid},
		{Name: "emoji", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: sms.To, Text: "😀"}, Want: fault.Invalid},
		{Name: "no E.164", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: "01012345678", Text: "가"}, Want: fault.Invalid},
		{Name: "long text abroad", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: "+14155552671", Text: strings.Repeat("a", 91)}, Want: fault.Invalid},
	}
	for code, m := range statusCodes {
		if code[0] == '1' || code[0] == '2' {
			cases = append(cases, c{Name: code, Answer: failed(code), Want: m.reason, Code: code})
		}
	}
	providertest.Run(t, providertest.Suite[providers.SMS]{
		New: func(t *testing.T, baseURL string) providers.Provider[providers.SMS] {
			return open(t, options(baseURL))
		},
		Request: sms, Sends: true, Cases: cases,
		Success: providertest.Reply{Body: accepted},
		Verify: func(t *testing.T, answer providers.Answer) {
			if answer.MessageID != "M4V20211116140944VNOQH1HURYHEWL8" {
				t.Errorf("MessageID = %q", answer.MessageID)
			}
		},
		Secrets:  []string{"conformance-api-secret"},
		Personal: []string{"01012345678", "+821012345678", "821012345678", "홍길동", sms.Text},
		Health:   providertest.Reply{Body: `{"lowBalanceAlert":{},"point":0,"balance":0}`},
		Checks: []c{
			{Name: "wrong secret", Answer: refusal(403, "SignatureDoesNotMatch"), Want: fault.Unauthorized},
			{Name: "seen before", Answer: refusal(403, "DuplicatedSignature"), Want: fault.Unavailable},
			{Name: "another service", Answer: providertest.Reply{Body: `{"ok":true}`}, Want: fault.Unavailable},
			{Name: "a page", Answer: providertest.Reply{Body: `<html>`}, Want: fault.Unavailable},
		},
		Confirms: []c{
			{Name: "empty list", Answer: providertest.Reply{Body: `{"startKey":null,"nextKey":null,"limit":100,"messageList":{}}`}, Want: fault.NotFound},
			{Name: "empty list as an array", Answer: providertest.Reply{Body: `{"limit":100,"messageList":[]}`}, Want: fault.NotFound},
			{Name: "somebody else's", Answer: providertest.Reply{Body: `{"messageList":{"M1":{"messageId":"M1","statusCode":"4000","customFields":{"command_id":"x"}}}}`}, Want: fault.NotFound},
			{Name: "without custom fields", Answer: providertest.Reply{Body: `{"messageList":{"M1":{"messageId":"M1","statusCode":"4000","customFields":null}}}`}, Want: fault.NotFound},
			{Name: "no list", Answer: providertest.Reply{Body: `{"messageList":null}`}, Want: fault.Unavailable},
			{Name: "endless", Answer: providertest.Reply{Body: `{"nextKey":"k","messageList":{}}`}, Want: fault.Unavailable},
			{Name: "wrong secret", Answer: refusal(403, "SignatureDoesNotMatch"), Want: fault.Unauthorized},
			{Name: "failing", Answer: refusal(500, "InternalError"), Want: fault.Unavailable},
			{Name: "gateway", Answer: providertest.Reply{Status: 504}, Want: fault.Unavailable},
		},
	})
}

// The inputs are those of the vendor's Go SDK tests; the signature is HMAC-SHA256
// over date and salt, computed independently.
func TestSignatureVector(t *testing.T) {
	const want = "HMAC-SHA256 apiKey=testKey, date=2025-09-14T12:34:56Z, salt=Abc123XYZ789abcdEFGHijklMNOPqr, " +
		"signature=69607016f2059c0bcb97954551ec3a03323ada290e6c98ed1d15b0f34d51b1a1"
	if got := header("testKey", "testSecret", "2025-09-14T12:34:56Z", "Abc123XYZ789abcdEFGHijklMNOPqr"); got != want {
		t.Errorf("header = %s\nwant %s", got, want)
	}
}

func TestAuthorizationIsFresh(t *testing.T) {
	o := options("http://localhost")
	o.Now = func() time.Time { return time.Date(2026, 3, 1, 9, 0, 0, 0, time.FixedZone("KST", 9*3600)) }
	d := open(t, o)
	defer d.Close()
	first, second := d.authorization(), d.authorization()
	if first == second {
		t.Errorf("two calls within a second have the same signature: %s", first)
	}
	if !strings.Contains(first, "date=2026-03-01T00:00:00Z, salt=") {
		t.Errorf("authorization = %s", first)
	}
	salt := first[strings.Index(first, "salt=")+5 : strings.Index(first, ", signature")]
	if len(salt) < 12 || len(salt) > 64 {
		t.Errorf("salt has %d characters, want 12 to 64", len(salt))
	}
}

func TestMessage(t *testing.T) {
	d := open(t, options("http://localhost"))
	defer d.Close()
	id := uuid.MustParse("0190163d-8694-739b-aea5-966c26f8ad91")
	for name, c := range map[string]struct {
		sms  providers.SMS
		want string
	}{
		"short": {providers.SMS{To: "+821012345678", Text: "가"},
			`{"messages":[{"to":"01012345678","from":"0332490000","type":"SMS","text":"가","customFields":{"command_id":"` + id.String() + `"}}],"showMessageList":true}`},
		"subject, own sender, dash": {providers.SMS{To: "+821012345678", From: "1588-1234", Subject: "안내", Text: "1–2"},
			`{"messages":[{"to":"01012345678","from":"15881234","type":"LMS","subject":"안내","text":"1-2","customFields":{"command_id":"` + id.String() + `"}}],"showMessageList":true}`},
		"abroad": {providers.SMS{To: "+14155552671", Text: "hi"},
			`{"messages":[{"to":"4155552671","from":"0332490000","type":"SMS","country":"1","text":"hi","customFields":{"command_id":"` + id.String() + `"}}],"showMessageList":true}`},
	} {
		got, err := d.message(providers.Call[providers.SMS]{ID: id, Request: c.sms})
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n%s, %v\nwant\n%s", name, got, err, c.want)
		}
	}
}

func TestNew(t *testing.T) {
	if _, err := New(Options{APIKey: "k"}); err == nil || !strings.Contains(err.Error(), "api_secret") {
		t.Errorf("without a secret: %v", err)
	}
	d := open(t, Options{APIKey: "k", APISecret: "s"})
	defer d.Close()
	if d.Name() != "solapi" || d.options.BaseURL != DefaultURL {
		t.Errorf("defaults: %q %q", d.Name(), d.options.BaseURL)
	}
	_, err := d.Do(t.Context(), providers.Call[providers.SMS]{Request: sms})
	if fault.Of(err) != fault.Invalid {
		t.Errorf("without any sender: %v, want invalid", err)
	}
}
