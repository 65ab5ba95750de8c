package telemetry

import (
	"slices"
	"time"
)

// ProviderCall counts one call to a provider. outcome is ok, failed or unknown;
// reason is "" for ok.
func (m *Metrics) ProviderCall(provider, endpoint, outcome, reason string, took time.Duration) {
	provider, endpoint = m.endpoint(provider, endpoint)
	m.providerCalls.WithLabelValues(provider, endpoint, among(outcomes(), outcome), m.reason(reason)).Inc()
	m.providerTime.WithLabelValues(provider, endpoint).Observe(took.Seconds())
}

// CommandDone counts a command that reached a status. Took is the time since it
// was published; a negative one is not observed, such as for later reports.
func (m *Metrics) CommandDone(kind, lane, status string, took time.Duration) {
	kind, lane = m.kind(kind, lane)
	m.commands.WithLabelValues(kind, lane, among(m.labels.Statuses, status)).Inc()
	if took >= 0 {
		m.commandTime.WithLabelValues(kind, lane).Observe(took.Seconds())
	}
}

// InFlight adds to the commands of a kind that are executed now: 1 or -1.
func (m *Metrics) InFlight(kind string, change int) {
	m.inFlight.WithLabelValues(among(m.labels.Kinds, kind)).Add(float64(change))
}

// StreamPending sets how many commands wait in the stream, and how old the oldest
// of the lane is.
func (m *Metrics) StreamPending(kind, lane string, waiting int, oldest time.Duration) {
	kind, lane = m.kind(kind, lane)
	m.streamPending.WithLabelValues(kind, lane).Set(float64(waiting))
	m.streamOldest.WithLabelValues(kind, lane).Set(oldest.Seconds())
}

// Attempt counts a recorded attempt: ok, failed or unknown.
func (m *Metrics) Attempt(provider, outcome string) {
	m.attempts.WithLabelValues(m.provider(provider), among(outcomes(), outcome)).Inc()
}

// Breaker sets the state of a provider's breaker: closed, half_open or open.
func (m *Metrics) Breaker(provider, state string) {
	for _, s := range breakerStates() {
		m.breakerState.WithLabelValues(m.provider(provider), s).Set(oneIf(s == state))
	}
}

// BreakerTrip counts an opening of a provider's breaker.
func (m *Metrics) BreakerTrip(provider string) {
	m.breakerTrips.WithLabelValues(m.provider(provider)).Inc()
}

// ThrottleWait observes how long a command waited for a provider's rate limit.
func (m *Metrics) ThrottleWait(provider string, waited time.Duration) {
	m.throttleWait.WithLabelValues(m.provider(provider)).Observe(waited.Seconds())
}

// ThrottleLimited counts a command that had to wait for a provider's rate limit.
func (m *Metrics) ThrottleLimited(provider string) {
	m.throttleLimited.WithLabelValues(m.provider(provider)).Inc()
}

// CacheRequest counts a look-up in a cache ("nicednb.search"): hit, stale or miss.
func (m *Metrics) CacheRequest(cache, result string) {
	m.cacheRequests.WithLabelValues(m.cache(cache), among(cacheResults(), result)).Inc()
}

// DeadLetter counts a dead letter.
func (m *Metrics) DeadLetter(kind, reason string) {
	m.deadletters.WithLabelValues(among(m.labels.Kinds, kind), m.reason(reason)).Inc()
}

// Webhook counts a webhook: accepted, duplicate, refused or failed.
func (m *Metrics) Webhook(provider, outcome string) {
	m.webhooks.WithLabelValues(m.provider(provider), among(webhookOutcomes(), outcome)).Inc()
}

// OutboxPending sets how many rows of the outbox wait, and how long the oldest has.
func (m *Metrics) OutboxPending(rows int, oldest time.Duration) {
	m.outboxPending.Set(float64(rows))
	m.outboxOldest.Set(oldest.Seconds())
}

// Manual sets how many verifications wait for a person, and how long the oldest has.
func (m *Metrics) Manual(waiting int, oldest time.Duration) {
	m.manualWaiting.Set(float64(waiting))
	m.manualOldest.Set(oldest.Seconds())
}

// Held sets whether a provider is held back for a cause.
func (m *Metrics) Held(provider, cause string, held bool) {
	m.providerHeld.WithLabelValues(m.provider(provider), among(m.labels.Causes, cause)).Set(oneIf(held))
}

// Mailbox sets whether the mailbox of a provider's bounces can be read.
func (m *Metrics) Mailbox(provider string, up bool) {
	m.mailbox.WithLabelValues(m.provider(provider)).Set(oneIf(up))
}

// NoMailbox says that this worker reads the mailbox no more.
func (m *Metrics) NoMailbox(provider string) { m.mailbox.DeleteLabelValues(m.provider(provider)) }

// OutboxRelay observes the time from a row of the outbox to its message.
func (m *Metrics) OutboxRelay(took time.Duration) { m.outboxRelay.Observe(took.Seconds()) }

// Health sets the status of a provider: healthy, degraded or unhealthy.
func (m *Metrics) Health(provider, status string) {
	for _, s := range healthStates() {
		m.providerHealth.WithLabelValues(m.provider(provider), s).Set(oneIf(s == status))
	}
}

// Alert sets whether an alert is raised.
func (m *Metrics) Alert(alert string, firing bool) {
	m.alertsFiring.WithLabelValues(among(m.labels.Alerts, alert)).Set(oneIf(firing))
}

// Reload sets whether the last load of the configuration was valid.
func (m *Metrics) Reload(valid bool) { m.lastReload.Set(oneIf(valid)) }

func (m *Metrics) kind(kind, lane string) (string, string) {
	kind = among(m.labels.Kinds, kind)
	if lane == "" {
		lane = "normal"
	}
	return kind, among(m.lanesOf(kind), lane)
}

func (m *Metrics) reason(reason string) string {
	if reason == "" {
		return ""
	}
	return among(m.labels.Reasons, reason)
}

func (m *Metrics) provider(name string) string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if _, ok := m.providers[name]; ok {
		return name
	}
	return Other
}

// cache bounds how many caches there can be, and makes the series of a new one.
func (m *Metrics) cache(name string) string {
	m.mu.RLock()
	known := m.caches[name]
	m.mu.RUnlock()
	if known {
		return name
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.caches[name] && len(m.caches) >= cachesMost {
		return Other
	}
	m.caches[name] = true
	for _, result := range cacheResults() {
		m.cacheRequests.WithLabelValues(name, result)
	}
	return name
}

// endpoint bounds how many endpoints one provider can have: they come from the
// driver's code, and a driver that builds them from its input must not do harm.
func (m *Metrics) endpoint(provider, endpoint string) (string, string) {
	m.mu.RLock()
	endpoints, known := m.providers[provider]
	seen := endpoints[endpoint]
	m.mu.RUnlock()
	if !known {
		return Other, Other
	}
	if seen {
		return provider, endpoint
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !endpoints[endpoint] && len(endpoints) >= endpointsMost {
		return provider, Other
	}
	endpoints[endpoint] = true
	m.providerCalls.WithLabelValues(provider, endpoint, "ok", "")
	for _, reason := range m.labels.Reasons {
		m.providerCalls.WithLabelValues(provider, endpoint, "failed", reason)
	}
	return provider, endpoint
}

func among(known []string, value string) string {
	if slices.Contains(known, value) {
		return value
	}
	return Other
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
