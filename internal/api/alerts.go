package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Alerts are the alerts of the fleet.
type Alerts interface {
	// Firing lists what fires, the oldest first; Resolved what is over and was
	// raised since a time, the newest first.
	Firing(ctx context.Context) ([]Alert, error)
	Resolved(ctx context.Context, since time.Time) ([]Alert, error)
	Silences(ctx context.Context) ([]Silence, error)
	// Silence replaces one of the same alert and subject; an unknown alert is invalid.
	Silence(ctx context.Context, silence Silence) (Silence, error)
	// Unsilence reports whether there was such a silence.
	Unsilence(ctx context.Context, alert, subject, by string) (bool, error)
}

// Silence keeps people from being told of alerts.
type Silence struct {
	Alert     string    `json:"alert"`   // "" for every one
	Subject   string    `json:"subject"` // "" for whatever it is about
	Until     time.Time `json:"until"`
	By        string    `json:"by"`
	Note      string    `json:"note,omitzero"`
	CreatedAt time.Time `json:"created_at"`
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
	a.serve("GET /api/v1/silences", func(r *http.Request) (answer, error) {
		if err := queryOf(r).done(); err != nil {
			return answer{}, err
		}
		list, err := a.parts.Alerts.Silences(r.Context())
		return listOf(list, ""), err
	})
	a.serve("POST /api/v1/silences", a.silence)
	a.serve("DELETE /api/v1/silences", a.unsilence)
}

func (a *API) silence(r *http.Request) (answer, error) {
	var body struct {
		Alert   string    `json:"alert"`
		Subject string    `json:"subject"`
		Until   time.Time `json:"until"`
		Note    string    `json:"note"`
	}
	if err := decode(r, &body); err != nil {
		return answer{}, err
	}
	switch now := time.Now(); {
	case !body.Until.After(now):
		return answer{}, fault.InvalidField("until", "must be a time ahead, such as %s", now.Add(time.Hour).UTC().Format(time.RFC3339))
	case len(body.Note) > mostNote:
		return answer{}, fault.InvalidField("note", "has %d bytes; %d are allowed", len(body.Note), mostNote)
	case len(body.Subject) > mostNote:
		return answer{}, fault.InvalidField("subject", "has %d bytes; %d are allowed", len(body.Subject), mostNote)
	}
	silence, err := a.parts.Alerts.Silence(r.Context(), Silence{
		Alert: body.Alert, Subject: body.Subject, Until: body.Until, By: CallerOf(r.Context()).Name, Note: body.Note,
	})
	return answer{status: http.StatusCreated, body: silence}, err
}

func (a *API) unsilence(r *http.Request) (answer, error) {
	q := queryOf(r)
	alert, subject := q.text("alert"), q.text("subject")
	if err := q.done(); err != nil {
		return answer{}, err
	}
	found, err := a.parts.Alerts.Unsilence(r.Context(), alert, subject, CallerOf(r.Context()).Name)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "silences", "There is no such silence; GET /api/v1/silences lists them.")
	}
	return answer{status: http.StatusNoContent}, err
}
