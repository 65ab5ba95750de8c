package telemetry

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func TestText(t *testing.T) {
	r := NewRedactor("s3cr3t/key+value", "short")
	for _, test := range []struct{ in, out string }{
		{"", ""},
		{"nothing to hide: 42 of 1,000 in 3.25s", "nothing to hide: 42 of 1,000 in 3.25s"},
		// E-mail addresses.
		{"kim@example.kr", "k***@example.kr"},
		{"RCPT TO:<kim.minsu+tag@mail.example.kr>: 550 5.1.1", "RCPT TO:<k***@mail.example.kr>: 550 5.1.1"},
		{"홍길동@example.kr, a@b.kr", "홍***@example.kr, a***@b.kr"},
		{"to=kim%40example.kr&x=1", "to=k***@example.kr&x=1"},
		{"k***@example.kr", "k***@example.kr"},
		{"@ home, a@, @b", "@ home, a@, @b"},
		// Credentials in URLs.
		{"dial nats://user:pw@host:4222: refused", "dial nats://[redacted]@host:4222: refused"},
		{"https://token@host/x", "https://[redacted]@host/x"},
		// Phone numbers.
		{"to 010-1234-5678.", "to ***5678."},
		{"01012345678", "***5678"},
		{"010 1234 5678", "***5678"},
		{"+82 10-1234-5678 and +821012345678", "***5678 and ***5678"},
		{"821012345678", "***5678"},
		{"PhoneNumber=%2B821012345678&Action=Publish", "PhoneNumber=***5678&Action=Publish"},
		{"02-123-4567, 033-250-1234, 070-1234-5678", "***4567, ***1234, ***5678"},
		{"900101-1234567", "******-*******"},
		// What only looks like one.
		{"registration number 124-81-00998, corporate 130111-0006246", "registration number 124-81-00998, corporate 130111-0006246"},
		{"0190a1b2-7c3d-7e4f-8a5b-0c1d2e3f4a5b", "0190a1b2-7c3d-7e4f-8a5b-0c1d2e3f4a5b"},
		{"01012345-6789-7abc-8def-010123456789", "01012345-6789-7abc-8def-010123456789"},
		{"trace 4bf92f3577b34da6a3ce929d0e0e4736", "trace 4bf92f3577b34da6a3ce929d0e0e4736"},
		{"2026-01-31T09:00:00.123456789+09:00", "2026-01-31T09:00:00.123456789+09:00"},
		{"1700000000123 ns, 0.0123456789 s, 127.0.0.1:54321", "1700000000123 ns, 0.0123456789 s, 127.0.0.1:54321"},
		{"order_01012345678, 12-34-56-78-90", "order_01012345678, 12-34-56-78-90"},
		// Secrets by name.
		{"GET /x?serviceKey=abc%2Bdef&pageNo=1", "GET /x?serviceKey=[redacted]&pageNo=1"},
		{"confmKey=U01TX0FVVEg, keyword=춘천", "confmKey=[redacted], keyword=춘천"},
		{`password='p w' user=app`, `password='[redacted]' user=app`},
		{`{"apiKey":"abc\"d","to":"x"}`, `{"apiKey":"[redacted]","to":"x"}`},
		{`client_secret = abc`, `client_secret = abc`},
		{"Authorization: HMAC-SHA256 apiKey=NCS, date=2026, signature=ab\r\nHost: x", "Authorization: [redacted]\r\nHost: x"},
		{"sendgrid: token: connection failed", "sendgrid: token: connection failed"},
		{"password=[redacted] token=", "password=[redacted] token="},
		// Authorisation schemes.
		{"got Bearer eyJhbGciOi.x.y back", "got Bearer [redacted] back"},
		{"KakaoAK 0123456789abcdef", "KakaoAK [redacted]"},
		{"basic functionality, bearer certificates", "basic functionality, bearer certificates"},
		// Known texts, as they are and as they travel.
		{"sent s3cr3t/key+value", "sent [redacted]"},
		{"sent s3cr3t%2Fkey%2Bvalue", "sent [redacted]"},
		{"sent czNjcjN0L2tleSt2YWx1ZQ==", "sent [redacted]"},
		{"a short word", "a short word"},
	} {
		got := r.Text(test.in)
		if got != test.out {
			t.Errorf("%q becomes %q, want %q", test.in, got, test.out)
		}
		if again := r.Text(got); again != got {
			t.Errorf("%q: twice becomes %q", test.in, again)
		}
	}
}

func TestKnownSecretsCanChange(t *testing.T) {
	r := NewRedactor("old-secret")
	r.SetSecrets("new-secret")
	if got := r.Text("old-secret new-secret"); got != "old-secret [redacted]" {
		t.Error(got)
	}
	r.SetSecrets()
	if got := r.Text("new-secret"); got != "new-secret" {
		t.Error(got)
	}
}

func TestMask(t *testing.T) {
	r := NewRedactor()
	for in, out := range map[string]string{
		"":                         "",
		"kim@example.kr":           "k***@example.kr",
		"k***@example.kr":          "k***@example.kr",
		"Kim <kim@example.kr>":     "k***@example.kr",
		"a@b.kr, 010-1234-5678":    "a***@b.kr,***5678",
		"+821012345678":            "***5678",
		"***5678":                  "***5678",
		"124-81-00998":             "***0998",
		"홍길동":                      "홍***",
		`"odd@local"@example.kr`:   `"***@example.kr`,
		"강원특별자치도청, 춘천":             "강***,춘***",
		"kim@example.kr,lee@b.kr,": "k***@example.kr,l***@b.kr,",
	} {
		if got := r.Mask(in); got != out {
			t.Errorf("%q becomes %q, want %q", in, got, out)
		}
	}
}

func TestURL(t *testing.T) {
	r := NewRedactor("known-secret")
	for in, out := range map[string]string{
		"https://api.odcloud.kr/api/nts-businessman/v1/status?serviceKey=ab%2Bc&returnType=JSON":    "https://api.odcloud.kr/api/nts-businessman/v1/status?serviceKey=[redacted]&returnType=JSON",
		"https://business.juso.go.kr/addrlink/addrLinkApi.do?confmKey=x&keyword=%EC%B6%98%EC%B2%9C": "https://business.juso.go.kr/addrlink/addrLinkApi.do?confmKey=[redacted]&keyword=%EC%B6%98%EC%B2%9C",
		"https://u:p@host:1/a?key=k&password=p&token=t&to=kim%40a.kr":                               "https://[redacted]@host:1/a?key=[redacted]&password=[redacted]&token=[redacted]&to=k***@a.kr",
		"https://sms.api.nhncloudservice.com/sms/v3.0/appKeys/abcd/sender/sms":                      "https://sms.api.nhncloudservice.com/sms/v3.0/appKeys/[redacted]/sender/sms",
		"/status/010-1234-5678/kim@example.kr":                                                      "/status/***5678/k***@example.kr",
		"https://host/known-secret?x=known-secret#known-secret":                                     "https://host/[redacted]?x=[redacted]",
		"smtp://mail.example.kr:587":                                                                "smtp://mail.example.kr:587",
		"mailto:kim@example.kr":                                                                     "mailto:k***@example.kr",
		"http://[bad?token=abc":                                                                     "http://[bad?token=[redacted]",
		"":                                                                                          "",
	} {
		if got := r.URL(in); got != out {
			t.Errorf("%q\nbecomes %q\nwant    %q", in, got, out)
		}
	}
}

func TestHeader(t *testing.T) {
	r := NewRedactor()
	in := http.Header{
		"Authorization": {"Bearer abc"}, "Cookie": {"a=b"}, "X-Secret-Key": {"abc"}, "X-Ncp-Iam-Access-Key": {"abc"},
		"X-Ncp-Apigw-Signature-V2": {"abc"}, "X-Toast-Webhook-Signature": {"abc"}, "X-Solapi-Secret": {"abc"}, "X-Ibm-Client-Id": {"abc"},
		"X-Amz-Security-Token": {"abc"}, "X-Api-Key": {"abc"},
		"Content-Type": {"application/json"}, "To": {"kim@example.kr"}, "X-Two": {"a", "010-1234-5678"}, "X-Amzn-Requestid": {"1"},
	}
	got := r.Header(in)
	for name, values := range got {
		hidden := values[0] == Redacted
		if plain := name == "Content-Type" || name == "To" || name == "X-Two" || name == "X-Amzn-Requestid"; hidden == plain {
			t.Errorf("%s: %v", name, values)
		}
	}
	if got.Get("To") != "k***@example.kr" || got["X-Two"][1] != "***5678" || len(got) != len(in) {
		t.Errorf("%v", got)
	}
	if in.Get("Authorization") != "Bearer abc" || r.Header(nil) != nil {
		t.Error("the original is changed")
	}
}

func TestExchangeDocuments(t *testing.T) {
	r := NewRedactor()
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"x"}}
	got := r.Request("POST", "https://h/x?token=1", header, []byte(`{"to":"01012345678","text":"비밀번호는 1234"}`), 4096)
	want := `{"method":"POST","url":"https://h/x?token=[redacted]","headers":{"Authorization":"[redacted]","Content-Type":"application/json"},"body":{"to":"***5678","text":"[10 characters]"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	got = r.Response("250 2.0.0 Ok: queued as kim@example.kr", nil, []byte("plain \x00 text"), 4096)
	want = "{\"status\":\"250 2.0.0 Ok: queued as k***@example.kr\",\"body\":\"plain \uFFFD text\"}"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if got := string(r.Response("", nil, nil, 10)); got != "{}" {
		t.Error(got)
	}
}

// FuzzText holds what must be true of any text: valid in, valid out, twice is
// once, and a marked address, number and secret are gone.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"kim@example.kr", "010-1234-5678 +82 10 1234 5678", `{"password":"x"}`, "token=a&b=c", "Bearer abc.def.ghi", "x://u:p@h", "a%40b", "900101-1234567"} {
		f.Add(seed)
	}
	r := NewRedactor("known-secret")
	f.Fuzz(func(t *testing.T, text string) {
		got := r.Text(text)
		if again := r.Text(got); again != got {
			t.Errorf("%q becomes %q, then %q", text, got, again)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q becomes invalid: %q", text, got)
		}
		marked := r.Text(text + " kim.minsu@example.kr 010-9876-5432 known-secret ")
		for _, part := range []string{"minsu", "9876", "known-secret"} {
			if strings.Contains(marked, part) && !strings.Contains(text, part) {
				t.Errorf("%q keeps %s: %q", text, part, marked)
			}
		}
		if !jsontext.Value(quote(got)).IsValid() {
			t.Errorf("%q cannot be quoted", got)
		}
	})
}

// TestHarmlessTextIsFree keeps the cost of the choke point away from every line.
func TestHarmlessTextIsFree(t *testing.T) {
	r := NewRedactor("a-known-secret-of-some-length")
	text := "smtp: data: 250 2.0.0 Ok: queued as 4XyZ0l for 0190a1b2-7c3d-7e4f-8a5b-0c1d2e3f4a5b in 3.25ms, a=b"
	if n := testing.AllocsPerRun(100, func() { r.Text(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
