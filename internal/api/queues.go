package api

import (
	"context"
	"net/http"
	"time"
)

// Queues are the lanes of every kind.
type Queues interface {
	Queues(ctx context.Context) ([]Queue, error)
}

// Queue is what waits in one lane of a kind, and how its commands fared in the
// last five minutes.
type Queue struct {
	Kind   string `json:"kind"`
	Lane   string `json:"lane"`
	Paused bool   `json:"paused"` // the kind, by an operator

	Pending  int       `json:"pending"`            // not handed to a worker yet
	InFlight int       `json:"in_flight"`          // handed to a worker and not settled
	OldestAt time.Time `json:"oldest_at,omitzero"` // when the oldest of both was published

	// Commands that reached sent or a final status, the part of them that did not
	// end well, and the time from published to there.
	Done     int64   `json:"done"`
	Failures int64   `json:"failures"`
	Rate     float64 `json:"rate"` // done, a second
	P50MS    int64   `json:"p50_ms"`
	P95MS    int64   `json:"p95_ms"`
	P99MS    int64   `json:"p99_ms"`
}

// queues registers the lanes.
func (a *API) queues() {
	if a.parts.Queues == nil {
		return
	}
	a.serve("GET /api/v1/queues", func(r *http.Request) (answer, error) {
		if err := queryOf(r).done(); err != nil {
			return answer{}, err
		}
		list, err := a.parts.Queues.Queues(r.Context())
		return listOf(list, ""), err
	})
}
