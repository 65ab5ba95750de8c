// Package broker is the only package that knows NATS. It connects, provisions
// the streams, consumers and buckets of the contract, publishes with awaited
// acknowledgements, and hands messages to watermill handlers.
//
// Watermill gives the message, router and middleware; its NATS subscribers are
// not used, because they lose the acknowledgements of running handlers when
// they close, never extend the acknowledgement deadline and take one message at
// a time. Nor does [Subscriber] use jetstream's Consume: that keeps prefetched
// messages to itself until its callback returns, so nobody could extend their
// deadline or hand them back at once on shutdown. It speaks the pull protocol
// itself instead (puller.go), with credit for exactly what it has room for.
//
//	Conn ── Provision          streams, consumers, buckets
//	     ├─ Publisher          watermill message.Publisher; Send for our own messages
//	     │    └─ Outlet        events, schedules, dead letters
//	     └─ Subscriber         watermill message.Subscriber; each message carries a *Delivery
package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Conn is one connection to NATS, shared by everything in this package. It
// reconnects for ever; only Close ends it.
type Conn struct {
	nc  *nats.Conn
	js  jetstream.JetStream
	log *zap.Logger
}

// Connect dials until a server answers or ctx ends. While nothing answers it
// tells [ConnectOptions].OnWaiting before each pause. It returns a
// [*TooOldError] for a server older than 2.12 and [context.Cause] of ctx when
// that ends first.
func Connect(ctx context.Context, options ConnectOptions) (*Conn, error) {
	options = options.withDefaults()
	settings, err := options.natsOptions()
	if err != nil {
		return nil, fmt.Errorf("broker: connect: %w", err)
	}
	for pause := connectPause; ; pause = min(2*pause, connectPauseMax) {
		nc, err := settings.Connect()
		if err == nil {
			return newConn(nc, options.Log)
		}
		if options.OnWaiting != nil {
			options.OnWaiting(options.redactedURLs(), err, pause)
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, fmt.Errorf("broker: connect to %s: %w", options.redactedURLs(), err)
		}
	}
}

func newConn(nc *nats.Conn, log *zap.Logger) (*Conn, error) {
	if err := checkServerVersion(nc.ConnectedServerVersion()); err != nil {
		nc.Close()
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("broker: connect: %w", err)
	}
	return &Conn{nc: nc, js: js, log: log}, nil
}

// NATS returns the connection itself.
func (c *Conn) NATS() *nats.Conn { return c.nc }

// JetStream returns the management and look-up interface.
func (c *Conn) JetStream() jetstream.JetStream { return c.js }

// Connected reports whether a server is reachable right now.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// ServerVersion returns the version of the server connected last.
func (c *Conn) ServerVersion() string { return c.nc.ConnectedServerVersion() }

// Close sends what is buffered and closes the connection. Subscribers and
// publishers must be closed before: they have acknowledgements to send.
func (c *Conn) Close() {
	if c.nc.IsConnected() {
		_ = c.nc.FlushTimeout(flushTimeout)
	}
	c.nc.Close()
}

// flushTimeout bounds the wait for the server to confirm what was written.
const flushTimeout = 5 * time.Second

// sleep waits for d or until ctx ends, and says why it ended.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
