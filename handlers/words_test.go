package handlers

import (
	"testing"

	"github.com/google/uuid"
)

// TestMessageIDDomain: the sender's domain, whatever its display name looks like.
func TestMessageIDDomain(t *testing.T) {
	id := uuid.MustParse("0199c0de-0000-7000-8000-000000000001")
	for from, domain := range map[string]string{
		"":                  "gangway.gangwon.kr",
		"portal@example.kr": "example.kr",
		`"강원@비즈 포털" <portal@example.kr>`: "example.kr",
		`portal@example.kr (도청)`:         "example.kr",
	} {
		if got := new(Email).messageID(id, from); got != id.String()+"@"+domain {
			t.Errorf("from %q: %q", from, got)
		}
	}
}
