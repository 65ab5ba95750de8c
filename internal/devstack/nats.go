package devstack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
)

// NATSOptions say how to run the server. The zero value is good.
type NATSOptions struct {
	// Host to listen on; 127.0.0.1 when empty.
	Host string
	// Port: 0 is 4222, or a free one when that is taken; [AnyPort] a free one;
	// any other exactly that one.
	Port int
	// MaxPayload in bytes; 8 MiB when 0, so that a command of 1 MiB fits with
	// its headers, and an oversized one arrives and can be answered.
	MaxPayload int32
	// MaxStore in bytes of all streams together; three quarters of the free disk
	// when 0.
	MaxStore int64
	// SyncAlways has every message on the disk before it is acknowledged.
	SyncAlways bool
	// Log takes the server's warnings and errors; nil for none.
	Log *zap.Logger
}

// NATS is a running server with JetStream on files.
type NATS struct {
	server *server.Server
	port   int
	usual  bool
	once   sync.Once
}

const (
	natsPort       = 4222
	natsMaxPayload = 8 << 20
	natsReady      = time.Minute // a large store is read before the server is ready
	loopback       = "127.0.0.1"
)

// StartNATS starts a server that stores under dir and returns when it takes
// connections.
func StartNATS(ctx context.Context, dir *Dir, o NATSOptions) (*NATS, error) {
	if o.Host == "" {
		o.Host = loopback
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = natsMaxPayload
	}
	n, err := startNATS(ctx, dir, o)
	if err != nil && o.Port == 0 && n.usual && listenable(o.Host, n.port) != nil {
		o.Port = AnyPort // somebody took the usual one between our look and the server's
		n, err = startNATS(ctx, dir, o)
	}
	if err != nil {
		return nil, fmt.Errorf("devstack: nats: %w", err)
	}
	return n, nil
}

// startNATS starts the server. With an error that came after the choice of the
// port it still tells the port.
func startNATS(ctx context.Context, dir *Dir, o NATSOptions) (*NATS, error) {
	port, err := choosePort(o.Host, o.Port, natsPort)
	if err != nil {
		return &NATS{}, err
	}
	n := &NATS{port: port, usual: port == natsPort}
	store := filepath.Join(dir.path, natsFolder)
	if err := os.MkdirAll(store, 0o700); err != nil {
		return n, err
	}
	n.server, err = server.NewServer(&server.Options{
		ServerName: "gangway-dev", Host: o.Host, Port: port, MaxPayload: o.MaxPayload,
		JetStream: true, StoreDir: store, JetStreamMaxStore: o.MaxStore, SyncAlways: o.SyncAlways,
		NoLog: true, NoSigs: true,
	})
	if err != nil {
		return n, err
	}
	log := newNATSLog(o.Log)
	n.server.SetLoggerV2(log, false, false, false)
	n.server.Start()
	if err := n.ready(ctx, log); err != nil {
		n.Close()
		return n, err
	}
	return n, nil
}

// URL is what a client connects to.
func (n *NATS) URL() string { return n.server.ClientURL() }

// Port is the port in use, and whether it is the usual 4222.
func (n *NATS) Port() (port int, usual bool) { return n.port, n.usual }

// Close stops the server and returns when its files are closed.
func (n *NATS) Close() {
	n.once.Do(func() {
		n.server.Shutdown()
		n.server.WaitForShutdown()
	})
}

func (n *NATS) ready(ctx context.Context, log *natsLog) error {
	ctx, cancel := context.WithTimeout(ctx, natsReady)
	defer cancel()
	for !n.server.ReadyForConnections(50 * time.Millisecond) {
		select {
		case fatal := <-log.fatal:
			return fatal
		case <-ctx.Done():
			return fmt.Errorf("not ready on port %d: %w", n.port, ctx.Err())
		default:
		}
	}
	return nil
}

// natsLog keeps the first fatal message, because the server itself reports a
// failed start nowhere else, and passes warnings and errors on.
type natsLog struct {
	fatal chan error
	out   *zap.SugaredLogger
}

func newNATSLog(out *zap.Logger) *natsLog {
	if out == nil {
		out = zap.NewNop()
	}
	return &natsLog{fatal: make(chan error, 1), out: out.Named("nats").Sugar()}
}

func (l *natsLog) Fatalf(format string, v ...any) {
	l.out.Errorf(format, v...)
	select {
	case l.fatal <- fmt.Errorf(format, v...):
	default:
	}
}

func (l *natsLog) Errorf(format string, v ...any) { l.out.Errorf(format, v...) }
func (l *natsLog) Warnf(format string, v ...any)  { l.out.Warnf(format, v...) }
func (l *natsLog) Noticef(string, ...any)         {}
func (l *natsLog) Debugf(string, ...any)          {}
func (l *natsLog) Tracef(string, ...any)          {}

var _ server.Logger = (*natsLog)(nil)
