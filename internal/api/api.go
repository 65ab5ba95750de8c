// Package api is the HTTP API of the admin listener: commands in, deliveries,
// dead letters, suppressions and the state of the fleet out. It knows only
// vocabulary; what answers its questions is handed in by whoever wires it. Every
// operation stands in docs/openapi.yaml, and a test holds the two together.
package api

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// API answers everything under /api/v1. It expects a [Gate] in front of it.
type API struct {
	parts    Parts
	options  Options
	mux      *http.ServeMux
	patterns []string
}

// Parts are what the operations stand on. An operation whose part is nil is not
// served.
type Parts struct {
	Bus          Bus
	Deliveries   Deliveries
	Desk         Desk
	Letters      Letters
	Record       Record
	Suppressions Suppressions
	Cache        Cache
	Providers    Providers
	Queues       Queues
	Businesses   Businesses
	Alerts       Alerts
	Webhooks     Webhooks
	Simulator    Simulator // nil outside of mock mode
	// Settings lists the configuration in force, redacted.
	Settings func() []Setting
	// Reload reads the configuration again and puts it into force, whole or not at
	// all.
	Reload func(ctx context.Context, by string) (Reloaded, error)
	// Document is docs/openapi.yaml.
	Document []byte
}

// Options change how an API answers.
type Options struct {
	// Timeout bounds each request; default 30 s.
	Timeout time.Duration
	// Reason classifies errors that carry no reason of their own; nil for [fault.Of].
	Reason func(error) fault.Reason
	// Mask hides a recipient so that who knows the address recognises it; nil hides
	// it whole.
	Mask func(recipient string) string
	Log  *zap.Logger
}

// New returns the API over its parts.
func New(parts Parts, options Options) *API {
	if options.Timeout <= 0 {
		options.Timeout = 30 * time.Second
	}
	if options.Reason == nil {
		options.Reason = fault.Of
	}
	if options.Mask == nil {
		options.Mask = func(string) string { return command.Redacted }
	}
	if options.Log == nil {
		options.Log = zap.NewNop()
	}
	a := &API{parts: parts, options: options, mux: http.NewServeMux()}
	a.messages()
	a.letters()
	a.office()
	a.providers()
	a.queues()
	a.businesses()
	a.alerts()
	a.webhooks()
	a.mockMode()
	return a
}

// Patterns lists what is served: "GET /api/v1/deliveries/{id}".
func (a *API) Patterns() []string { return a.patterns }

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), a.options.Timeout)
	defer cancel()
	r = r.WithContext(traced(ctx, w, r))
	handler, pattern := a.mux.Handler(r)
	if pattern == "" {
		a.misdirected(w, r, handler)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// operation does what one request asks for.
type operation func(r *http.Request) (answer, error)

// serve registers an operation.
func (a *API) serve(pattern string, do operation) {
	a.patterns = append(a.patterns, pattern)
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		out, err := do(r)
		if err == nil {
			err = out.write(w, r)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	})
}

// misdirected answers what no operation serves. The handler that the mux chose
// knows whether the path exists under another method.
func (a *API) misdirected(w http.ResponseWriter, r *http.Request, chosen http.Handler) {
	seen := headerOnly{header: http.Header{}}
	chosen.ServeHTTP(&seen, r)
	problem := Problem{Status: http.StatusNotFound, Code: fault.NotFound, Detail: "There is nothing at " + r.URL.Path + "; see /api/v1/openapi.yaml."}
	if allowed := seen.header.Get("Allow"); seen.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", allowed)
		problem = Problem{Status: seen.status, Code: fault.Invalid, Detail: r.Method + " is not possible here; allowed: " + allowed + "."}
	}
	writeProblem(w, r, problem)
}

// headerOnly keeps what a handler would have answered, without its body.
type headerOnly struct {
	header http.Header
	status int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) Write(p []byte) (int, error) { return len(p), nil }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }

var _ http.Handler = (*API)(nil)
