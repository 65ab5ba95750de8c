package simulator

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Cases of the test suite that Amazon publishes for Signature Version 4.
func TestVerifySigV4Vectors(t *testing.T) {
	const key, secret = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		method, target, body, contentType string
		signed, signature                 string
	}{
		"get-vanilla": {
			method: http.MethodGet, target: "/", signed: "host;x-amz-date",
			signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		},
		"post-x-www-form-urlencoded": {
			method: http.MethodPost, target: "/", body: "Param1=value1", contentType: "application/x-www-form-urlencoded",
			signed: "content-type;host;x-amz-date", signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		},
		"get-vanilla-query-order-key-case": {
			method: http.MethodGet, target: "/?Param2=value2&Param1=value1", signed: "host;x-amz-date",
			signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
		},
	} {
		t.Run(name, func(t *testing.T) {
			request := func(signature string) *http.Request {
				r := httptest.NewRequestWithContext(t.Context(), c.method, c.target, strings.NewReader(c.body))
				r.Host = "example.amazonaws.com"
				r.Header.Set("X-Amz-Date", "20150830T123600Z")
				if c.contentType != "" {
					r.Header.Set("Content-Type", c.contentType)
				}
				r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20150830/us-east-1/service/aws4_request, SignedHeaders="+
					c.signed+", Signature="+signature)
				return r
			}
			if code, message := verifySigV4(request(c.signature), []byte(c.body), key, secret, "service", at); code != "" {
				t.Errorf("the published signature is refused: %s: %s", code, message)
			}
			for what, refused := range map[string]string{
				"another signature": code(verifySigV4(request(strings.Repeat("0", 64)), []byte(c.body), key, secret, "service", at)),
				"another body":      code(verifySigV4(request(c.signature), []byte("x"), key, secret, "service", at)),
				"another secret":    code(verifySigV4(request(c.signature), []byte(c.body), key, "x", "service", at)),
				"another service":   code(verifySigV4(request(c.signature), []byte(c.body), key, secret, "sns", at)),
			} {
				if refused != "SignatureDoesNotMatch" {
					t.Errorf("%s: %q, want SignatureDoesNotMatch", what, refused)
				}
			}
			if got := code(verifySigV4(request(c.signature), []byte(c.body), key, secret, "service", at.Add(time.Hour))); got != "RequestExpired" {
				t.Errorf("an hour later: %q", got)
			}
			if got := code(verifySigV4(request(c.signature), []byte(c.body), "AKIDOTHER", secret, "service", at)); got != "InvalidClientTokenId" {
				t.Errorf("another key: %q", got)
			}
		})
	}
	bare := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if got := code(verifySigV4(bare, nil, key, secret, "sns", at)); got != "MissingAuthenticationToken" {
		t.Errorf("no header: %q", got)
	}
	bare.Header.Set("Authorization", "AWS4-HMAC-SHA256 nonsense")
	if got := code(verifySigV4(bare, nil, key, secret, "sns", at)); got != "IncompleteSignature" {
		t.Errorf("nonsense: %q", got)
	}
}

func code(code, _ string) string { return code }

func TestSMSBookForgetsTheOldest(t *testing.T) {
	book := &smsBook{most: 10}
	for i := range 100 {
		book.add(smsMessage{ID: strconv.Itoa(i)})
	}
	all := book.find(func(smsMessage) bool { return true })
	if len(all) < 10 || len(all) > 20 || all[len(all)-1].ID != "99" {
		t.Errorf("%d messages are kept, the last %v", len(all), all[len(all)-1].ID)
	}
}

func TestSMSFilters(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, kst())
	for _, c := range []struct {
		from, until string
		want        bool
	}{
		{"", "", true},
		{"2026-03-01 08:59:59", "2026-03-01 09:00:00", true},
		{"2026-03-01 09:00:01", "", false},
		{"", "2026-03-01 08:59:59", false},
		{"nonsense", "nonsense", true},
	} {
		if got := within(at, c.from, c.until, nhnTime); got != c.want {
			t.Errorf("within(%q, %q) = %t", c.from, c.until, got)
		}
	}
	if !matches("", "x") || !matches("x", "x") || matches("y", "x") {
		t.Error("a filter matches what it should not, or the other way round")
	}
}
