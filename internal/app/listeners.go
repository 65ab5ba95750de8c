package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/broker"
)

// listeners are the public and the admin HTTP servers.
type listeners struct {
	public, admin string
	moved         []string
	servers       []*http.Server
	done          chan error
}

// health answers whether the worker can work.
type health struct {
	pool *pgxpool.Pool
	conn *broker.Conn
}

func startListeners(ctx context.Context, o WorkerOptions, h health) (*listeners, error) {
	l := &listeners{done: make(chan error, 2)}
	public, admin := http.NewServeMux(), http.NewServeMux()
	public.HandleFunc("GET /healthz", alive)
	admin.HandleFunc("GET /livez", alive)
	admin.HandleFunc("GET /readyz", h.ready)
	var err error
	if l.public, err = l.serve(ctx, o.Config.HTTP.Addr, o.FreePorts, public); err != nil {
		return nil, err
	}
	if l.admin, err = l.serve(ctx, o.Config.Admin.Addr, o.FreePorts, admin); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *listeners) serve(ctx context.Context, addr string, freePort bool, handler http.Handler) (string, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil && freePort {
		host, _, _ := net.SplitHostPort(addr)
		if listener, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0")); err == nil {
			l.moved = append(l.moved, fmt.Sprintf("%s is taken; using %s", addr, listener.Addr()))
		}
	}
	if err != nil {
		return "", fmt.Errorf("app: listen on %s: %w", addr, err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	l.servers = append(l.servers, server)
	go func() { l.done <- server.Serve(listener) }()
	return listener.Addr().String(), nil
}

func (l *listeners) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var errs []error
	for _, server := range l.servers {
		errs = append(errs, server.Shutdown(ctx))
	}
	for range l.servers {
		if err := <-l.done; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func alive(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") }

func (h health) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	switch {
	case !h.conn.Connected():
		answer(w, http.StatusServiceUnavailable, "NATS is not connected")
	case h.pool.Ping(ctx) != nil:
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
