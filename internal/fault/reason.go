// Package fault is the vocabulary of failure. Every error that leaves a driver,
// a handler or the store carries one [Reason], and the [Reason] alone decides
// what happens next: see the table in table.go.
package fault

// Reason is one word for why something did not work. The same word stands in
// the status row, the attempt row, the metric label, the log field and the API
// error code.
type Reason string

// The reasons of the public contract, section 5.
const (
	None           Reason = ""                // nothing failed
	Invalid        Reason = "invalid"         // the command itself is wrong
	Refused        Reason = "refused"         // the provider refused this recipient or content
	NotFound       Reason = "not_found"       // what was asked for does not exist
	Unauthorized   Reason = "unauthorized"    // the provider does not accept our credentials
	RateLimited    Reason = "rate_limited"    // the provider asks us to slow down
	QuotaExhausted Reason = "quota_exhausted" // the provider's daily or paid allowance is used up
	Unavailable    Reason = "unavailable"     // the provider failed, and nothing was sent
	Timeout        Reason = "timeout"         // no answer in time, and nothing was sent (or the call is a look-up)
	CircuitOpen    Reason = "circuit_open"    // the breaker is open: no call was made
	UnknownOutcome Reason = "unknown_outcome" // the request left and no answer came: it may have been sent
	Suppressed     Reason = "suppressed"      // the recipient must get nothing more
	Expired        Reason = "expired"         // expires_at passed before the call
	Cancelled      Reason = "cancelled"       // stopped before it was sent
	Internal       Reason = "internal"        // our own failure
)

// Reasons lists every reason but [None], in the order of the contract. Metrics
// create their label sets from it.
func Reasons() []Reason {
	return []Reason{
		Invalid, Refused, NotFound, Unauthorized, RateLimited, QuotaExhausted, Unavailable, Timeout,
		CircuitOpen, UnknownOutcome, Suppressed, Expired, Cancelled, Internal,
	}
}

// Valid reports whether r is one of [Reasons].
func (r Reason) Valid() bool {
	_, ok := table[r]
	return ok && r != None
}
