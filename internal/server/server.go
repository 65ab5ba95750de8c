// Package server is an HTTP listener that behaves: it bounds what a client may
// send and how slowly, answers a panic with a problem document, knows the client
// behind a trusted proxy, and ends by finishing what it has begun.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Options describe one listener.
type Options struct {
	// Name is for errors and log lines: "public", "admin".
	Name string
	// Addr is host:port; port 0 takes any free one.
	Addr    string
	Handler http.Handler
	// FreePort takes another port of the same host when Addr is in use.
	FreePort bool
	// Cert and Key are PEM files; both empty means plain HTTP. A replaced file is
	// taken up with the next connection.
	Cert, Key string
	// TrustedProxies are the addresses and networks whose X-Forwarded-For counts.
	TrustedProxies []string
	// Grace is how long requests may take to finish at the end; 0 means 10 s.
	Grace time.Duration
	// ReadTimeout bounds reading one request whole, WriteTimeout answering it. 0
	// means 30 s and 60 s. A handler that streams lifts its own with
	// [http.ResponseController.SetWriteDeadline].
	ReadTimeout, WriteTimeout time.Duration
	// Log gets panics and the complaints of net/http; nil for nowhere.
	Log *zap.Logger
}

const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
	// afterGrace is how long handlers may take to notice that they were cut off.
	afterGrace = 5 * time.Second
)

// Server is an open listener. Connections wait from Listen on; Run answers them.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	moved    bool
	secure   bool // net/http gives every server a TLS configuration, so that one says nothing
	proxies  atomic.Pointer[[]netip.Prefix]
	draining chan struct{}
	handlers atomic.Int64 // that run now
}

// Listen opens the listener. The error names the address and what to do.
func Listen(ctx context.Context, options Options) (*Server, error) {
	if options.Log == nil {
		options.Log = zap.NewNop()
	}
	s := &Server{options: options, draining: make(chan struct{})}
	if err := s.SetTrustedProxies(options.TrustedProxies...); err != nil {
		return nil, err
	}
	config, err := tlsConfig(options)
	if err != nil {
		return nil, err
	}
	if err := s.listen(ctx); err != nil {
		return nil, err
	}
	s.secure = config != nil
	read := cmp.Or(options.ReadTimeout, 30*time.Second)
	s.http = &http.Server{
		Handler:           s.wrap(options.Handler),
		TLSConfig:         config,
		ReadHeaderTimeout: min(readHeaderTimeout, read),
		ReadTimeout:       read,
		WriteTimeout:      cmp.Or(options.WriteTimeout, time.Minute),
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	s.http.ErrorLog, err = zap.NewStdLogAt(options.Log.With(zap.String("listener", options.Name)), zapcore.DebugLevel)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("server: %s: %w", options.Name, err), s.listener.Close())
	}
	return s, nil
}

// Addr returns the address that is really listened on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL returns the base URL for this machine.
func (s *Server) URL() string {
	scheme := "http"
	if s.secure {
		scheme = "https"
	}
	host, port, _ := net.SplitHostPort(s.Addr())
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// Moved reports whether the wanted address was taken and another port serves.
func (s *Server) Moved() bool { return s.moved }

// SetTrustedProxies changes them while the server runs.
func (s *Server) SetTrustedProxies(list ...string) error {
	prefixes := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, addressErr := netip.ParseAddr(text)
			if addressErr != nil {
				return fmt.Errorf("server: %s: trusted proxy %q is neither an address nor a network such as 10.0.0.0/8", s.options.Name, text)
			}
			prefix = netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen())
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	s.proxies.Store(&prefixes)
	return nil
}

// Run answers requests until ctx ends, then stops accepting, lets requests in
// flight finish within the grace period, and cuts off the rest. It returns nil
// after a clean end.
func (s *Server) Run(ctx context.Context) error {
	// Requests outlive ctx: the grace period is theirs.
	base, cancel := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), drainingKey{}, s.draining))
	defer cancel()
	s.http.BaseContext = func(net.Listener) context.Context { return base }
	served := make(chan error, 1)
	go func() {
		if s.secure {
			served <- s.http.ServeTLS(s.listener, "", "")
			return
		}
		served <- s.http.Serve(s.listener)
	}()
	select {
	case err := <-served:
		return fmt.Errorf("server: %s: serve on %s: %w", s.options.Name, s.Addr(), err)
	case <-ctx.Done():
	}
	close(s.draining)
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(s.options.Grace, 10*time.Second))
	defer stop()
	err := s.http.Shutdown(grace)
	ended := <-served
	if err == nil {
		if !errors.Is(ended, http.ErrServerClosed) {
			return fmt.Errorf("server: %s: serve on %s: %w", s.options.Name, s.Addr(), ended)
		}
		return nil
	}
	cancel()
	_ = s.http.Close()
	return s.abandon()
}

// Close gives up a listener that is never run.
func (s *Server) Close() error { return s.listener.Close() }

// abandon waits for handlers that were cut off, so that none works on with what
// is about to be closed.
func (s *Server) abandon() error {
	grace := cmp.Or(s.options.Grace, 10*time.Second)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	late := time.After(afterGrace)
	for s.handlers.Load() > 0 {
		select {
		case <-look.C:
		case <-late:
			return fmt.Errorf("server: %s: %d handlers do not end although their requests were cut off", s.options.Name, s.handlers.Load())
		}
	}
	return fmt.Errorf("server: %s: requests were cut off after %s", s.options.Name, grace)
}

func (s *Server) listen(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.options.Addr)
	if err != nil && s.options.FreePort && errors.Is(err, syscall.EADDRINUSE) {
		host, _, splitErr := net.SplitHostPort(s.options.Addr)
		if splitErr == nil {
			listener, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
			s.moved = true
		}
	}
	if err != nil {
		what := "choose another address"
		if errors.Is(err, syscall.EADDRINUSE) {
			what = "another program has it; choose another address or stop that program"
		}
		return fmt.Errorf("server: %s: listen on %q: %w; %s", s.options.Name, s.options.Addr, cause(err), what)
	}
	s.listener = listener
	return nil
}

// cause strips what the message says already.
func cause(err error) error {
	if opError, ok := errors.AsType[*net.OpError](err); ok && opError.Err != nil {
		return opError.Err
	}
	return err
}

type drainingKey struct{}

// Draining returns a channel that is closed when the server of a request begins
// to end: what streams without end stops then. Outside a request of a Server it
// returns nil, which never is ready.
func Draining(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(drainingKey{}).(chan struct{})
	return draining
}

func tlsConfig(options Options) (*tls.Config, error) {
	if options.Cert == "" && options.Key == "" {
		return nil, nil
	}
	pair := &keyPair{options: options}
	if err := pair.load(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}, nil
}
