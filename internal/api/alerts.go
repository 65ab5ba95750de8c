package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Alerts are the alerts of the fleet.
type Alerts interface {
	// Firing lists what fires, the oldest first; Resolved what is over and was
	// raised since a time, the newest first.
	Firing(ctx context.Context) ([]Alert, error)
	Resolved(ctx context.Context, since time.Time) ([]Alert, error)
}

// Alert is one alert.
type Alert struct {
	ID       uuid.UUID `json:"id"`
	Alert    string    `json:"alert"`
	Subject  string    `json:"subject"` // provider, kind or lane; "" for the whole
	Severity string    `json:"severity"`
	State    string    `json:"state"` // firing or resolved
	Message  string    `json:"message"`
	// Since is when the condition began, RaisedAt when it had lasted long enough.
	Since         time.Time `json:"since"`
	RaisedAt      time.Time `json:"raised_at"`
	ResolvedAt    time.Time `json:"resolved_at,omitzero"`
	SilencedUntil time.Time `json:"silenced_until,omitzero"`
}

// alerts registers the alerts.
func (a *API) alerts() {
	if a.parts.Alerts == nil {
		return
	}
	a.serve("GET /api/v1/alerts", func(r *http.Request) (answer, error) {
		q := queryOf(r)
		since := q.time("resolved_since")
		if err := q.done(); err != nil {
			return answer{}, err
		}
		list, err := a.parts.Alerts.Firing(r.Context())
		if err == nil && !since.IsZero() {
			var over []Alert
			over, err = a.parts.Alerts.Resolved(r.Context(), since)
			list = append(list, over...)
		}
		return listOf(list, ""), err
	})
}
