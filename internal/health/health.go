// Package health says how the providers are: healthy, degraded or unhealthy. One
// worker of the fleet checks each of them now and then, and looks at how the
// calls of all workers fare; whoever is asked to may check at once. What was
// found is a [Record] that all workers see.
//
//	Check ──┐
//	        ├─► judge (worse soon, better slowly) ─► Record ─► event, alert, metric, table
//	Signs ──┘
package health

import (
	"cmp"
	"time"
)

// Status is how a provider is.
type Status string

// The three statuses, from good to bad.
const (
	Healthy   Status = "healthy"
	Degraded  Status = "degraded"
	Unhealthy Status = "unhealthy"
)

// Worse reports whether s is worse than other.
func (s Status) Worse(other Status) bool { return s.rank() > other.rank() }

func (s Status) rank() int {
	switch s {
	case Unhealthy:
		return 2
	case Degraded:
		return 1
	default:
		return 0
	}
}

// Report is how one provider is: what /health shows.
type Report struct {
	Status    Status    `json:"status"`
	Since     time.Time `json:"since,omitzero"`
	CheckedAt time.Time `json:"checked_at,omitzero"`
	LatencyMS int64     `json:"latency_ms"` // of the last check
	Reason    string    `json:"reason"`     // "" when there is nothing to say
}

// Record is a report with what the judgement needs to know of earlier ones. It
// is stored for the whole fleet and changed by compare-and-set.
type Record struct {
	Report
	// Changes counts changes of status; it makes their events unique.
	Changes int `json:"changes"`
	// Untold says that the last change has not been told yet, and Previous is the
	// status before it.
	Untold   bool   `json:"untold,omitzero"`
	Previous Status `json:"previous,omitzero"`
	// Fails counts failed checks in a row, Good the judgements in a row that found
	// the provider better than its status.
	Fails int `json:"fails,omitzero"`
	Good  int `json:"good,omitzero"`
	// Check and CheckReason are what the last check found.
	Check       Status `json:"check,omitzero"`
	CheckReason string `json:"check_reason,omitzero"`
}

// Checked is the outcome of one check.
type Checked struct {
	At     time.Time
	Took   time.Duration
	Reason string // why it failed, fit to be shown; "" when it succeeded
	// Grave says that repeating it is no use: wrong credentials.
	Grave bool
	// Lacking is what is missing although the provider does its work, "" when nothing
	// is.
	Lacking string
}

// Signs is how real calls fare, over all workers and the last minutes.
type Signs struct {
	Calls, Failures int64
	P95             time.Duration
	// Blocked says why the provider is not called at all: its breaker is open, it
	// is out of quota, it does not accept our credentials. "" when it is.
	Blocked string
	// Paused says that an operator keeps it out of use, which is no illness.
	Paused string
}

const (
	// failsUnhealthy is how many checks in a row must fail.
	failsUnhealthy = 2
	// goodBetter is how many judgements in a row must be better before the status is.
	goodBetter = 2
	// enoughCalls are needed for a share to mean anything.
	enoughCalls    = 20
	shareDegraded  = 0.10
	shareUnhealthy = 0.50
	stickiness     = 0.8
	// slowCheck and slowCalls are degraded though nothing fails.
	slowCheck = 5 * time.Second
	slowCalls = 10 * time.Second
)

// checked takes in the outcome of a check.
func (r *Record) checked(c Checked) {
	r.CheckedAt, r.LatencyMS = c.At.UTC().Truncate(time.Millisecond), c.Took.Milliseconds()
	r.Check, r.CheckReason = Healthy, ""
	switch {
	case c.Reason != "":
		r.Fails++
		r.Check, r.CheckReason = Degraded, c.Reason
		if c.Grave || r.Fails >= failsUnhealthy {
			r.Check = Unhealthy
		}
	case c.Lacking != "":
		r.Fails = 0
		r.Check, r.CheckReason = Degraded, c.Lacking
	case c.Took >= slowCheck:
		r.Fails = 0
		r.Check, r.CheckReason = Degraded, "the check took "+c.Took.Round(100*time.Millisecond).String()
	default:
		r.Fails = 0
	}
}

// judge decides the status: worse at once, because the check and the signs have
// their own patience; better only when it stays so.
func (r *Record) judge(now time.Time, signs Signs) {
	status, reason := r.Check, r.CheckReason
	if seen, why := signs.status(r.Status); seen.Worse(status) {
		status, reason = seen, why
	}
	status = cmp.Or(status, Healthy)
	switch {
	case r.Status == "":
		r.become(now, status)
		r.Untold = status.Worse(Healthy)
	case status.Worse(r.Status):
		r.become(now, status)
	case r.Status.Worse(status):
		if r.Good++; r.Good < goodBetter {
			reason = cmp.Or(reason, "recovering")
			break
		}
		r.become(now, status)
	default:
		r.Good = 0
	}
	r.Reason = cmp.Or(reason, signs.Paused)
}

func (r *Record) become(now time.Time, status Status) {
	r.Previous, r.Status, r.Since = r.Status, status, now.UTC().Truncate(time.Millisecond)
	r.Good, r.Untold = 0, true
	r.Changes++
}

// status is what the signs alone say of a provider that is as it is now.
func (s Signs) status(now Status) (Status, string) {
	share := 0.0
	if s.Calls >= enoughCalls {
		share = float64(s.Failures) / float64(s.Calls)
	}
	// What is bad stays so until it is clearly better: a share that wavers about
	// its limit raises one alert, not many.
	limit := func(share float64, status Status) float64 {
		if now == status {
			return share * stickiness
		}
		return share
	}
	switch {
	case s.Blocked != "":
		return Unhealthy, s.Blocked
	case share >= limit(shareUnhealthy, Unhealthy):
		return Unhealthy, percent(share) + " of the calls of the last minutes failed"
	case share >= limit(shareDegraded, Degraded):
		return Degraded, percent(share) + " of the calls of the last minutes failed"
	case s.Calls >= enoughCalls && s.P95 >= slowCalls:
		return Degraded, "calls take up to " + s.P95.Round(100*time.Millisecond).String()
	default:
		return Healthy, ""
	}
}
