package providers_test

import (
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// TestNoCallOutlastsTheLease: with less lease left than its time-out a call could
// still be running when another worker takes the command over.
func TestNoCallOutlastsTheLease(t *testing.T) {
	v := newVendor(t, "acme", true)
	left := 5 * time.Second
	guard := providers.NewGuard(v, providers.GuardOptions{Sends: true, Timeout: 10 * time.Second, LeaseLeft: func() time.Duration { return left }})
	if _, _, err := guard.Call(t.Context(), call("x")); fault.Of(err) != fault.Cancelled || v.calls.Load() != 0 {
		t.Errorf("%d calls, %v", v.calls.Load(), err)
	}
	left = 15 * time.Second
	if _, _, err := guard.Call(t.Context(), call("x")); err != nil {
		t.Error(err)
	}
}
