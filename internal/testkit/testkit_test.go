package testkit

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// failing records what a test that uses testkit wrongly is told.
type failing struct {
	testing.TB
	cleanups []func()
	message  string
}

func (f *failing) Helper()           {}
func (f *failing) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }
func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (f *failing) Error(args ...any) { f.message = fmt.Sprint(args...) }

// run runs what must fail and returns the message.
func run(t *testing.T, fn func(f *failing)) string {
	t.Helper()
	f := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(f)
	}()
	<-done
	return f.message
}

func TestEventually(t *testing.T) {
	calls := 0
	Eventually(t, 5*time.Second, func() bool { calls++; return calls == 3 })
	if calls != 3 {
		t.Errorf("%d calls", calls)
	}
	message := run(t, func(f *failing) {
		Eventually(f, 20*time.Millisecond, func() bool { return false }, "%d rows", 7)
	})
	if want := "not within 20ms: 7 rows"; message != want {
		t.Errorf("message %q, want %q", message, want)
	}
}

func TestNoLeaksNoticesALeak(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	message := run(t, func(f *failing) {
		NoLeaks(f)
		go func() { <-end }()
		for _, fn := range f.cleanups {
			fn()
		}
	})
	if !strings.Contains(message, "TestNoLeaksNoticesALeak") {
		t.Errorf("message %q, want the leaked goroutine's stack", message)
	}
}

func TestSize(t *testing.T) {
	for env, want := range map[string]int{"": 2, "1": 200} {
		t.Setenv("TEST_LONG", env)
		if got := Size(2, 200); got != want {
			t.Errorf("TEST_LONG=%q: %d, want %d", env, got, want)
		}
	}
}
