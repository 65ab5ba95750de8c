package telemetry

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

func TestBodies(t *testing.T) {
	r := NewRedactor("known-secret")
	for _, test := range []struct{ name, kind, in, out string }{
		{"a command", "", `{"to":["kim@example.kr","lee@b.kr"],"template":"welcome","variables":{"name":"김민수","deep":{"link":"https://x"},"n":5,"l":["a"]},"subject":"안내"}`,
			`{"to":["k***@example.kr","l***@b.kr"],"template":"welcome","variables":{"name":"[3 characters]","deep":{"link":"[9 characters]"},"n":5,"l":["[1 characters]"]},"subject":"안내"}`},
		{"Solapi", "application/json", `{"message":{"to":"01012345678","from":"0332501234","text":"인증번호 1234"},"agent":{"sdkVersion":"x"}}`,
			`{"message":{"to":"***5678","from":"***1234","text":"[9 characters]"},"agent":{"sdkVersion":"x"}}`},
		{"NHN", "", `{"body":{"data":{"requestId":"20260131","sendResultList":[{"recipientNo":"01012345678","resultCode":0}]}}}`,
			`{"body":{"data":{"requestId":"20260131","sendResultList":[{"recipientNo":"***5678","resultCode":0}]}}}`},
		{"NICE token", "", `{"appKey":"a","appSecret":"b","grantType":"client_credentials","scope":"oob"}`,
			`{"appKey":"[redacted]","appSecret":"[redacted]","grantType":"client_credentials","scope":"oob"}`},
		{"NICE answer", "", `{"dataBody":{"list01":[{"bizNo":"1248100998","cmpNm":"삼성전자","ceoNm":"홍길동","telNo":"02-255-0114"}]},"accessToken":"t"}`,
			`{"dataBody":{"list01":[{"bizNo":"1248100998","cmpNm":"삼성전자","ceoNm":"홍**","telNo":"***0114"}]},"accessToken":"[redacted]"}`},
		{"NTS", "", `{"businesses":[{"b_no":"1248100998","p_nm":"홍길동","start_dt":"19690113"}]}`, `{"businesses":[{"b_no":"1248100998","p_nm":"홍**","start_dt":"19690113"}]}`},
		{"numbers and words", "", `{"to":821012345678,"password":123456,"n":821012345678,"ok":true,"none":null,"f":1.50}`,
			`{"to":"***5678","password":"[redacted]","n":"***5678","ok":true,"none":null,"f":1.50}`},
		{"a secret inside", "", `{"note_id":"x known-secret y","url":"https://u:p@h/?token=t"}`, `{"note_id":"x [redacted] y","url":"https://[redacted]@h/?token=[redacted]"}`},
		{"an object of secrets", "", `{"credentials":{"user":"a","parts":["b"]}}`, `{"credentials":{"user":"[redacted]","parts":["[redacted]"]}}`},
		{"names are scanned too", "", `{"kim@example.kr":1,"kim@example.kr":2}`, `{"k***@example.kr":1,"k***@example.kr′":2}`},
		{"broken off in content", "", `{"status":"ok","text":"secret wor`, `{"status":"ok","…":"…"}`},
		{"broken off in a list", "", `{"a":[1,2,`, `{"a":[1,2,"…"],"…":"…"}`},
		{"no JSON after all", "", `[ERROR] mail to kim@example.kr`, `[ERROR] mail to k***@example.kr`},
		{"byte order mark", "", "\uFEFF" + `{"text":"hush"}`, `{"text":"[4 characters]"}`},
		{"NUL", "", `{"a":"x\u0000y"}`, "{\"a\":\"x\uFFFDy\"}"},
		{"bad UTF-8", "", "{\"a\":\"x\xffy\"}", "{\"a\":\"x\uFFFDy\"}"},
		{"empty ones", "", ` {"a":{},"b":[]} `, `{"a":{},"b":[]}`},
		{"SNS form", "application/x-www-form-urlencoded; charset=utf-8", "Action=Publish&PhoneNumber=%2B821012345678&Message=%EC%95%88%EB%85%95&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType",
			"Action=Publish&PhoneNumber=***5678&Message=[2 characters]&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType"},
		{"token form", "application/x-www-form-urlencoded", "grant_type=refresh_token&refresh_token=abc&client_secret=d&x=%zz&y", "grant_type=refresh_token&refresh_token=[redacted]&client_secret=[redacted]&x=%zz&y"},
		{"XML", "text/xml", "<PhoneNumber>+821012345678</PhoneNumber>", "<PhoneNumber>***5678</PhoneNumber>"},
		{"a message", "message/rfc822", "From: kim@example.kr\r\n\r\nhush", "<28 bytes of message/rfc822>"},
		{"an upload", "multipart/form-data; boundary=x", "--x", "<3 bytes of multipart/form-data; boundary=x>"},
		{"bytes", "", "\xff\x00\xfe", "<3 bytes of binary>"},
		{"nothing", "application/json", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := r.Body(test.kind, []byte(test.in), 4096)
			if got != test.out {
				t.Errorf("becomes %s\nwant    %s", got, test.out)
			}
			if again := r.Body(test.kind, []byte(got), 4096); again != got && !strings.HasPrefix(test.kind, "m") {
				t.Errorf("twice becomes %s", again)
			}
		})
	}
}

func TestBodiesAreBounded(t *testing.T) {
	r := NewRedactor()
	for name, body := range map[string]string{
		"many members": `{` + strings.Repeat(`"key":"value",`, 5000) + `"last":1}`,
		"long text":    `{"a":"` + strings.Repeat("가", 100_000) + `","b":1}`,
		"deep":         strings.Repeat(`{"a":[`, 3000),
		"deep whole":   strings.Repeat(`[`, 3000) + strings.Repeat(`]`, 3000),
		"list":         `[` + strings.Repeat(`12345678,`, 100_000) + `1]`,
	} {
		for _, limit := range []int{1, 40, 300, 4096} {
			got := r.Body("", []byte(body), limit)
			if len(got) > limit {
				t.Errorf("%s: %d bytes of at most %d", name, len(got), limit)
			}
			if limit >= 40 && !jsontext.Value(got).IsValid() {
				t.Errorf("%s: not JSON: %.200s", name, got)
			}
		}
	}
	if got := r.Body("text/plain", []byte(strings.Repeat("가 ", 100_000)), 100); len(got) > 100 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
		t.Errorf("%q", got)
	}
	// What would be cut in half is redacted before it is cut.
	secret := NewRedactor("0123456789-very-long-secret")
	if got := secret.Body("text/plain", []byte(strings.Repeat("x", 90)+" 0123456789-very-long-secret"), 100); strings.Contains(got, "012") {
		t.Errorf("%q", got)
	}
}

// FuzzBody holds what must be true of any body: bounded, valid UTF-8 without
// NUL, JSON when it was JSON, and nothing left of marked texts.
func FuzzBody(f *testing.F) {
	f.Add(`{"a":[1,{"text":"x"}]}`, "", 100)
	f.Add(`{"a":"\u0000\ud800"}`, "application/json", 30)
	f.Add("a=b&c=%zz", "application/x-www-form-urlencoded", 20)
	f.Add("\xff\x00", "", 10)
	r := NewRedactor("known-secret")
	f.Fuzz(func(t *testing.T, body, kind string, limit int) {
		limit %= 10_000
		got := r.Body(kind, []byte(body), limit)
		if len(got) > max(limit, len(size(len(body), kind))) {
			t.Errorf("%d bytes of at most %d", len(got), limit)
		}
		if strings.HasPrefix(kind, "mul") || strings.HasPrefix(kind, "mes") {
			return
		}
		if !utf8.ValidString(got) && utf8.ValidString(kind) || strings.Contains(got, "\x00") && !strings.Contains(kind, "\x00") {
			t.Errorf("not clean: %q", got)
		}
		value := jsontext.Value(body)
		if limit > 100 && value.IsValid() && (value.Kind() == '{' || value.Kind() == '[') && kind == "" && !jsontext.Value(got).IsValid() {
			t.Errorf("%q is no JSON any more: %q", body, got)
		}
		marked := `{"to":"minsu@example.kr","text":"hush-hush","x":"known-secret","v":` + quote(body) + `}`
		if !utf8.ValidString(body) {
			return
		}
		shown := r.Body("", []byte(marked), 100_000)
		for _, part := range []string{"minsu", "hush-hush", "known-secret"} {
			if strings.Contains(shown, part) && !strings.Contains(body, part) {
				t.Errorf("%s is kept: %s", part, shown)
			}
		}
	})
}
