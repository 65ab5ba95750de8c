package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Record reads who did what, and who is at work.
type Record interface {
	// Audit returns a page of the audit log, newest first: at most so many below a
	// number, 0 for the newest.
	Audit(ctx context.Context, filter AuditFilter, below int64, most int) ([]AuditEntry, error)
	// Workers lists the workers that are alive or were within the last hours.
	Workers(ctx context.Context) ([]Worker, error)
}

// AuditFilter narrows the audit log. Zero fields do not narrow.
type AuditFilter struct {
	Since              time.Time
	By, Action, Target string
}

// AuditEntry is a row of gangway.audit_log.
type AuditEntry struct {
	Number int64          `json:"id"`
	At     time.Time      `json:"at"`
	By     string         `json:"by"`
	Action string         `json:"action"`
	Target string         `json:"target"`
	Detail jsontext.Value `json:"detail,omitzero"`
}

// Worker is a row of gangway.workers.
type Worker struct {
	ID         uuid.UUID `json:"id"`
	Host       string    `json:"host"`
	PID        int       `json:"pid"`
	Version    string    `json:"version"`
	StartedAt  time.Time `json:"started_at"`
	AliveUntil time.Time `json:"alive_until"`
	Alive      bool      `json:"alive"`
}

// Setting is one configuration value in force.
type Setting struct {
	Path   string `json:"path"`
	Value  string `json:"value"` // a secret is redacted
	Origin string `json:"origin,omitzero"`
	Reload bool   `json:"reload"` // whether a change takes effect without a restart
}

// Reloaded is what a reload of the configuration came to.
type Reloaded struct {
	// Changed are the keys whose values changed; none when the files say what is in
	// force already.
	Changed []string `json:"changed"`
	// Config tells configurations apart: workers that show the same one run with the
	// same values, secrets left aside.
	Config string `json:"config"`
}

// Suppressions are the recipients that get nothing more.
type Suppressions interface {
	List(ctx context.Context, containing string, page Page) (list []Suppression, next string, err error)
	// Add returns the suppression with its recipient as it is kept.
	Add(ctx context.Context, add Suppression, by string) (Suppression, error)
	// Remove takes a recipient off a list, "" for every list, and reports whether it
	// was on one.
	Remove(ctx context.Context, recipient, list, by string) (bool, error)
}

// Suppression keeps messages from one recipient.
type Suppression struct {
	Recipient string    `json:"recipient"`
	List      string    `json:"list"`
	Reason    string    `json:"reason"`
	Provider  string    `json:"provider,omitzero"`
	Note      string    `json:"note,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// office registers what operators look after beside deliveries.
func (a *API) office() {
	if a.parts.Record != nil {
		a.serve("GET /api/v1/audit", a.audit)
		a.serve("GET /api/v1/workers", a.workers)
	}
	if a.parts.Settings != nil {
		a.serve("GET /api/v1/config", a.settings)
	}
	if a.parts.Reload != nil {
		a.serve("POST /api/v1/config/reload", a.reload)
	}
	if a.parts.Suppressions != nil {
		a.serve("GET /api/v1/suppressions", a.listSuppressions)
		a.serve("POST /api/v1/suppressions", a.addSuppression)
		a.serve("DELETE /api/v1/suppressions", a.removeSuppression)
	}
	if a.parts.Document != nil {
		a.serve("GET /api/v1/openapi.yaml", func(*http.Request) (answer, error) {
			return answer{text: a.parts.Document, kind: "application/yaml"}, nil
		})
	}
}

func (a *API) audit(r *http.Request) (answer, error) {
	q := queryOf(r)
	filter := AuditFilter{Since: q.time("since"), By: q.text("by"), Action: q.text("action"), Target: q.text("target")}
	page := q.page()
	below := letterNumber(q, page.Cursor)
	if err := q.done(); err != nil {
		return answer{}, err
	}
	entries, err := a.parts.Record.Audit(r.Context(), filter, below, page.Size)
	next := ""
	if len(entries) == page.Size {
		next = number(entries[len(entries)-1].Number)
	}
	return listOf(entries, next), err
}

func (a *API) workers(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	workers, err := a.parts.Record.Workers(r.Context())
	return listOf(workers, ""), err
}

func (a *API) settings(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	return listOf(a.parts.Settings(), ""), nil
}

func (a *API) reload(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	reloaded, err := a.parts.Reload(r.Context(), CallerOf(r.Context()).Name)
	return answer{body: reloaded}, err
}

func (a *API) listSuppressions(r *http.Request) (answer, error) {
	q := queryOf(r)
	containing, page := q.text("contains"), q.page()
	if err := q.done(); err != nil {
		return answer{}, err
	}
	list, next, err := a.parts.Suppressions.List(r.Context(), containing, page)
	return listOf(list, next), err
}

func (a *API) addSuppression(r *http.Request) (answer, error) {
	var body struct {
		Recipient string    `json:"recipient"`
		List      string    `json:"list"`
		Note      string    `json:"note"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := decode(r, &body); err != nil {
		return answer{}, err
	}
	list, err := suppressionList(body.List)
	switch {
	case err != nil:
		return answer{}, err
	case body.Recipient == "":
		return answer{}, fault.InvalidField("recipient", "is missing: an e-mail address or a phone number")
	case !delivery.IsRecipient(body.Recipient):
		return answer{}, fault.InvalidField("recipient", "is neither an e-mail address nor a phone number")
	case !body.ExpiresAt.IsZero() && body.ExpiresAt.Before(time.Now()):
		return answer{}, fault.InvalidField("expires_at", "%s is over already", body.ExpiresAt.Format(time.RFC3339))
	}
	added, err := a.parts.Suppressions.Add(r.Context(), Suppression{
		Recipient: body.Recipient, List: list, Reason: string(delivery.Manual), Note: body.Note, CreatedAt: time.Now(), ExpiresAt: body.ExpiresAt,
	}, CallerOf(r.Context()).Name)
	return answer{status: http.StatusCreated, body: added}, err
}

func suppressionList(text string) (string, error) {
	if text == "" {
		return string(delivery.SuppressAll), nil
	}
	if !delivery.SuppressionList(text).Valid() {
		return "", fault.InvalidField("list", "%q is not known; allowed: all, marketing, transactional", clip(text))
	}
	return text, nil
}

func (a *API) removeSuppression(r *http.Request) (answer, error) {
	q := queryOf(r)
	recipient, list := q.text("recipient"), q.text("list")
	if err := q.done(); err != nil {
		return answer{}, err
	}
	if recipient == "" {
		return answer{}, fault.InvalidField("recipient", "is missing")
	}
	if list != "" {
		if _, err := suppressionList(list); err != nil {
			return answer{}, err
		}
	}
	found, err := a.parts.Suppressions.Remove(r.Context(), recipient, list, CallerOf(r.Context()).Name)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "suppressions", "This recipient is not on the list.")
	}
	return answer{status: http.StatusNoContent}, err
}

func number[T ~int | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }
