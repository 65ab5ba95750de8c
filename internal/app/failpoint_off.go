//go:build !failpoint

package app

import (
	"time"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/outbox"
)

// failpoint is nothing in this build: only builds for the crash tests can be told
// to end at a step.
func failpoint(*broker.Conn) func(string) { return nil }

func relayFailpoint(publish outbox.Publish) outbox.Publish { return publish }

// testClock is no clock of ours: the real one is used.
func testClock() func() time.Time { return nil }
