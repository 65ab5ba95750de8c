package testkit

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/devstack"
)

// NATSCluster is a cluster of ordinary nats-servers, each of which can be killed
// and started again.
type NATSCluster struct {
	t       testing.TB
	servers []*NATSProcess
}

// StartNATSCluster starts n servers for this test; three lose nothing while one
// of them is gone.
func StartNATSCluster(t testing.TB, n int) *NATSCluster {
	t.Helper()
	ports := make([]int, 2*n) // of clients, then of the servers among themselves
	for i := range ports {
		port, err := devstack.FreePort("127.0.0.1")
		if err != nil {
			t.Fatalf("testkit: nats-server: %v", err)
		}
		ports[i] = port
	}
	var routes []string
	for _, port := range ports[n:] {
		routes = append(routes, fmt.Sprintf("\"nats://127.0.0.1:%d\"", port))
	}
	c := &NATSCluster{t: t}
	for i := range n {
		server := newNATSProcess(t, ports[i], 0, fmt.Sprintf("server_name: %s", serverName(i)),
			fmt.Sprintf("cluster { name: test, listen: \"127.0.0.1:%d\", routes: [%s] }", ports[n+i], strings.Join(routes, ", ")))
		server.Start()
		c.servers = append(c.servers, server)
	}
	return c
}

func serverName(i int) string { return fmt.Sprintf("n%d", i+1) }

// URL is what a client connects to: all servers, with commas.
func (c *NATSCluster) URL() string {
	var urls []string
	for _, server := range c.servers {
		urls = append(urls, server.URL())
	}
	return strings.Join(urls, ",")
}

// Lead has one server lead all the streams, and returns it.
func (c *NATSCluster) Lead(js jetstream.JetStream, streams ...string) *NATSProcess {
	c.t.Helper()
	for _, stream := range streams {
		Eventually(c.t, time.Minute, func() bool {
			ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
			defer cancel()
			s, err := js.Stream(ctx, stream)
			if err != nil || s.CachedInfo().Cluster == nil {
				return false
			}
			if s.CachedInfo().Cluster.Leader == serverName(0) {
				return true
			}
			_, _ = js.Conn().RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+stream,
				fmt.Appendf(nil, `{"placement":{"preferred":%q}}`, serverName(0)))
			return false
		}, "%s leads %s", serverName(0), stream)
	}
	return c.servers[0]
}
