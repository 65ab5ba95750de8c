package pipeline

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gangwon-portal/gangway/internal/fault"
)

func TestDelayGrowsWithJitterAndIsBounded(t *testing.T) {
	r := Retry{Base: time.Second, Factor: 2, Cap: 5 * time.Second, Max: 3}
	for n, whole := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 40: 5 * time.Second} {
		seen := map[time.Duration]bool{}
		for range 200 {
			d := r.Delay(n)
			if d < whole/10 || d > whole {
				t.Fatalf("retry %d waits %s, want %s to %s", n, d, whole/10, whole)
			}
			seen[d] = true
		}
		if len(seen) < 100 {
			t.Errorf("retry %d has %d different waits of 200: no jitter", n, len(seen))
		}
	}
}

func TestStoredErrorIsStorable(t *testing.T) {
	text := clipped(&fault.Error{Reason: fault.Refused, Message: "a\x00b\xff", Err: errors.New(strings.Repeat("춘", 1000))})
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) || len(text) > 1000 || !strings.HasPrefix(text, "ab") {
		t.Errorf("%d bytes, %q…", len(text), text[:10])
	}
}
