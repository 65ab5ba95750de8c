package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Cache is the response cache of the fleet.
type Cache interface {
	Stats(ctx context.Context) ([]CacheStat, error)
	// Purge removes the entries whose keys match a pattern and returns how many.
	Purge(ctx context.Context, pattern, by string) (int, error)
}

// CacheStat counts one cache: a provider's call.
type CacheStat struct {
	Cache   string `json:"cache"`
	Entries int    `json:"entries"`
	Hits    int64  `json:"hits"`
	Stale   int64  `json:"stale"`
	Misses  int64  `json:"misses"`
}

// Simulator is what answers for providers in mock mode.
type Simulator interface {
	// Providers lists those that it answers for.
	Providers() []string
	// Fault returns what is injected into a provider's calls; zero for nothing.
	Fault(provider string) Fault
	SetFault(provider string, fault Fault)
	// Received lists what was sent, newest first; an element is encoded as it is.
	Received() []any
	// Rendered is one message by the id that the vendor gave it: its HTML, "" when
	// it has none, and its text. ok is false for an id that is not kept.
	Rendered(id string) (html, text string, ok bool)
	Clear()
}

// Fault is an injected outcome for a share of a provider's calls.
type Fault struct {
	Outcome string    `json:"outcome,omitzero"`
	Rate    float64   `json:"rate"`
	Until   time.Time `json:"until,omitzero"`
}

// mockMode registers the cache and, in mock mode, what steers the simulator.
func (a *API) mockMode() {
	if a.parts.Cache != nil {
		a.serve("GET /api/v1/cache", a.cacheStats)
		a.serve("DELETE /api/v1/cache", a.purgeCache)
	}
	if a.parts.Simulator != nil {
		a.serve("GET /api/v1/providers/{name}/faults", a.showFault)
		a.serve("PUT /api/v1/providers/{name}/faults", a.setFault)
		a.serve("GET /api/v1/inbox", a.inbox)
		a.serve("GET /api/v1/inbox/{id}", a.rendered)
		a.serve("DELETE /api/v1/inbox", a.clearInbox)
	}
}

func (a *API) cacheStats(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	stats, err := a.parts.Cache.Stats(r.Context())
	return listOf(stats, ""), err
}

func (a *API) purgeCache(r *http.Request) (answer, error) {
	q := queryOf(r)
	pattern := q.text("pattern")
	if err := q.done(); err != nil {
		return answer{}, err
	}
	if pattern == "" {
		return answer{}, fault.InvalidField("pattern", "is missing: a kind, or a pattern of keys such as nicednb.*; * is all")
	}
	purged, err := a.parts.Cache.Purge(r.Context(), pattern, CallerOf(r.Context()).Name)
	return answer{body: struct {
		Purged int `json:"purged"`
	}{purged}}, err
}

func (a *API) simulated(r *http.Request) (string, error) {
	name := r.PathValue("name")
	if names := a.parts.Simulator.Providers(); !slices.Contains(names, name) {
		return "", fault.New(fault.NotFound, "faults", "The simulator answers for no provider %q; it does for %s.", clip(name), enumerate(names))
	}
	return name, queryOf(r).done()
}

func (a *API) showFault(r *http.Request) (answer, error) {
	name, err := a.simulated(r)
	if err != nil {
		return answer{}, err
	}
	return answer{body: a.parts.Simulator.Fault(name)}, nil
}

const longestFault = 24 * time.Hour

func (a *API) setFault(r *http.Request) (answer, error) {
	name, err := a.simulated(r)
	if err != nil {
		return answer{}, err
	}
	var body struct {
		Outcome string   `json:"outcome"`
		Rate    *float64 `json:"rate"` // default 1; 0 ends the fault
		For     string   `json:"for"`  // default 60s
	}
	if err := decode(r, &body); err != nil {
		return answer{}, err
	}
	injected := Fault{Outcome: body.Outcome, Rate: 1, Until: time.Now().Add(time.Minute)}
	if body.Rate != nil {
		injected.Rate = *body.Rate
	}
	outcomes := []string{"error", "timeout", "drop", "throttle", "slow"}
	switch {
	case injected.Rate < 0 || injected.Rate > 1:
		return answer{}, fault.InvalidField("rate", "%v must be from 0 to 1", injected.Rate)
	case injected.Rate > 0 && !slices.Contains(outcomes, body.Outcome):
		return answer{}, fault.InvalidField("outcome", "%q is not known; allowed: %s", clip(body.Outcome), enumerate(outcomes))
	}
	if body.For != "" {
		last, err := time.ParseDuration(body.For)
		if err != nil || last <= 0 || last > longestFault {
			return answer{}, fault.InvalidField("for", "%q must be a duration up to 24h, such as 60s", clip(body.For))
		}
		injected.Until = time.Now().Add(last)
	}
	if injected.Rate == 0 {
		injected = Fault{}
	}
	a.parts.Simulator.SetFault(name, injected)
	return answer{body: injected}, nil
}

func (a *API) inbox(r *http.Request) (answer, error) {
	q := queryOf(r)
	page := q.page()
	from := letterNumber(q, page.Cursor)
	if err := q.done(); err != nil {
		return answer{}, err
	}
	all := a.parts.Simulator.Received()
	begin := min(int(from), len(all))
	end := min(begin+page.Size, len(all))
	next := ""
	if end < len(all) {
		next = number(end)
	}
	return listOf(all[begin:end], next), nil
}

// sandboxed lets a mail look as it would and do nothing: no scripts, no forms, and
// nothing loaded from anywhere. The dashboard may frame it.
const sandboxed = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

// rendered shows one message as its reader would see it.
func (a *API) rendered(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	html, text, ok := a.parts.Simulator.Rendered(r.PathValue("id"))
	switch {
	case !ok:
		return answer{}, fault.New(fault.NotFound, "", "the simulator keeps no message %q", r.PathValue("id"))
	case html == "":
		return answer{text: []byte(text), kind: "text/plain; charset=utf-8", policy: sandboxed}, nil
	default:
		return answer{text: []byte(html), kind: "text/html; charset=utf-8", policy: sandboxed}, nil
	}
}

func (a *API) clearInbox(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	a.parts.Simulator.Clear()
	return answer{status: http.StatusNoContent}, nil
}
