package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Providers are the providers of the fleet, and what steers them.
type Providers interface {
	List(ctx context.Context) ([]Provider, error)
	// Find returns one provider; a name that no worker knows is not found.
	Find(ctx context.Context, name string) (Provider, error)
	// Pause, Resume and Reset reach every worker, and return once this one obeys.
	Pause(ctx context.Context, name, by, note string) error
	Resume(ctx context.Context, name, by, note string) error
	Reset(ctx context.Context, name, by, note string) error
	// Tune changes the limit in force; nil leaves a value as it is.
	Tune(ctx context.Context, name string, rate *float64, burst *int, by string) error
}

// Provider is how one provider stands across the fleet.
type Provider struct {
	Name   string         `json:"name"`
	Kinds  []string       `json:"kinds"` // of commands whose route names it
	Driver string         `json:"driver"`
	Mode   string         `json:"mode"` // live or mock
	Paused bool           `json:"paused"`
	Holds  []ProviderHold `json:"holds"` // what keeps commands away beside the breaker

	Breaker ProviderBreaker `json:"breaker"`
	Health  ProviderHealth  `json:"health"`

	Rate    float64       `json:"rate"` // calls a second; 0 for no limit
	Burst   int           `json:"burst"`
	Quota   ProviderQuota `json:"quota"`
	Waiting int           `json:"waiting"` // calls that wait for the rate limit now

	// The calls of the last five minutes, of all workers.
	Calls    int64 `json:"calls"`
	Failures int64 `json:"failures"`
	P50MS    int64 `json:"p50_ms"`
	P95MS    int64 `json:"p95_ms"`
	P99MS    int64 `json:"p99_ms"`
	// LastError is the last failure of these five minutes.
	LastError *ProviderError `json:"last_error,omitzero"`
	// Series are the minutes of the last hour; only when one provider is asked for.
	Series []ProviderMinute `json:"series,omitzero"`
}

// ProviderError is why a call failed, and when.
type ProviderError struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// ProviderMinute is what the calls of one minute came to.
type ProviderMinute struct {
	At       time.Time `json:"at"`
	Calls    int64     `json:"calls"`
	Failures int64     `json:"failures"`
	P95MS    int64     `json:"p95_ms"`
}

// ProviderHold keeps commands away from a provider.
type ProviderHold struct {
	Cause string    `json:"cause"`
	By    string    `json:"by,omitzero"`
	Note  string    `json:"note,omitzero"`
	Since time.Time `json:"since,omitzero"`
}

// ProviderBreaker is how a breaker stands; Since is zero while it is closed.
type ProviderBreaker struct {
	State string    `json:"state"` // closed, half_open or open
	Since time.Time `json:"since,omitzero"`
}

// ProviderHealth is what the last check and the last calls say.
type ProviderHealth struct {
	Status    string    `json:"status"` // healthy, degraded or unhealthy
	Since     time.Time `json:"since,omitzero"`
	CheckedAt time.Time `json:"checked_at,omitzero"`
	LatencyMS int64     `json:"latency_ms"`
	Reason    string    `json:"reason,omitzero"`
}

// ProviderQuota counts the calls of the day, Korean time.
type ProviderQuota struct {
	Limit int64 `json:"limit"` // 0 for no limit
	Used  int64 `json:"used"`
}

// providers registers the providers and what steers them.
func (a *API) providers() {
	if a.parts.Providers == nil {
		return
	}
	a.serve("GET /api/v1/providers", a.listProviders)
	a.serve("GET /api/v1/providers/{name}", a.showProvider)
	a.serve("PATCH /api/v1/providers/{name}", a.tuneProvider)
	a.serve("POST /api/v1/providers/{name}/pause", a.steer(a.parts.Providers.Pause))
	a.serve("POST /api/v1/providers/{name}/resume", a.steer(a.parts.Providers.Resume))
	a.serve("POST /api/v1/providers/{name}/reset", a.steer(a.parts.Providers.Reset))
}

func (a *API) listProviders(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	list, err := a.parts.Providers.List(r.Context())
	return listOf(list, ""), err
}

func (a *API) showProvider(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	return a.provider(r)
}

func (a *API) provider(r *http.Request) (answer, error) {
	found, err := a.parts.Providers.Find(r.Context(), r.PathValue("name"))
	return answer{body: found}, err
}

// mostRate and mostBurst are above what any provider takes.
const (
	mostRate  = 1e6
	mostBurst = 1_000_000
)

func (a *API) tuneProvider(r *http.Request) (answer, error) {
	var body struct {
		Rate  *float64 `json:"rate"`
		Burst *int     `json:"burst"`
	}
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	if err := decode(r, &body); err != nil {
		return answer{}, err
	}
	switch {
	case body.Rate == nil && body.Burst == nil:
		return answer{}, fault.New(fault.Invalid, "providers", "The body names nothing to change: give rate, burst or both.")
	case body.Rate != nil && !(*body.Rate >= 0 && *body.Rate <= mostRate):
		return answer{}, fault.InvalidField("rate", "%v must be calls a second from 0, which is no limit, to %d", *body.Rate, int(mostRate))
	case body.Burst != nil && (*body.Burst < 1 || *body.Burst > mostBurst):
		return answer{}, fault.InvalidField("burst", "%d must be from 1 to %d", *body.Burst, mostBurst)
	}
	if err := a.parts.Providers.Tune(r.Context(), r.PathValue("name"), body.Rate, body.Burst, CallerOf(r.Context()).Name); err != nil {
		return answer{}, err
	}
	return a.provider(r)
}

// mostNote bounds what somebody says about an action, in bytes.
const mostNote = 1000

// steer does something to a provider and answers how it then stands.
func (a *API) steer(do func(ctx context.Context, name, by, note string) error) operation {
	return func(r *http.Request) (answer, error) {
		note, err := noteOf(r)
		if err != nil {
			return answer{}, err
		}
		if err := do(r.Context(), r.PathValue("name"), CallerOf(r.Context()).Name, note); err != nil {
			return answer{}, err
		}
		return a.provider(r)
	}
}

// noteOf reads a body that has nothing but a note.
func noteOf(r *http.Request) (string, error) {
	var body struct {
		Note string `json:"note"`
	}
	if err := queryOf(r).done(); err != nil {
		return "", err
	}
	if err := decode(r, &body); err != nil {
		return "", err
	}
	if len(body.Note) > mostNote {
		return "", fault.InvalidField("note", "has %d bytes; %d are allowed", len(body.Note), mostNote)
	}
	return body.Note, nil
}
