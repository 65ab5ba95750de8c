package sns

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
)

// Answers as they were captured from the SDK's own fixtures and the service.
const (
	namespace = `xmlns="http://sns.amazonaws.com/doc/2010-03-31/"`
	published = `<PublishResponse ` + namespace + `><PublishResult><MessageId>567910cd-659e-55d4-8ccb-5aaf14679dc0</MessageId></PublishResult>` +
		`<ResponseMetadata><RequestId>d74b8436-ae13-5ab4-a9ff-ce54dfea72a0</RequestId></ResponseMetadata></PublishResponse>`
	settings = `<GetSMSAttributesResponse ` + namespace + `><GetSMSAttributesResult><attributes/></GetSMSAttributesResult></GetSMSAttributesResponse>`
)

var sms = providers.SMS{To: "+821012345678", Text: "홍길동님, 접수되었습니다."}

func options(baseURL string) Options {
	return Options{BaseURL: baseURL, AccessKeyID: "AKIACONFORMANCE", SecretAccessKey: "conformanceSecretAccessKey", SessionToken: "conformanceSessionToken"}
}

func open(t *testing.T, o Options) *Driver {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func errorAnswer(status int, code string) providertest.Reply {
	return providertest.Reply{Status: status, Header: map[string]string{"Content-Type": "text/xml"}, Body: `<ErrorResponse ` + namespace +
		`><Error><Type>Sender</Type><Code>` + code + `</Code><Message>Invalid parameter: +821012345678 홍길동</Message></Error><RequestId>r</RequestId></ErrorResponse>`}
}

func TestConformance(t *testing.T) {
	type c = providertest.Case[providers.SMS]
	cases := []c{
		{Name: "published: throttling", Answer: errorAnswer(400, "Throttling"), Want: fault.RateLimited, Code: "Throttling"},
		{Name: "published: throttled", Answer: errorAnswer(400, "Throttled"), Want: fault.RateLimited, Code: "Throttled"},
		{Name: "published: 429", Answer: errorAnswer(429, "ThrottledException"), Want: fault.RateLimited},
		{Name: "published: invalid", Answer: errorAnswer(400, "InvalidParameter"), Want: fault.Refused, Code: "InvalidParameter"},
		{Name: "published: no permission", Answer: errorAnswer(403, "AuthorizationError"), Want: fault.Unauthorized, Code: "AuthorizationError"},
		{Name: "published: wrong secret", Answer: errorAnswer(403, "SignatureDoesNotMatch"), Want: fault.Unauthorized},
		{Name: "published: unknown key", Answer: errorAnswer(403, "InvalidClientTokenId"), Want: fault.Unauthorized},
		{Name: "published: clock", Answer: errorAnswer(403, "RequestExpired"), Want: fault.Unavailable},
		{Name: "published: 500", Answer: errorAnswer(500, "InternalError"), Want: fault.Unavailable},
		{Name: "published: 503", Answer: errorAnswer(503, "ServiceUnavailable"), Want: fault.Unavailable},
		{Name: "with Exception", Answer: errorAnswer(403, "AccessDeniedException"), Want: fault.Unauthorized},
		{Name: "unknown code of 400", Answer: errorAnswer(400, "홍길동"), Want: fault.Refused, Code: "400"},
		{Name: "unknown code of 403", Answer: errorAnswer(403, "Whatever"), Want: fault.Unauthorized, Code: "403"},
		{Name: "429 without XML", Answer: providertest.Reply{Status: 429, Header: map[string]string{"Retry-After": "7"}}, Want: fault.RateLimited, RetryAfter: 7 * time.Second},
		{Name: "500 without XML", Answer: providertest.Reply{Status: 500, Body: "oops"}, Want: fault.Unavailable, Code: "500"},
		{Name: "502", Answer: providertest.Reply{Status: 502, Body: "<html>"}, Want: fault.UnknownOutcome},
		{Name: "504", Answer: providertest.Reply{Status: 504}, Want: fault.UnknownOutcome},
		{Name: "200 of another service", Answer: providertest.Reply{Body: `{"ok":true}`}, Want: fault.UnknownOutcome},
		{Name: "200 without an id", Answer: providertest.Reply{Body: `<PublishResponse><PublishResult></PublishResult></PublishResponse>`}, Want: fault.UnknownOutcome},
		{Name: "1600 bytes", Answer: providertest.Reply{Body: published}, Request: &providers.SMS{To: sms.To, Text: strings.Repeat("a", MaxBytes)}},
		{Name: "1601 bytes", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: sms.To, Text: strings.Repeat("a", MaxBytes+1)}, Want: fault.Invalid},
		{Name: "1602 bytes of Hangul", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: sms.To, Text: strings.Repeat("가", 534)}, Want: fault.Invalid},
		{Name: "no text", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: sms.To, Text: " "}, Want: fault.Invalid},
		{Name: "domestic number", Answer: http.NotFoundHandler(), Request: &providers.SMS{To: "01012345678", Text: "가"}, Want: fault.Invalid},
	}
	for code, m := range errorCodes {
		cases = append(cases, c{Name: code, Answer: errorAnswer(400, code), Want: m.reason, Code: code})
	}
	providertest.Run(t, providertest.Suite[providers.SMS]{
		New: func(t *testing.T, baseURL string) providers.Provider[providers.SMS] {
			return open(t, options(baseURL))
		},
		Request: sms, Sends: true, Cases: cases,
		Success: providertest.Reply{Header: map[string]string{"Content-Type": "text/xml"}, Body: published},
		Verify: func(t *testing.T, answer providers.Answer) {
			if answer.MessageID != "567910cd-659e-55d4-8ccb-5aaf14679dc0" {
				t.Errorf("MessageID = %q", answer.MessageID)
			}
		},
		Secrets:  []string{"conformanceSecretAccessKey", "conformanceSessionToken"},
		Personal: []string{"01012345678", "+821012345678", "821012345678", "홍길동", sms.Text},
		Health:   providertest.Reply{Body: settings},
		Checks: []c{
			{Name: "no permission", Answer: errorAnswer(403, "AuthorizationError"), Want: fault.Unauthorized, Code: "AuthorizationError"},
			{Name: "unknown key", Answer: errorAnswer(403, "InvalidClientTokenId"), Want: fault.Unauthorized},
			{Name: "throttling", Answer: errorAnswer(400, "Throttling"), Want: fault.RateLimited},
			{Name: "gateway", Answer: providertest.Reply{Status: 504}, Want: fault.Unavailable},
			{Name: "another service", Answer: providertest.Reply{Body: `{"ok":true}`}, Want: fault.Unavailable},
			{Name: "a page", Answer: providertest.Reply{Body: `<html></html>`}, Want: fault.Unavailable},
		},
	})
}

// TestPublishOnTheWire compares the request with one captured from the SDK,
// which the service accepts. The order of parameters means nothing to it.
func TestPublishOnTheWire(t *testing.T) {
	const captured = "Action=Publish&Message=%EC%95%88%EB%85%95%ED%95%98%EC%84%B8%EC%9A%94+%5BAX%5D" +
		"&MessageAttributes.entry.1.Name=AWS.SNS.SMS.MaxPrice&MessageAttributes.entry.1.Value.DataType=Number&MessageAttributes.entry.1.Value.StringValue=0.50" +
		"&MessageAttributes.entry.2.Name=AWS.SNS.SMS.SMSType&MessageAttributes.entry.2.Value.DataType=String&MessageAttributes.entry.2.Value.StringValue=Transactional" +
		"&MessageAttributes.entry.3.Name=AWS.SNS.SMS.SenderID&MessageAttributes.entry.3.Value.DataType=String&MessageAttributes.entry.3.Value.StringValue=GWPORTAL" +
		"&PhoneNumber=%2B821012345678&Version=2010-03-31"
	want, err := url.ParseQuery(captured)
	if err != nil {
		t.Fatal(err)
	}
	request, header := publish(t, Options{From: "GWPORTAL", MaxPrice: "0.50"}, providers.SMS{To: "+821012345678", Text: "안녕하세요 [AX]"})
	got, err := url.ParseQuery(request)
	if err != nil {
		t.Fatal(err)
	}
	if attributes(got) != attributes(want) {
		t.Errorf("attributes\n%s\nwant\n%s", attributes(got), attributes(want))
	}
	for _, name := range []string{"Action", "Message", "PhoneNumber", "Version"} {
		if got.Get(name) != want.Get(name) {
			t.Errorf("%s = %q, want %q", name, got.Get(name), want.Get(name))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d parameters, want %d: %s", len(got), len(want), request)
	}
	if contentType := header.Get("Content-Type"); contentType != "application/x-www-form-urlencoded" {
		t.Errorf("Content-Type = %q", contentType)
	}
	authorization := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=AKIACONFORMANCE/[0-9]{8}/ap-northeast-1/sns/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$`)
	if !authorization.MatchString(header.Get("Authorization")) {
		t.Errorf("Authorization = %q", header.Get("Authorization"))
	}
	if attempt := header.Get("Amz-Sdk-Request"); !strings.HasSuffix(attempt, "max=1") {
		t.Errorf("Amz-Sdk-Request = %q: the SDK would retry", attempt)
	}
}

// TestAttributes: what each message says about its kind and its sender.
func TestAttributes(t *testing.T) {
	const transactional, promotional = "AWS.SNS.SMS.SMSType=String:Transactional", "AWS.SNS.SMS.SMSType=String:Promotional"
	for name, c := range map[string]struct {
		options Options
		sms     providers.SMS
		want    string
	}{
		"nothing but the type":              {Options{}, sms, transactional},
		"marketing":                         {Options{}, providers.SMS{To: sms.To, Text: "가", Marketing: true}, promotional},
		"a Korean sender means nothing":     {Options{}, providers.SMS{To: sms.To, Text: "가", From: "033-249-0000"}, transactional},
		"digits are no name":                {Options{From: "03324900"}, sms, transactional},
		"name of the command":               {Options{From: "PORTAL"}, providers.SMS{To: sms.To, Text: "가", From: "GANGWON"}, transactional + " AWS.SNS.SMS.SenderID=String:GANGWON"},
		"name of the provider":              {Options{From: "PORTAL"}, providers.SMS{To: sms.To, Text: "가", From: "033-249-0000"}, transactional + " AWS.SNS.SMS.SenderID=String:PORTAL"},
		"origination number":                {Options{From: "+12025550123"}, sms, "AWS.MM.SMS.OriginationNumber=String:+12025550123 " + transactional},
		"name with a space is not one":      {Options{From: "GANG WON"}, sms, transactional},
		"name of twelve letters is not one": {Options{From: "GANGWONPORTAL"}, sms, transactional},
	} {
		t.Run(name, func(t *testing.T) {
			request, _ := publish(t, c.options, c.sms)
			form, err := url.ParseQuery(request)
			if err != nil {
				t.Fatal(err)
			}
			if got := attributes(form); got != c.want {
				t.Errorf("attributes = %s, want %s", got, c.want)
			}
		})
	}
}

// TestSDKNeverCallsAgain: a send over the SDK's client goes out once, even when
// the SDK is told to retry.
func TestSDKNeverCallsAgain(t *testing.T) {
	client := providers.NewHTTPClient(true, 1)
	defer client.Close()
	hits := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer server.Close()
	made := client.SDKCall("publish")
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if res, err := made.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}
	if hits != 1 {
		t.Errorf("the vendor got %d calls, want one", hits)
	}
}

func TestNew(t *testing.T) {
	if _, err := New(Options{AccessKeyID: "k"}); err == nil || !strings.Contains(err.Error(), "secret access key") {
		t.Errorf("without a secret: %v", err)
	}
	d := open(t, Options{AccessKeyID: "k", SecretAccessKey: "s"})
	defer d.Close()
	if d.Name() != "sns" || d.options.Region != "ap-northeast-1" {
		t.Errorf("defaults: %q %q", d.Name(), d.options.Region)
	}
}

// publish sends one message to a listener and returns what arrived.
func publish(t *testing.T, o Options, request providers.SMS) (body string, header http.Header) {
	t.Helper()
	got := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read, _ := io.ReadAll(r.Body)
		body = string(read)
		got <- r
		_, _ = io.WriteString(w, published)
	}))
	defer server.Close()
	o.BaseURL, o.AccessKeyID, o.SecretAccessKey = server.URL, "AKIACONFORMANCE", "secret"
	d := open(t, o)
	defer d.Close()
	if _, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: uuid.New(), Request: request}); err != nil {
		t.Fatal(err)
	}
	r := <-got
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		t.Errorf("%s %s, want POST /", r.Method, r.URL.Path)
	}
	return body, r.Header
}

// attributes writes the message attributes of a form in the order of their names.
func attributes(form url.Values) string {
	var all []string
	for _, n := range []string{"1", "2", "3", "4"} {
		entry := "MessageAttributes.entry." + n
		if name := form.Get(entry + ".Name"); name != "" {
			all = append(all, name+"="+form.Get(entry+".Value.DataType")+":"+form.Get(entry+".Value.StringValue"))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
