package testkit

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/gangwon-portal/gangway/internal/devstack"
)

// Proxy is a network between a client and a server that can fail.
type Proxy struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
}

// NewProxy starts a proxy before the server at a host:port. toxiproxy is used as
// a library, without its HTTP interface.
func NewProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	port, err := devstack.FreePort("127.0.0.1")
	if err != nil {
		t.Fatalf("testkit: proxy: %v", err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &Proxy{t: t, proxy: toxiproxy.NewProxy(server, t.Name(), fmt.Sprintf("127.0.0.1:%d", port), upstream)}
	p.Restore()
	t.Cleanup(p.proxy.Stop)
	return p
}

// NewProxyURL starts a proxy before the server at rawURL and returns it with the
// URL that leads through it.
func NewProxyURL(t testing.TB, rawURL string) (*Proxy, string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	p := NewProxy(t, u.Host)
	u.Host = p.Addr()
	return p, u.String()
}

// Addr is the host:port to connect to, the same after Cut and Restore.
func (p *Proxy) Addr() string { return p.proxy.Listen }

// Cut closes all connections and refuses new ones, until Restore.
func (p *Proxy) Cut() { p.proxy.Stop() }

// Delay holds every answer back for d, also on connections that are open.
func (p *Proxy) Delay(d time.Duration) {
	p.t.Helper()
	p.add(fmt.Sprintf(`{"name":"delay","type":"latency","stream":"downstream","attributes":{"latency":%d}}`, d.Milliseconds()))
}

// Blackhole swallows what comes from either side, on open connections and new
// ones, which it accepts, until Restore closes them.
func (p *Proxy) Blackhole() {
	p.t.Helper()
	p.add(`{"name":"hole-up","type":"timeout","stream":"upstream","attributes":{"timeout":0}}`)
	p.add(`{"name":"hole-down","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`)
}

// Restore makes the network work again.
func (p *Proxy) Restore() {
	p.t.Helper()
	p.proxy.Toxics.ResetToxics(p.t.Context())
	if p.proxy.Enabled {
		return
	}
	if err := p.proxy.Start(); err != nil {
		p.t.Fatalf("testkit: proxy: %v", err)
	}
}

func (p *Proxy) add(toxic string) {
	p.t.Helper()
	if _, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		p.t.Fatalf("testkit: proxy: %v", err)
	}
}
