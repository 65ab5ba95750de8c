package alert

import (
	"time"

	"github.com/google/uuid"
)

// What is a kind of change that is told or stored.
type What string

// The changes. Noted and Dropped are stored and told to nobody.
const (
	Raised   What = "raised"
	Worsened What = "worsened" // it fires already, and is graver now
	Reminded What = "reminded"
	Resolved What = "resolved"
	Noted    What = "noted"
	Dropped  What = "dropped" // it was over before it was raised
)

// Told reports whether people are told of it.
func (w What) Told() bool { return w != Noted && w != Dropped }

// Change is what becomes of an alert.
type Change struct {
	What  What
	Alert Alert // as it is now to be stored
	// Silent: programs are told by an event, people are not.
	Silent bool
}

// judge compares what is open with what was found. A key that a successful
// probe does not mention is fine; keys of alerts that were not looked at stay as
// they are.
func judge(now time.Time, open []Alert, silences []Silence, found []Reading, looked map[Name]bool, p Patience) (changes []Change) {
	change := func(what What, a Alert) {
		changes = append(changes, Change{what, a, a.Silenced.After(now)})
	}
	readings := map[Key]Reading{}
	for _, r := range found {
		if worse, known := readings[r.Key]; !known || r.Level > worse.Level {
			readings[r.Key] = r
		}
	}
	for _, a := range open {
		if !looked[a.Alert] {
			continue
		}
		a.Silenced = silenced(silences, a.Key, now)
		if what := a.step(now, readings[a.Key], p); what != "" {
			change(what, a)
		}
		delete(readings, a.Key)
	}
	for _, r := range found { // in the order of the rules
		if _, new := readings[r.Key]; !new || r.Level != Bad {
			continue
		}
		delete(readings, r.Key)
		a := Alert{ID: uuid.Must(uuid.NewV7()), Key: r.Key, Severity: r.Severity, Message: r.Message, Since: now}
		a.Silenced = silenced(silences, a.Key, now)
		what := Noted
		if p.For <= 0 {
			what = a.raise(now)
		}
		change(what, a)
	}
	return changes
}

// step brings an open alert up to date and says what has changed; "" for nothing.
func (a *Alert) step(now time.Time, r Reading, p Patience) What {
	switch pending := a.RaisedAt.IsZero(); {
	case pending && r.Level == Fine:
		a.ResolvedAt = now
		return Dropped
	case pending && r.Level == Bad && now.Sub(a.Since) >= p.For:
		a.Severity, a.Message = r.Severity, r.Message
		return a.raise(now)
	case pending:
		return ""
	case r.Level == Fine:
		return a.clear(now, p)
	}
	what := What("")
	if !a.FineSince.IsZero() {
		a.FineSince, what = time.Time{}, Noted
	}
	if r.Level != Bad {
		return what
	}
	graver := r.Severity.above(a.Severity)
	if a.Severity != r.Severity || a.Message != r.Message {
		a.Severity, a.Message, what = r.Severity, r.Message, Noted
	}
	switch {
	case graver:
		return a.tell(now, Worsened)
	case a.Silenced.After(now):
		return what
	case a.ToldAt.IsZero() || p.Repeat > 0 && now.Sub(a.ToldAt) >= p.Repeat: // also what was raised in silence
		return a.tell(now, Reminded)
	default:
		return what
	}
}

// clear resolves what has been fine for long enough.
func (a *Alert) clear(now time.Time, p Patience) What {
	what := What("")
	if a.FineSince.IsZero() {
		a.FineSince, what = now, Noted
	}
	if now.Sub(a.FineSince) < p.Keep {
		return what
	}
	a.ResolvedAt = now
	return a.tell(now, Resolved)
}

func (a *Alert) raise(now time.Time) What {
	a.RaisedAt = now
	return a.tell(now, Raised)
}

func (a *Alert) tell(now time.Time, what What) What {
	if !a.Silenced.After(now) {
		a.ToldAt = now
	}
	a.Told++
	return what
}
