package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"go.uber.org/zap"
)

// wrap is what every request passes, outermost first: it is counted, gets its
// real client address and strict headers, and may panic without harm.
func (s *Server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handlers.Add(1)
		defer s.handlers.Add(-1)
		if address := s.client(r); address != "" {
			r.RemoteAddr = address
		}
		SecureHeaders(w.Header())
		if s.secure {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		tracked := &trackedWriter{ResponseWriter: w}
		defer s.recovered(tracked, r)
		next.ServeHTTP(tracked, r)
	})
}

// recovered turns a panic into an answer. What the panic says stays in the log.
func (s *Server) recovered(w *trackedWriter, r *http.Request) {
	value := recover()
	if value == nil {
		return
	}
	if value == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
		panic(value)
	}
	s.options.Log.Error("handler panicked", zap.String("listener", s.options.Name), zap.String("method", r.Method),
		zap.String("path", r.URL.Path), zap.String("panic", fmt.Sprint(value)), zap.ByteString("stack", debug.Stack()))
	if w.began {
		// Half an answer must not look like a whole one.
		panic(http.ErrAbortHandler)
	}
	header := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Length", "ETag", "Last-Modified"} {
		header.Del(name)
	}
	WriteProblem(w, Problem{Status: http.StatusInternalServerError, Code: "internal", Detail: "The request could not be answered. Try again later."})
}

// client returns the address of the client behind trusted proxies, "" when the
// connection's own is right. Of X-Forwarded-For the last address counts that no
// trusted proxy has: what stands before it was written by the client.
func (s *Server) client(r *http.Request) string {
	proxies := *s.proxies.Load()
	if len(proxies) == 0 {
		return ""
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !trusted(proxies, peer.Addr()) {
		return ""
	}
	var hops []string
	for _, header := range r.Header.Values("X-Forwarded-For") {
		hops = append(hops, strings.Split(header, ",")...)
	}
	client := ""
	for _, hop := range slices.Backward(hops) {
		address, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			break
		}
		client = net.JoinHostPort(address.String(), "0")
		if !trusted(proxies, address) {
			break
		}
	}
	return client
}

// parseHop reads an address with or without a port.
func parseHop(text string) (netip.Addr, bool) {
	if address, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return address.Unmap(), true
	}
	if address, err := netip.ParseAddrPort(text); err == nil {
		return address.Addr().Unmap(), true
	}
	return netip.Addr{}, false
}

func trusted(proxies []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(proxies, func(prefix netip.Prefix) bool { return prefix.Contains(address.Unmap()) })
}

// trackedWriter knows whether an answer has begun. The controller of net/http
// finds flushing and deadlines through Unwrap.
type trackedWriter struct {
	http.ResponseWriter
	began bool
}

// WriteHeader implements [http.ResponseWriter]. An informational status begins
// no answer.
func (w *trackedWriter) WriteHeader(status int) {
	w.began = w.began || status >= 200
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *trackedWriter) Write(p []byte) (int, error) {
	w.began = true
	return w.ResponseWriter.Write(p)
}

// Flush implements [http.Flusher].
func (w *trackedWriter) Flush() {
	w.began = true
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for [http.ResponseController].
func (w *trackedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// SecureHeaders sets the strict defaults of every answer: nothing is framed,
// guessed, kept or referred to, and a page may load nothing. A handler that
// serves a page sets its own Content-Security-Policy and Cache-Control.
func SecureHeaders(header http.Header) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
}

var _ http.Flusher = (*trackedWriter)(nil)
