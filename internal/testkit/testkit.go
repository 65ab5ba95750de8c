// Package testkit gives tests the real thing: a Postgres with a fresh database, a
// NATS server with files, a network that fails, a program of ours as a child
// process. Only tests import it. Nothing it starts outlives the test binary.
package testkit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gangwon-portal/gangway/internal/devstack"
)

// suite is what the tests of one binary share. The testing package lets TestMain
// hand nothing to the tests, so this is package state.
var suite struct {
	sync.Mutex
	running   bool
	dir       *devstack.Dir
	databases *databases
	binaries  map[string]binary
}

// Main runs the tests of a package and then ends what they shared. A package that
// uses [Postgres], [Build], [NATS211] or [NATSCLI] has
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
func Main(m *testing.M) {
	suite.running = true
	code := m.Run()
	if err := closeSuite(); err != nil {
		fmt.Fprintln(os.Stderr, "testkit:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Root is the folder of this module: the nearest one above the test's own that
// has a go.mod. go test starts a test in its package's folder, also when the
// binary was built with -trimpath and no longer knows where its sources were.
func Root(t testing.TB) string {
	t.Helper()
	for dir := started; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatalf("testkit: no go.mod above %q", started)
		}
	}
}

// started is where the test began, before any t.Chdir.
var started, _ = os.Getwd()

// Eventually waits until cond holds and fails the test after the deadline, with
// what as the message's format and arguments.
func Eventually(t testing.TB, within time.Duration, cond func() bool, what ...any) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v%s", within, describe(what))
		}
	}
}

// Size returns how much a test does: usual in `make test`, long in `make
// test-long`.
func Size(usual, long int) int {
	if os.Getenv("TEST_LONG") != "" {
		return long
	}
	return usual
}

// NoLeaks fails the test when goroutines that it started are left at its end.
// Call it first, because cleanups run in reverse order.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	// The shared server belongs to the binary, whichever test was first to use it.
	shared := goleak.IgnoreAnyFunction("github.com/gangwon-portal/gangway/internal/devstack.StartChild.func1")
	pipes := goleak.IgnoreAnyFunction("os/exec.(*Cmd).writerDescriptor.func1")
	// nats.go 1.55 sets the channel of this goroutine to nil when its JetStream is
	// cleaned up, and sometimes does so before the goroutine has looked at it.
	library := goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect")
	t.Cleanup(func() { goleak.VerifyNone(t, before, shared, pipes, library) })
}

func describe(what []any) string {
	if len(what) == 0 {
		return ""
	}
	format, ok := what[0].(string)
	if !ok {
		return ": " + fmt.Sprint(what...)
	}
	return ": " + fmt.Sprintf(format, what[1:]...)
}

// sharedDir is the directory of what the binary's tests share.
func sharedDir(t testing.TB) *devstack.Dir {
	t.Helper()
	if !suite.running {
		t.Fatal("testkit: add to this package: func TestMain(m *testing.M) { testkit.Main(m) }")
	}
	if suite.dir == nil {
		dir, err := devstack.Ephemeral()
		if err != nil {
			t.Fatal(err)
		}
		suite.dir = dir
	}
	return suite.dir
}

func closeSuite() error {
	suite.Lock()
	defer suite.Unlock()
	if suite.dir == nil {
		return nil
	}
	return errors.Join(suite.databases.close(), suite.dir.Close())
}
