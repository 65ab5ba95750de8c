package broker

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// ConnectOptions says where NATS is and how to get in. Empty fields are not used.
type ConnectOptions struct {
	// URLs lists servers of one cluster: "nats://host:4222",
	// "tls://user:password@host". They are tried in random order.
	URLs []string
	// Name is shown in the server's connection list; default "gangway".
	Name string
	// CredsFile names a credentials file (JWT and seed).
	CredsFile string
	// CAFile, CertFile and KeyFile name PEM files: who may answer, who we are.
	CAFile, CertFile, KeyFile string
	// OnWaiting is told before each pause while no server answers. The URLs
	// carry no passwords.
	OnWaiting func(urls string, err error, pause time.Duration)
	// OnLost and OnRestored are told when an established connection breaks and
	// when it is back. err may be nil.
	OnLost     func(err error)
	OnRestored func(url string)
	// Log receives what nobody awaits: slow consumers, refused subscriptions.
	Log *zap.Logger
}

// Pauses between attempts to connect for the first time.
const (
	connectPause    = 200 * time.Millisecond
	connectPauseMax = 5 * time.Second
)

const (
	dialTimeout = 5 * time.Second
	// pingInterval and two missed answers find a dead peer within half a minute;
	// the library's two minutes would outlast the acknowledgement deadline.
	pingInterval = 10 * time.Second
	// reconnectBuffer holds acknowledgements and requests written while the
	// connection is away. Publications do not rely on it: they wait and retry.
	reconnectBuffer = 16 << 20
	reconnectMax    = 2 * time.Second
)

func (o ConnectOptions) withDefaults() ConnectOptions {
	if len(o.URLs) == 0 {
		o.URLs = []string{nats.DefaultURL}
	}
	if o.Name == "" {
		o.Name = "gangway"
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}

// natsOptions fails only on mistakes that waiting cannot mend: an unreadable URL
// or file.
func (o ConnectOptions) natsOptions() (nats.Options, error) {
	s := nats.GetDefaultOptions()
	if err := o.checkURLs(); err != nil {
		return s, err
	}
	s.Servers = o.URLs
	s.Name = o.Name
	s.Timeout = dialTimeout
	s.PingInterval = pingInterval
	s.AllowReconnect = true
	s.MaxReconnect = -1
	s.ReconnectBufSize = reconnectBuffer
	s.CustomReconnectDelayCB = reconnectDelay
	// A refused subject or a rotated credential must not end a worker that
	// would work again once an operator has mended it.
	s.IgnoreAuthErrorAbort = true
	s.DisconnectedErrCB = func(nc *nats.Conn, err error) {
		if o.OnLost != nil && !nc.IsClosed() { // one that we closed is not lost
			o.OnLost(err)
		}
	}
	s.ReconnectedCB = func(nc *nats.Conn) {
		if err := checkServerVersion(nc.ConnectedServerVersion()); err != nil {
			o.Log.Error("nats: reconnected to a server that cannot schedule", zap.Error(err))
		}
		if o.OnRestored != nil {
			o.OnRestored(nc.ConnectedUrlRedacted())
		}
	}
	s.AsyncErrorCB = func(_ *nats.Conn, sub *nats.Subscription, err error) {
		subject := ""
		if sub != nil {
			subject = sub.Subject
		}
		o.Log.Warn("nats: asynchronous error", zap.String("subject", subject), zap.Error(err))
	}
	if o.CredsFile != "" {
		if err := readable("credentials", o.CredsFile); err != nil {
			return s, err
		}
		if err := nats.UserCredentials(o.CredsFile)(&s); err != nil {
			return s, fmt.Errorf("credentials file %s: %w", o.CredsFile, err)
		}
	}
	return s, o.tls(&s)
}

func (o ConnectOptions) tls(s *nats.Options) error {
	if o.CAFile != "" {
		if err := readable("CA", o.CAFile); err != nil {
			return err
		}
		if err := nats.RootCAs(o.CAFile)(s); err != nil {
			return fmt.Errorf("CA file %s: %w", o.CAFile, err)
		}
	}
	if o.CertFile != "" || o.KeyFile != "" {
		if _, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile); err != nil {
			return fmt.Errorf("client certificate %s: %w", o.CertFile, err)
		}
		if err := nats.ClientCert(o.CertFile, o.KeyFile)(s); err != nil {
			return fmt.Errorf("client certificate %s: %w", o.CertFile, err)
		}
	}
	return nil
}

// checkURLs refuses what the library would refuse at every attempt, and does so
// without repeating the URL: it may hold a password.
func (o ConnectOptions) checkURLs() error {
	for i, text := range o.URLs {
		if u, err := parseURL(text); err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
			return fmt.Errorf("NATS URL %d of %d is not a URL such as nats://host:4222", i+1, len(o.URLs))
		}
	}
	return nil
}

// schemes are those that the library speaks; it dials any other as if it were nats.
var schemes = []string{"nats", "tls", "ws", "wss"}

func parseURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "nats://" + text
	}
	return url.Parse(strings.TrimSpace(text))
}

// redactedURLs names the servers without user, password and token.
func (o ConnectOptions) redactedURLs() string {
	shown := make([]string, len(o.URLs))
	for i, text := range o.URLs {
		if u, err := parseURL(text); err == nil {
			shown[i] = u.Scheme + "://" + u.Host
		}
	}
	return strings.Join(shown, ",")
}

func readable(what, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%s file: %w", what, err)
	}
	return file.Close()
}

// reconnectDelay grows with the attempts over the whole server list and is
// spread, so that a restarted server is not met by the whole fleet at once.
func reconnectDelay(attempts int) time.Duration {
	delay := min(reconnectMax, 50*time.Millisecond<<min(attempts, 6))
	return delay/2 + rand.N(delay/2)
}
