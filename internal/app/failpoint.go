//go:build failpoint

package app

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/outbox"
)

// failpoint ends this process by SIGKILL when a step is reached for the n-th
// time, as GANGWAY_TEST_FAILPOINT=<step>:<n> says; with :stop after it the
// process halts until it gets SIGCONT.
func failpoint(conn *broker.Conn) func(string) {
	step, rest, _ := strings.Cut(os.Getenv("GANGWAY_TEST_FAILPOINT"), ":")
	number, how, _ := strings.Cut(rest, ":")
	left := new(atomic.Int64)
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		left.Store(n)
	}
	return func(reached string) {
		if reached != step || left.Add(-1) != 0 {
			return
		}
		if reached == broker.StepAcknowledged && conn != nil {
			// The acknowledgement is to reach the server, not only our buffer.
			_ = conn.NATS().FlushTimeout(5 * time.Second)
		}
		end := syscall.SIGKILL
		if how == "stop" {
			end = syscall.SIGSTOP
		}
		_ = syscall.Kill(os.Getpid(), end)
		if end == syscall.SIGKILL {
			select {} // until the signal arrives
		}
	}
}

// relayFailpoint has the step "relayed": rows are published and still stand in
// the outbox.
func relayFailpoint(publish outbox.Publish) outbox.Publish {
	reached := failpoint(nil)
	return func(ctx context.Context, messages []outbox.Message) []error {
		errs := publish(ctx, messages)
		reached("relayed")
		return errs
	}
}

// testClock is a clock that is off by GANGWAY_TEST_CLOCK, such as 2s or -2s; nil
// without it.
func testClock() func() time.Time {
	off, err := time.ParseDuration(os.Getenv("GANGWAY_TEST_CLOCK"))
	if err != nil {
		return nil
	}
	return func() time.Time { return time.Now().Add(off) }
}
