package health

import (
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// Summary is how the whole is: what /health answers.
type Summary struct {
	Status    Status            `json:"status"`
	Mock      bool              `json:"mock"`
	Providers map[string]Report `json:"providers"`
	Cache     Cache             `json:"cache"`
}

// Cache is how the cache that all workers share looks to the worker that is
// asked. Without it look-ups are answered from memory and by providers, so it is
// degraded at worst.
type Cache struct {
	Status Status    `json:"status"`
	Since  time.Time `json:"since,omitzero"` // when it went away
	Reason string    `json:"reason"`         // "" when there is nothing to say
}

// CacheAway is the cache that has not answered since a moment.
func CacheAway(since time.Time) Cache {
	return Cache{
		Status: Degraded, Since: since.UTC().Truncate(time.Millisecond),
		Reason: "the shared cache does not answer: look-ups are answered from memory and by providers",
	}
}

// Summarize joins the reports of all providers and of the cache. The whole is
// unhealthy when some route has no provider left that can be used, degraded when
// a provider or the cache is not healthy.
func Summarize(reports map[string]Report, routes [][]string, cache Cache, mock bool) Summary {
	s := Summary{Status: Healthy, Mock: mock, Providers: reports, Cache: cache}
	if cache.Status.Worse(Healthy) {
		s.Status = Degraded
	}
	for _, report := range reports {
		if report.Status.Worse(Healthy) {
			s.Status = Degraded
		}
	}
	for _, route := range routes {
		usable := len(route) == 0
		for _, name := range route {
			usable = usable || reports[name].Status != Unhealthy
		}
		if !usable {
			s.Status = Unhealthy
		}
	}
	return s
}

// Read returns the report of a stored record; a provider that was never checked
// counts as healthy until it is.
func Read(value []byte) Report {
	var record Record
	if value == nil || json.Unmarshal(value, &record) != nil || record.Status == "" {
		return Report{Status: Healthy, Reason: "not checked yet"}
	}
	return record.Report
}

func percent(share float64) string { return strconv.Itoa(int(math.Round(100*share))) + " %" }
