package alert

import (
	"fmt"
	"math"
	"time"
)

// Limits are where the rules draw their lines.
type Limits struct {
	// FailureShare of a provider's calls, from 0 to 1, is bad above it, once there
	// are FailureCalls.
	FailureShare float64
	FailureCalls int64
	// DeadLetters are so many new ones of a kind in the last minutes.
	DeadLetters int
	// OutboxAge and BacklogAge are how old the oldest that waits may become, and
	// Backlog how many may wait in one lane.
	OutboxAge, BacklogAge time.Duration
	Backlog               int
	// ManualAge is how long a verification may wait for a person.
	ManualAge time.Duration
}

// stickiness is the part of a limit below which what was bad is fine again: a
// figure that wavers about its limit raises one alert, not many.
const stickiness = 0.8

// LetterWindow is what counts as a new dead letter.
const LetterWindow = 15 * time.Minute

// Provider is how a provider stands across the fleet.
type Provider struct {
	Name string
	// Calls and Failures of the last five minutes; Reason of the last failure.
	Calls, Failures int64
	Reason          string
	// Breaker is closed, half_open or open.
	Breaker string
	// NoQuota and NoEntry: its allowance is used up, it refuses our credentials.
	NoQuota, NoEntry bool
	// Health is healthy, degraded or unhealthy, with the reason.
	Health, HealthReason string
}

// ReadProvider reads the rules about one provider.
func (l Limits) ReadProvider(p Provider) []Reading {
	return []Reading{l.failures(p), health(p), breaker(p), quota(p), entry(p)}
}

func (l Limits) failures(p Provider) Reading {
	r := Reading{Key: Key{ProviderFailureRate, p.Name}, Severity: Warning}
	if p.Calls == 0 || p.Calls < l.FailureCalls {
		return r // too few to say; one that is not called at all is told of by its breaker or health
	}
	share := float64(p.Failures) / float64(p.Calls)
	r.Level = level(share > l.FailureShare, share > l.FailureShare*stickiness)
	if share > 0.5 {
		r.Severity = Critical
	}
	r.Message = fmt.Sprintf("%d of %d calls to %s failed in the last 5 minutes (%.0f %%)", p.Failures, p.Calls, p.Name, math.Round(100*share))
	if p.Reason != "" {
		r.Message += ", the last with " + p.Reason
	}
	return r
}

func health(p Provider) Reading {
	r := Reading{Key: Key{ProviderUnhealthy, p.Name}, Severity: Warning, Level: level(p.Health != "healthy" && p.Health != "", false)}
	if p.Health == "unhealthy" {
		r.Severity = Critical
	}
	r.Message = p.Name + " is " + p.Health
	if p.HealthReason != "" {
		r.Message += ": " + p.HealthReason
	}
	return r
}

// breaker: one that probes is neither open nor well again.
func breaker(p Provider) Reading {
	return Reading{
		Key: Key{BreakerOpen, p.Name}, Severity: Critical, Level: level(p.Breaker == "open", p.Breaker == "half_open"),
		Message: "the breaker of " + p.Name + " is open: it kept failing and is called again only to probe",
	}
}

func quota(p Provider) Reading {
	return Reading{
		Key: Key{QuotaExhausted, p.Name}, Severity: Warning, Level: level(p.NoQuota, false),
		Message: "the allowance of " + p.Name + " is used up: others of its route are called until it is renewed",
	}
}

func entry(p Provider) Reading {
	return Reading{
		Key: Key{Unauthorized, p.Name}, Severity: Critical, Level: level(p.NoEntry, false),
		Message: p.Name + " does not accept our credentials: look at its keys and its list of allowed addresses",
	}
}

// ReadLetters reads how many dead letters of a kind are new and open.
func (l Limits) ReadLetters(kind string, count int, reason string) Reading {
	r := Reading{Key: Key{DeadLetters, kind}, Severity: Warning, Level: level(count >= max(1, l.DeadLetters), count > 0)}
	r.Message = fmt.Sprintf("%d new dead %s of %s in the last 15 minutes, the last with %s", count, plural(count, "letter"), kind, reason)
	return r
}

// ReadOutbox reads how long rows have waited for the bus.
func (l Limits) ReadOutbox(now time.Time, waiting int, oldest time.Time) Reading {
	r := Reading{Key: Key{Alert: OutboxStuck}, Severity: Critical}
	if waiting > 0 {
		age := now.Sub(oldest)
		r.Level = level(age > l.OutboxAge, age > sticky(l.OutboxAge))
		r.Message = fmt.Sprintf("%d %s of the outbox %s for the bus, the oldest since %s", waiting, plural(waiting, "row"), waits(waiting), stamp(oldest))
	}
	return r
}

// ReadLane reads what waits in a lane of a kind. pending has not been handed to
// a worker; oldest is when the oldest of the lane was published.
func (l Limits) ReadLane(now time.Time, kind, lane string, pending int, oldest time.Time, paused bool) Reading {
	subject := kind
	if lane != "" && lane != "normal" {
		subject += "." + lane
	}
	r := Reading{Key: Key{StreamBacklog, subject}, Severity: Warning}
	if pending == 0 {
		return r
	}
	age := now.Sub(oldest)
	r.Level = level(age > l.BacklogAge || pending >= l.Backlog, age > sticky(l.BacklogAge) || float64(pending) >= float64(l.Backlog)*stickiness)
	r.Message = fmt.Sprintf("%d %s of %s %s for a worker, the oldest since %s", pending, plural(pending, "command"), subject, waits(pending), stamp(oldest))
	if paused {
		r.Message += "; the kind is paused by an operator"
	}
	return r
}

// ReadManual reads what waits for a person.
func (l Limits) ReadManual(now time.Time, waiting int, oldest time.Time) Reading {
	r := Reading{Key: Key{Alert: ManualQueue}, Severity: Warning}
	if waiting > 0 {
		r.Level = level(now.Sub(oldest) > l.ManualAge, false)
		r.Message = fmt.Sprintf("%d %s %s for a person, the oldest since %s", waiting, plural(waiting, "verification"), waits(waiting), stamp(oldest))
	}
	return r
}

func level(bad, doubtful bool) Level {
	switch {
	case bad:
		return Bad
	case doubtful:
		return Doubtful
	default:
		return Fine
	}
}

func sticky(d time.Duration) time.Duration { return time.Duration(float64(d) * stickiness) }

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func waits(n int) string {
	if n == 1 {
		return "waits"
	}
	return "wait"
}
