package nts

import (
	"bytes"
	"net/url"
	"testing"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// FuzzAnswer: whatever comes, there is a classified error, or each question has
// its own item or the word that it has none.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		sampleStatus, sampleClosed, sampleMatch, sampleMismatch, `{"code":-4,"msg":"x"}`, `{"status_code":"HTTP_ERROR"}`, `{"data":[null,{}]}`,
	} {
		f.Add(200, []byte(seed))
		f.Add(400, []byte(seed))
	}
	p, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	states := call[string, statusItem]{
		provider: p, op: opStatus, body: func(asked []string) any { return statusRequest{Numbers: asked} },
		about: func(item *statusItem, number string) bool { return item.Number == number },
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		items, err := read(opStatus, providers.HTTPAnswer{Status: status, Body: body})
		if err != nil {
			if _, isFault := err.(*fault.Error); !isFault { //nolint:errorlint // with nothing around it
				t.Errorf("unclassified: %v", err)
			}
			return
		}
		own := states.pick("1248100998", items, providers.Exchange{})
		if own.err != nil {
			return
		}
		result := providers.BusinessResult{}
		own.answer.fill(&result.Company)
		answer, err := providers.LookupAnswer(opStatus, result)
		if err != nil || bytes.Contains(answer.Result, []byte(`\u0000`)) {
			t.Errorf("result %s: %v", answer.Result, err)
		}
	})
}

// FuzzKey: a decoding key and its encoding form are the same parameter.
func FuzzKey(f *testing.F) {
	f.Add(decodingKey)
	f.Fuzz(func(t *testing.T, key string) {
		for _, r := range key {
			if r == '%' || r == ' ' { // base64 has neither
				return
			}
		}
		values, err := url.ParseQuery(keyParam(key))
		if err != nil || values.Get("serviceKey") != key || keyParam(key) != keyParam(url.QueryEscape(key)) {
			t.Errorf("%q becomes %q", key, keyParam(key))
		}
	})
}
