package fleet

import (
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestLeaderIsKilled: three workers on a NATS cluster of three, and the server
// that leads the stream of commands and the shared state dies under load, and
// comes back. Nothing is lost, and the limit holds throughout.
func TestLeaderIsKilled(t *testing.T) {
	// Not beside others: three servers and three workers have enough to do on two processors.
	cluster := testkit.StartNATSCluster(t, 3)
	c := newCrew(t, 3, crewOptions{natsURL: cluster.URL(), replicas: 3, limit: "rate: 40, burst: 40"})
	var machine strain
	machine.watch(t)
	stop := c.flow(25 * time.Millisecond)
	for range testkit.Size(1, 5) {
		c.arrives(c.first, c.first.number()+40)
		leader := cluster.Lead(c.js, "GANGWAY_COMMANDS", "KV_gangway_state")
		leader.Kill()
		c.arrives(c.first, c.first.number()+80) // another one leads
		leader.Start()
	}
	stop()
	c.settled()
	c.keeps(&machine, c.first.since(0), 40, 40, 0)
}
