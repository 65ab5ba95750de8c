// Package command is the wire contract of the bus: which commands there are,
// how their bodies look, how a body is decoded strictly, and how two bodies are
// told apart (the digest).
package command

import "strings"

// Kind is a command's kind; it is also its subject on the bus.
type Kind string

// The kinds of the public contract, section 3.
const (
	EmailSend        Kind = "email.send"
	SMSSend          Kind = "sms.send"
	BusinessVerify   Kind = "business.verify"
	AddressSearch    Kind = "address.search"
	WebhookProcess   Kind = "webhook.process"
	DeliveryCancel   Kind = "delivery.cancel"
	BusinessComplete Kind = "business.complete"
)

// Kinds lists every kind, producer kinds first.
func Kinds() []Kind {
	return []Kind{EmailSend, SMSSend, BusinessVerify, AddressSearch, WebhookProcess, DeliveryCancel, BusinessComplete}
}

// ProducerKinds lists the kinds that a producer publishes and that have lanes.
func ProducerKinds() []Kind { return Kinds()[:4] }

// Valid reports whether k is one of [Kinds].
func (k Kind) Valid() bool {
	for _, known := range Kinds() {
		if k == known {
			return true
		}
	}
	return false
}

// Producer reports whether k is one of [ProducerKinds].
func (k Kind) Producer() bool {
	return k == EmailSend || k == SMSSend || k == BusinessVerify || k == AddressSearch
}

// Send reports whether running k twice reaches a person twice. Every other
// kind is safe to run again.
func (k Kind) Send() bool { return k == EmailSend || k == SMSSend }

// Lookup reports whether k asks a provider and returns a result.
func (k Kind) Lookup() bool { return k == BusinessVerify || k == AddressSearch }

// Route is the name of the configured route that serves k ("email", "sms",
// "business", "address"), or "" for kinds that call no provider.
func (k Kind) Route() string {
	if !k.Producer() {
		return ""
	}
	name, _, _ := strings.Cut(string(k), ".")
	return name
}

// Lane is the urgency class of a producer kind.
type Lane string

// The three lanes. Normal is the bare subject.
const (
	High   Lane = "high"
	Normal Lane = "normal"
	Bulk   Lane = "bulk"
)

// Alerts is the lane of our own e-mails about alerts, before all others: neither a
// flood of high nor its wait for a provider's tokens keeps them. It is no lane of
// producers, and is shown as [High].
const Alerts Lane = "alerts"

// Shown is the lane that rows, metrics and messages to others name.
func (l Lane) Shown() Lane {
	if l == Alerts {
		return High
	}
	return l
}

// Lanes lists the lanes of producers, most urgent first.
func Lanes() []Lane { return []Lane{High, Normal, Bulk} }

// Valid reports whether l is one of [Lanes].
func (l Lane) Valid() bool { return l == High || l == Normal || l == Bulk }

// Subject returns the subject of k in lane l: "email.send", "email.send.high".
func (k Kind) Subject(l Lane) string {
	if l == Normal || l == "" {
		return string(k)
	}
	return string(k) + "." + string(l)
}

// Fired reports whether a subject is that of a schedule whose time has come, by
// the broker's clock.
func Fired(subject string) bool { return strings.HasPrefix(subject, subjectFired) }

const subjectFired = "scheduled.due."

// ParseSubject splits a subject into kind and lane. It also takes the subjects
// of fired schedules ("scheduled.due.<kind>.<lane>").
func ParseSubject(subject string) (Kind, Lane, bool) {
	rest, due := strings.CutPrefix(subject, subjectFired)
	if rest == EmailSend.Subject(Alerts) {
		return EmailSend, Alerts, true
	}
	lane := Normal
	for _, l := range []Lane{High, Bulk, Normal} {
		if l == Normal && !due {
			break
		}
		if base, ok := strings.CutSuffix(rest, "."+string(l)); ok {
			rest, lane = base, l
			break
		}
	}
	kind := Kind(rest)
	if !kind.Valid() || (lane != Normal && !kind.Producer()) {
		return "", "", false
	}
	return kind, lane, true
}
