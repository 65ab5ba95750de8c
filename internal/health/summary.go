package health

import (
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
)

// Summary is how the whole is: what /health answers.
type Summary struct {
	Status    Status            `json:"status"`
	Mock      bool              `json:"mock"`
	Providers map[string]Report `json:"providers"`
}

// Summarize joins the reports of all providers. The whole is unhealthy when some
// route has no provider left that can be used, degraded when a provider is not
// healthy.
func Summarize(reports map[string]Report, routes [][]string, mock bool) Summary {
	s := Summary{Status: Healthy, Mock: mock, Providers: reports}
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
