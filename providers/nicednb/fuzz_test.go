package nicednb

import (
	"bytes"
	"testing"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// FuzzAnswer: whatever a vendor sends, there is a classified error or a result
// about the number that was asked for, fit to be stored.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{sampleFound, sampleNone, sampleOther, sampleToken, `{"dataBody":{"list01":[null]}}`, `{"dataBody":{"bizNo":"1248100998"}}`} {
		f.Add(200, []byte(seed))
		f.Add(403, []byte(seed))
	}
	p, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if _, _, err := p.readToken(body); err != nil && fault.Of(err) != fault.Unavailable {
			t.Errorf("token: %v", err)
		}
		got, err := p.read(providers.HTTPAnswer{Status: status, Body: body})
		if err != nil {
			if fault.Of(err) == fault.Internal || fault.Of(err) == fault.None {
				t.Errorf("unclassified: %v", err)
			}
			return
		}
		row, err := got.about("1248100998", p.options.Fields)
		if got.empty || err != nil {
			return
		}
		answer, err := providers.LookupAnswer(opSearch, row.company("1248100998", p.options.Fields))
		if err != nil || bytes.Contains(answer.Result, []byte(`\u0000`)) {
			t.Errorf("result %s: %v", answer.Result, err)
		}
	})
}
