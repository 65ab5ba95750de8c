package fault

import "net/http"

// Rule says what follows from a reason. It is the one failure table: pipeline,
// failover, breaker accounting, API and metrics all read it and decide nothing
// of their own.
type Rule struct {
	// Retry: another round along the route may follow.
	Retry bool
	// Free: waiting for that round spends none of the command's rounds.
	Free bool
	// Failover: the next provider of the route is tried in the same round.
	Failover bool
	// Breaker: the call counts as a failure of the provider.
	Breaker bool
	// Pause: the provider itself is held back (for the time it named, or until it clears).
	Pause bool
	// Alert: a person should look, even when a fallback succeeded.
	Alert bool
	// Letter: the command ends as a dead letter when nothing more is tried.
	Letter bool
	// Status is the delivery status of a command that ends here.
	Status string
	// HTTP is the status code of an API answer with this reason.
	HTTP int
}

// table follows section 5 of the contract line by line.
var table = map[Reason]Rule{
	None:           {Status: "sent", HTTP: http.StatusOK},
	Invalid:        {Letter: true, Status: "rejected", HTTP: http.StatusUnprocessableEntity},
	Refused:        {Status: "failed", HTTP: http.StatusUnprocessableEntity},
	NotFound:       {Letter: true, Status: "dead_lettered", HTTP: http.StatusNotFound},
	Unauthorized:   {Retry: true, Failover: true, Pause: true, Alert: true, Letter: true, Status: "dead_lettered", HTTP: http.StatusBadGateway},
	RateLimited:    {Retry: true, Free: true, Pause: true, Letter: true, Status: "dead_lettered", HTTP: http.StatusTooManyRequests},
	QuotaExhausted: {Retry: true, Free: true, Failover: true, Pause: true, Alert: true, Letter: true, Status: "dead_lettered", HTTP: http.StatusServiceUnavailable},
	Unavailable:    {Retry: true, Failover: true, Breaker: true, Letter: true, Status: "dead_lettered", HTTP: http.StatusServiceUnavailable},
	Timeout:        {Retry: true, Failover: true, Breaker: true, Letter: true, Status: "dead_lettered", HTTP: http.StatusGatewayTimeout},
	CircuitOpen:    {Retry: true, Free: true, Failover: true, Letter: true, Status: "dead_lettered", HTTP: http.StatusServiceUnavailable},
	UnknownOutcome: {Breaker: true, Alert: true, Letter: true, Status: "unknown", HTTP: http.StatusGatewayTimeout},
	Suppressed:     {Status: "suppressed", HTTP: http.StatusUnprocessableEntity},
	Expired:        {Letter: true, Status: "expired", HTTP: http.StatusGone},
	Cancelled:      {Retry: true, Free: true, Status: "cancelled", HTTP: http.StatusConflict},
	Internal:       {Retry: true, Alert: true, Letter: true, Status: "dead_lettered", HTTP: http.StatusInternalServerError},
}

// AgainstProvider reports whether a call that ended for r speaks against the
// provider; a recipient that it refused does not.
func (r Reason) AgainstProvider() bool {
	rule := r.Rule()
	return rule.Breaker || rule.Pause || r == Internal
}

// Rule returns the line of the failure table for r. An unknown reason is
// treated as [Internal], so that a newer worker's word is never ignored.
func (r Reason) Rule() Rule {
	if rule, ok := table[r]; ok {
		return rule
	}
	return table[Internal]
}
