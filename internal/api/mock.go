package api

import (
	"cmp"
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
	// ReportFault is how a provider's webhooks misbehave; false for one that sends none.
	ReportFault(provider string) (ReportFault, bool)
	SetReportFault(provider string, fault ReportFault)
	// Received lists what was sent, newest first; an element is encoded as it is.
	Received() []any
	// Rendered is one message by the id that the vendor gave it: its HTML, "" when
	// it has none, and its text. ok is false for an id that is not kept.
	Rendered(id string) (html, text string, ok bool)
	Clear()
	// Steered writes to the audit log who has done one of these things to what.
	Steered(ctx context.Context, by, action, target string, detail any) error
}

// Fault is an injected outcome for a share of a provider's calls.
type Fault struct {
	Outcome string    `json:"outcome,omitzero"`
	Rate    float64   `json:"rate"`
	Until   time.Time `json:"until,omitzero"`
	// Reports is how its webhooks misbehave; nil for a provider that sends none.
	Reports *ReportFault `json:"reports,omitzero"`
}

// ReportFault is how the webhooks of a simulated provider misbehave; the zero value
// does not.
type ReportFault struct {
	Delay   string  `json:"delay"`   // holds each back: 2s
	Repeat  int     `json:"repeat"`  // sends each so many times more
	Shuffle bool    `json:"shuffle"` // sends what waits in any order
	Forge   float64 `json:"forge"`   // share that a copy with a wrong signature precedes
}

// check refuses what no simulator could do.
func (f ReportFault) check() error {
	if delay, err := time.ParseDuration(f.Delay); err != nil || delay < 0 || delay > longestFault {
		return fault.InvalidField("reports.delay", "%q must be a duration up to 24h, such as 2s; 0s for none", clip(f.Delay))
	}
	switch {
	case f.Repeat < 0 || f.Repeat > 100:
		return fault.InvalidField("reports.repeat", "%d must be from 0 to 100", f.Repeat)
	case !(f.Forge >= 0 && f.Forge <= 1):
		return fault.InvalidField("reports.forge", "%v must be from 0 to 1", f.Forge)
	}
	return nil
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
	return answer{body: a.faultOf(name)}, nil
}

// faultOf is everything that is wrong with a simulated provider on purpose.
func (a *API) faultOf(name string) Fault {
	shown := a.parts.Simulator.Fault(name)
	if reports, sends := a.parts.Simulator.ReportFault(name); sends {
		shown.Reports = &reports
	}
	return shown
}

const longestFault = 24 * time.Hour

func (a *API) setFault(r *http.Request) (answer, error) {
	name, err := a.simulated(r)
	if err != nil {
		return answer{}, err
	}
	var body struct {
		Outcome string       `json:"outcome"`
		Rate    *float64     `json:"rate"`    // default 1; 0 ends the fault
		For     string       `json:"for"`     // default 60s
		Reports *ReportFault `json:"reports"` // of the webhooks; what is left out is not wrong
	}
	if err := decode(r, &body); err != nil {
		return answer{}, err
	}
	// Webhooks alone may be asked for: the calls stay as they are.
	calls := body.Reports == nil || body.Outcome != "" || body.Rate != nil || body.For != ""
	injected, err := injection(body.Outcome, body.Rate, body.For)
	if calls && err != nil {
		return answer{}, err
	}
	if body.Reports != nil {
		body.Reports.Delay = cmp.Or(body.Reports.Delay, "0s")
		if err := body.Reports.check(); err != nil {
			return answer{}, err
		}
		if _, sends := a.parts.Simulator.ReportFault(name); !sends {
			return answer{}, fault.InvalidField("reports", "%s sends no webhooks", name)
		}
		a.parts.Simulator.SetReportFault(name, *body.Reports)
	}
	if calls {
		a.parts.Simulator.SetFault(name, injected)
	}
	wrong := a.faultOf(name)
	return answer{body: wrong}, a.parts.Simulator.Steered(r.Context(), CallerOf(r.Context()).Name, "provider.fault", name, wrong)
}

// injection reads the fault of a share of calls.
func injection(outcome string, rate *float64, lasts string) (Fault, error) {
	injected := Fault{Outcome: outcome, Rate: 1, Until: time.Now().Add(time.Minute)}
	if rate != nil {
		injected.Rate = *rate
	}
	outcomes := []string{"error", "timeout", "drop", "throttle", "slow"}
	switch {
	case !(injected.Rate >= 0 && injected.Rate <= 1):
		return Fault{}, fault.InvalidField("rate", "%v must be from 0 to 1", injected.Rate)
	case injected.Rate > 0 && !slices.Contains(outcomes, outcome):
		return Fault{}, fault.InvalidField("outcome", "%q is not known; allowed: %s", clip(outcome), enumerate(outcomes))
	}
	if lasts != "" {
		last, err := time.ParseDuration(lasts)
		if err != nil || last <= 0 || last > longestFault {
			return Fault{}, fault.InvalidField("for", "%q must be a duration up to 24h, such as 60s", clip(lasts))
		}
		injected.Until = time.Now().Add(last)
	}
	if injected.Rate == 0 {
		injected = Fault{}
	}
	return injected, nil
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
	err := a.parts.Simulator.Steered(r.Context(), CallerOf(r.Context()).Name, "inbox.clear", "inbox", map[string]string{})
	return answer{status: http.StatusNoContent}, err
}
