package app

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/dashboard"
	"github.com/gangwon-portal/gangway/internal/server"
	"github.com/gangwon-portal/gangway/internal/telemetry"
)

// endpoints are what the two listeners serve. Public is open to the world; admin
// is not, and demands the token but for what open lists.
type endpoints struct {
	public, admin, open *http.ServeMux
	tracing             *telemetry.Tracing // nil for none
}

// newEndpoints returns the endpoints that say whether the worker can work.
func newEndpoints(pool *pgxpool.Pool, conn *broker.Conn, tracing *telemetry.Tracing) endpoints {
	e := endpoints{tracing: tracing, public: http.NewServeMux(), admin: http.NewServeMux(), open: http.NewServeMux()}
	alive := func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") }
	e.public.HandleFunc("GET /healthz", alive)
	e.open.HandleFunc("GET /livez", alive)
	e.open.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, pool, conn) })
	return e
}

// listen opens both listeners. They answer from the moment the returned tasks run.
func (e endpoints) listen(ctx context.Context, cfg *config.Config, gate *api.Gate, freePorts bool, log *zap.Logger) (public, admin *server.Server, err error) {
	public, err = server.Listen(ctx, server.Options{
		Name: "public", Addr: cfg.Static.HTTP.Addr, Handler: enclosed(e.tracing, e.public), FreePort: freePorts, Cert: cfg.Static.HTTP.TLS.Cert, Key: cfg.Static.HTTP.TLS.Key,
		TrustedProxies: cfg.Live.HTTP.TrustedProxies, Log: log,
	})
	if err != nil {
		return nil, nil, err
	}
	guarded, err := e.guarded(gate)
	if err == nil {
		admin, err = server.Listen(ctx, server.Options{
			Name: "admin", Addr: cfg.Static.Admin.Addr, Handler: enclosed(e.tracing, guarded), FreePort: freePorts,
			Cert: cfg.Static.Admin.TLS.Cert, Key: cfg.Static.Admin.TLS.Key, Log: log,
		})
	}
	if err != nil {
		_ = public.Close()
		return nil, nil, err
	}
	return public, admin, nil
}

// listenersFollow takes over who may come in, and which proxies are believed.
func listenersFollow(public *server.Server, gate *api.Gate) func(*config.Live) (change, error) {
	return func(next *config.Live) (change, error) {
		return change{commit: func() {
			gate.Replace(admitted(next))
			_ = public.SetTrustedProxies(next.HTTP.TrustedProxies...) // validated
		}}, nil
	}
}

// guarded serves the open endpoints, the dashboard's page and its log-in among
// them, to anybody and all others to whom the gate lets through.
func (e endpoints) guarded(gate *api.Gate) (http.Handler, error) {
	gate.Serve(e.open)
	if err := dashboard.Serve(e.open); err != nil {
		return nil, err
	}
	protected := gate.Protect(e.admin)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := e.open.Handler(r); pattern != "" {
			e.open.ServeHTTP(w, r)
			return
		}
		protected.ServeHTTP(w, r)
	}), nil
}

func ready(w http.ResponseWriter, r *http.Request, pool *pgxpool.Pool, conn *broker.Conn) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	switch {
	case !conn.Connected():
		answer(w, http.StatusServiceUnavailable, "NATS is not connected")
	case pool.Ping(ctx) != nil:
		answer(w, http.StatusServiceUnavailable, "Postgres does not answer")
	default:
		answer(w, http.StatusOK, "ok")
	}
}

func answer(w http.ResponseWriter, code int, status string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": status})
}
