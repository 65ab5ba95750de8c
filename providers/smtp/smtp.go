// Package smtp is the mail driver: one for every server that speaks SMTP, with
// presets for Gmail, Microsoft 365, SendGrid and Amazon SES.
//
// A message passes these stages; what a failure means depends on how far it came:
//
//	slot → connection (kept, or connect → STARTTLS → AUTH) → MAIL, RCPT… → DATA → content → verdict
//	└──────────── nothing was sent: timeout, unavailable, … ───────────────────┘ │
//	                        final dot written, no verdict: unknown_outcome ──────┘
//
// Up to the content a kept connection that turns out dead is replaced within the
// same call; from the content on nothing is ever repeated.
package smtp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Driver sends e-mail through one account of one server.
type Driver struct {
	options Options
	preset  Preset
	tls     *tls.Config
	pool    *pool
	oauth   *tokens
	rules   []rule
	// healthWait is how long a kept connection may take to show that it is alive.
	healthWait time.Duration
}

// New checks the options and returns a driver; it connects with the first call.
func New(options Options) (*Driver, error) {
	o, err := options.complete()
	if err != nil {
		return nil, err
	}
	d := &Driver{options: o, preset: Presets()[o.Preset], rules: rules(), healthWait: 3 * time.Second, pool: newPool(o.MaxConns, o.IdleTimeout, o.Now)}
	d.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLSConfig != nil {
		d.tls = o.TLSConfig.Clone()
	}
	if d.tls.ServerName == "" {
		d.tls.ServerName = o.Host
	}
	if o.RootCAs != nil {
		d.tls.RootCAs = o.RootCAs
	}
	if o.login() == AuthXOAuth2 {
		if d.oauth, err = newTokens(*o.OAuth, d.preset, o.Now); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Name implements [providers.Provider].
func (d *Driver) Name() string { return d.options.Name }

// Do sends one message to all its recipients. With several of them, some of
// which are refused, it goes to the others, and the answer has an outcome for
// each address; an error means that it went to none. Errors name the server's
// codes ("550 5.1.1"), never its words.
func (d *Driver) Do(ctx context.Context, call providers.Call[providers.Email]) (providers.Answer, error) {
	exchange := providers.ExchangeFrom(ctx)
	*exchange = providers.Exchange{Endpoint: "smtp", Method: "SMTP", URL: d.URL()}
	e, summary, err := d.compose(call)
	if err != nil {
		return providers.Answer{}, err
	}
	exchange.Request = summary
	var o outcome
	err = d.with(ctx, func(c *conn) (broken, stale bool) {
		o = d.transact(ctx, c, e)
		return o.broken, o.stale
	})
	if err != nil {
		exchange.Status = fault.As(err).Code // of the greeting or the login
		return providers.Answer{}, err
	}
	exchange.Left = o.left
	if o.last.code != 0 {
		exchange.Status = o.last.String()
		exchange.Response = fmt.Appendf(nil, "%s %s", o.last, o.last.text)
	}
	return o.answer, o.err
}

// Check logs in, unless a kept connection is there, and says NOOP.
func (d *Driver) Check(ctx context.Context) error {
	exchange := providers.ExchangeFrom(ctx)
	*exchange = providers.Exchange{Endpoint: "check", Method: "SMTP", URL: d.URL()}
	var verdict error
	err := d.with(ctx, func(c *conn) (bool, bool) {
		r, err := d.noop(ctx, c)
		switch {
		case err != nil:
			verdict = broken(ctx, atNoop, err)
		case r.code/100 != 2:
			verdict = d.classify(atNoop, r)
		default:
			verdict = nil
		}
		exchange.Status = r.String()
		return verdict != nil, verdict != nil && ctx.Err() == nil
	})
	if err != nil {
		return err
	}
	return verdict
}

// URL is the server's address for people: smtp://host:port.
func (d *Driver) URL() string {
	scheme := "smtp://"
	if d.options.TLS == TLS {
		scheme = "smtps://"
	}
	return scheme + d.address()
}

// Close waits for calls in flight, which are bounded by their own contexts, and
// ends all connections. Later calls are unavailable.
func (d *Driver) Close() error {
	err := d.pool.close()
	if d.oauth != nil {
		d.oauth.close()
	}
	return err
}

func (d *Driver) address() string {
	return net.JoinHostPort(d.options.Host, strconv.Itoa(d.options.Port))
}

// with runs use with a connection. One that was kept and turns out stale is
// replaced by a new one, once: that spends no attempt, because nothing of the
// message went out.
func (d *Driver) with(ctx context.Context, use func(*conn) (broken, stale bool)) error {
	if err := d.pool.enter(ctx); err != nil {
		return err
	}
	defer d.pool.leave()
	for kept := true; ; kept = false {
		c, err := d.connection(ctx, kept)
		if err != nil {
			return err
		}
		wasKept := c.reused
		broken, stale := use(c)
		if broken {
			c.cut()
		} else {
			d.pool.keep(c)
		}
		if !stale || !wasKept {
			return nil
		}
	}
}

// connection returns a kept connection in good health, or a new one.
func (d *Driver) connection(ctx context.Context, kept bool) (*conn, error) {
	login, err := d.credential(ctx)
	if err != nil {
		return nil, err
	}
	for kept {
		c := d.pool.take(login)
		if c == nil {
			break
		}
		if d.options.Now().Sub(c.idleSince) < d.options.CheckAfter {
			return c, nil
		}
		// Firewalls forget idle connections silently; a message would wait for its
		// whole time-out on such a one.
		probe, cancel := context.WithTimeout(ctx, d.healthWait)
		r, err := d.noop(probe, c)
		cancel()
		if err == nil && r.code/100 == 2 {
			return c, nil
		}
		c.cut()
	}
	c, err := d.connect(ctx, login)
	if fault.Of(err) != fault.Unauthorized || d.oauth == nil {
		return c, err
	}
	// The token may have been revoked before its time: a new one tells.
	if !d.oauth.Forget(login.secret) {
		return nil, err
	}
	renewed, tokenErr := d.credential(ctx)
	if tokenErr != nil || renewed == login {
		return nil, err
	}
	return d.connect(ctx, renewed)
}

func (d *Driver) noop(ctx context.Context, c *conn) (reply, error) {
	_ = c.wire.SetDeadline(time.Now().Add(stall))
	stop := context.AfterFunc(ctx, c.cut)
	r, err := c.ask("NOOP")
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	return r, err
}

var _ providers.Provider[providers.Email] = (*Driver)(nil)
