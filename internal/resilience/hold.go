package resilience

import (
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Cause is why a provider is held back although its breaker is closed.
type Cause string

// The causes. An operator's hold stays until it is lifted; the others end by
// themselves, so that a provider which nobody looks after comes back.
const (
	ByOperator Cause = "operator"
	NoQuota    Cause = "quota_exhausted" // the provider says that its allowance is used up
	NoEntry    Cause = "unauthorized"    // the provider does not accept our credentials
	SlowedDown Cause = "rate_limited"    // the provider asked for a pause: its tokens wait
)

// Causes lists every cause.
func Causes() []Cause { return []Cause{ByOperator, NoQuota, NoEntry, SlowedDown} }

const (
	// unauthorizedHold is how long wrong credentials keep a provider away before
	// one more command tries it; a successful check ends it sooner.
	unauthorizedHold = 5 * time.Minute
	// quotaHold is the same for a used-up allowance whose end the provider did not name.
	quotaHold = 15 * time.Minute
	// slowHold is the pause after a 429 that named none; slowMost the longest believed.
	slowHold = time.Second
	slowMost = time.Hour
)

// Hold keeps a provider, or a kind, back across the fleet.
type Hold struct {
	By     string    `json:"by"` // operator or worker
	Note   string    `json:"note,omitzero"`
	Since  time.Time `json:"since"`           // for people
	ForMS  int64     `json:"for_ms,omitzero"` // 0 until it is lifted
	Detail string    `json:"detail,omitzero"` // the provider's word
}

// heldUntil is a hold as this worker knows it: until is by its own clock, counted
// from when it heard of the hold; zero for no end.
type heldUntil struct {
	Hold
	until time.Time
}

func (h Hold) lasts() time.Duration { return time.Duration(h.ForMS) * time.Millisecond }

func (h heldUntil) over(now time.Time) bool { return !h.until.IsZero() && !now.Before(h.until) }

func since(hold Hold, now time.Time) heldUntil {
	held := heldUntil{Hold: hold}
	if hold.ForMS > 0 {
		held.until = now.Add(hold.lasts())
	}
	return held
}

// reason is the word of the failure vocabulary for a call that a hold refuses.
func (c Cause) reason() fault.Reason {
	switch c {
	case NoQuota:
		return fault.QuotaExhausted
	case NoEntry:
		return fault.Unauthorized
	case SlowedDown:
		return fault.RateLimited
	default:
		return fault.CircuitOpen // like an open breaker: wait, or take another provider
	}
}

// says is the same for people.
func (c Cause) says() string {
	switch c {
	case NoQuota:
		return "the provider's allowance is used up"
	case NoEntry:
		return "the provider does not accept our credentials"
	case SlowedDown:
		return "the provider asked for a pause"
	default:
		return "paused by an operator"
	}
}

// follows returns the hold that a failed call leads to.
func follows(failure *fault.Error) (cause Cause, pause time.Duration, ok bool) {
	switch failure.Reason {
	case fault.RateLimited:
		pause = failure.RetryAfter
		if pause <= 0 {
			pause = slowHold
		}
		return SlowedDown, min(pause, slowMost), true
	case fault.QuotaExhausted:
		pause = failure.RetryAfter
		if pause <= 0 {
			pause = quotaHold
		}
		return NoQuota, pause, true
	case fault.Unauthorized:
		return NoEntry, unauthorizedHold, true
	default:
		return "", 0, false
	}
}
