package telemetry

import (
	"net/http"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Labels are the values that labels can have. Every other value is counted as
// "other", so that no input can make series without end. What is known here
// exists from the start with zero: a rate over a series that appears with its
// first failure would miss that failure.
type Labels struct {
	Kinds     []string // of commands
	Laned     []string // the kinds that have lanes
	Lanes     []string
	Statuses  []string
	Reasons   []string // without ""
	Alerts    []string
	Causes    []string // why a provider is held back
	Providers []string
	Version   string // of the build
	Revision  string
}

// Metrics are all metrics of the program, on a registry of their own.
type Metrics struct {
	registry *prometheus.Registry
	labels   Labels

	mu        sync.RWMutex
	providers map[string]map[string]bool // name → endpoints seen
	caches    map[string]bool

	providerCalls   *prometheus.CounterVec
	providerTime    *prometheus.HistogramVec
	commands        *prometheus.CounterVec
	commandTime     *prometheus.HistogramVec
	inFlight        *prometheus.GaugeVec
	streamPending   *prometheus.GaugeVec
	streamOldest    *prometheus.GaugeVec
	attempts        *prometheus.CounterVec
	breakerState    *prometheus.GaugeVec
	breakerTrips    *prometheus.CounterVec
	throttleWait    *prometheus.HistogramVec
	throttleLimited *prometheus.CounterVec
	cacheRequests   *prometheus.CounterVec
	deadletters     *prometheus.CounterVec
	webhooks        *prometheus.CounterVec
	mailbox         *prometheus.GaugeVec
	outboxPending   prometheus.Gauge
	outboxOldest    prometheus.Gauge
	manualWaiting   prometheus.Gauge
	manualOldest    prometheus.Gauge
	outboxRelay     prometheus.Histogram
	providerHealth  *prometheus.GaugeVec
	providerHeld    *prometheus.GaugeVec
	alertsFiring    *prometheus.GaugeVec
	lastReload      prometheus.Gauge
}

// Values of labels that are the same for every program.
const (
	// Other stands for a value outside the known ones.
	Other = "other"
	// endpointsMost bounds the endpoints of one provider, cachesMost the caches.
	endpointsMost, cachesMost = 32, 64
)

func outcomes() []string        { return []string{"ok", "failed", "unknown"} }
func breakerStates() []string   { return []string{"closed", "half_open", "open"} }
func healthStates() []string    { return []string{"healthy", "degraded", "unhealthy"} }
func cacheResults() []string    { return []string{"hit", "stale", "miss"} }
func webhookOutcomes() []string { return []string{"accepted", "duplicate", "refused", "failed"} }

// NewMetrics registers every metric of the contract.
func NewMetrics(labels Labels) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), labels: labels, providers: map[string]map[string]bool{}, caches: map[string]bool{}}
	calls := prometheus.ExponentialBuckets(0.002, 2, 15)   // 2 ms to 33 s
	waits := prometheus.ExponentialBuckets(0.001, 2.5, 14) // 1 ms to 150 s
	long := prometheus.ExponentialBuckets(0.001, 2.2, 20)  // 1 ms to 53 min
	counter := func(name, help string, names ...string) *prometheus.CounterVec {
		vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gangway_" + name, Help: help}, names)
		m.registry.MustRegister(vec)
		return vec
	}
	gauge := func(name, help string, names ...string) *prometheus.GaugeVec {
		vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gangway_" + name, Help: help}, names)
		m.registry.MustRegister(vec)
		return vec
	}
	histogram := func(name, help string, buckets []float64, names ...string) *prometheus.HistogramVec {
		vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gangway_" + name, Help: help, Buckets: buckets}, names)
		m.registry.MustRegister(vec)
		return vec
	}
	m.providerCalls = counter("provider_calls_total", "Calls to providers by outcome and reason.", "provider", "endpoint", "outcome", "reason")
	m.providerTime = histogram("provider_call_duration_seconds", "Time that calls to providers took.", calls, "provider", "endpoint")
	m.commands = counter("commands_total", "Commands that reached a status.", "kind", "lane", "status")
	m.commandTime = histogram("command_duration_seconds", "Time from published to sent or a final status.", long, "kind", "lane")
	m.inFlight = gauge("commands_in_flight", "Commands that this worker executes now.", "kind")
	m.streamPending = gauge("stream_pending", "Commands that wait in the stream.", "kind", "lane")
	m.streamOldest = gauge("stream_oldest_seconds", "Age of the oldest command of a lane in which some wait; 0 when none does.", "kind", "lane")
	m.attempts = counter("attempts_total", "Recorded attempts by outcome.", "provider", "outcome")
	m.breakerState = gauge("breaker_state", "1 for the state that the breaker is in.", "provider", "state")
	m.breakerTrips = counter("breaker_trips_total", "How often the breaker opened.", "provider")
	m.throttleWait = histogram("throttle_wait_seconds", "Time that commands waited for the provider's rate limit.", waits, "provider")
	m.throttleLimited = counter("throttle_limited_total", "Commands that had to wait for the provider's rate limit.", "provider")
	m.cacheRequests = counter("cache_requests_total", "Look-ups in the response cache by result.", "cache", "result")
	m.deadletters = counter("deadletters_total", "Dead letters by reason.", "kind", "reason")
	m.webhooks = counter("webhooks_total", "Webhooks that came in by outcome.", "provider", "outcome")
	m.mailbox = gauge("bounce_mailbox_up", "1 while the mailbox for a provider's bounces can be read; only the worker that reads it has it.", "provider")
	m.outboxPending = gauge("outbox_pending", "Rows of the outbox that are not yet on the bus.").WithLabelValues()
	m.outboxOldest = gauge("outbox_oldest_seconds", "Age of the oldest row of the outbox.").WithLabelValues()
	m.manualWaiting = gauge("manual_waiting", "Verifications that wait for a person.").WithLabelValues()
	m.manualOldest = gauge("manual_oldest_seconds", "How long the oldest of them has waited.").WithLabelValues()
	m.outboxRelay = histogram("outbox_relay_seconds", "Time from a row of the outbox to its message on the bus.", long).WithLabelValues().(prometheus.Histogram)
	m.providerHealth = gauge("provider_health", "1 for the status that the provider has.", "provider", "status")
	m.providerHeld = gauge("provider_held", "1 while the provider is held back for this cause.", "provider", "cause")
	m.alertsFiring = gauge("alerts_firing", "1 while the alert is raised.", "alert")
	m.lastReload = gauge("config_last_reload_successful", "1 when the last load of the configuration was valid.").WithLabelValues()
	m.lastReload.Set(1)
	gauge("build_info", "What this program was built from; the value is 1.", "version", "revision", "goversion").
		WithLabelValues(labels.Version, labels.Revision, runtime.Version()).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.start()
	m.SetProviders(labels.Providers...)
	return m
}

// start makes the series whose labels are known beforehand.
func (m *Metrics) start() {
	l := m.labels
	for _, kind := range l.Kinds {
		m.inFlight.WithLabelValues(kind)
		for _, lane := range m.lanesOf(kind) {
			m.streamPending.WithLabelValues(kind, lane)
			m.streamOldest.WithLabelValues(kind, lane)
			m.commandTime.WithLabelValues(kind, lane)
			for _, status := range l.Statuses {
				m.commands.WithLabelValues(kind, lane, status)
			}
		}
		for _, reason := range l.Reasons {
			m.deadletters.WithLabelValues(kind, reason)
		}
	}
	for _, alert := range l.Alerts {
		m.alertsFiring.WithLabelValues(alert)
	}
}

func (m *Metrics) lanesOf(kind string) []string {
	if slices.Contains(m.labels.Laned, kind) {
		return m.labels.Lanes
	}
	return []string{"normal"}
}

// SetProviders adds providers to the known ones and makes their series; those of
// providers that are gone stay, as counters must.
func (m *Metrics) SetProviders(names ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		if m.providers[name] != nil {
			continue
		}
		m.providers[name] = map[string]bool{}
		for _, outcome := range outcomes() {
			m.attempts.WithLabelValues(name, outcome)
		}
		for _, state := range breakerStates() {
			m.breakerState.WithLabelValues(name, state)
		}
		m.breakerState.WithLabelValues(name, "closed").Set(1)
		for _, status := range healthStates() {
			m.providerHealth.WithLabelValues(name, status)
		}
		for _, cause := range m.labels.Causes {
			m.providerHeld.WithLabelValues(name, cause)
		}
		for _, outcome := range webhookOutcomes() {
			m.webhooks.WithLabelValues(name, outcome)
		}
		m.breakerTrips.WithLabelValues(name)
		m.throttleWait.WithLabelValues(name)
		m.throttleLimited.WithLabelValues(name)
	}
}

// Registry is where further collectors may be registered.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Handler serves the metrics to a scraper.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, EnableOpenMetrics: true, Timeout: 10 * time.Second})
}
