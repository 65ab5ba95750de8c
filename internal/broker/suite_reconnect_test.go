//go:build !race

package broker_test

import (
	"os"
	"testing"

	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// Watermill's own test of reconnects reads a slice of its own while another of
// its goroutines still appends to it, which the race detector rightly refuses.
// TestRestartLosesNothing asks for the same, and more, under it.
func TestWatermillSuiteReconnect(t *testing.T) {
	server := testkit.NATS(t)
	address := restarts(t, func() {
		server.Stop()
		server.Start()
	})
	tests.TestReconnect(t, tests.TestContext{TestID: tests.NewTestID(), Features: tests.Features{
		Persistent:            true,
		RestartServiceCommand: []string{os.Args[0], restartCommand, address},
	}}, setup{pool: 64}.constructor(connect(t, server.URL())))
}
