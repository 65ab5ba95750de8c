package broker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func acquire(t *testing.T, s *broker.State, holder string) *broker.Lease {
	t.Helper()
	var lease *broker.Lease
	testkit.Eventually(t, patience, func() (won bool) {
		var err error
		lease, err = s.Acquire(t.Context(), "lead.reaper", holder, 2*time.Second)
		if err != nil && !errors.Is(err, broker.ErrTaken) {
			t.Fatal(err)
		}
		return err == nil
	}, "%s gets the lease", holder)
	return lease
}

func held(l *broker.Lease) bool {
	select {
	case <-l.Lost():
		return false
	default:
		return true
	}
}

func TestLeaseLivesByRenewal(t *testing.T) {
	testkit.NoLeaks(t)
	_, _, s := state(t)
	first := acquire(t, s, "first")
	// Longer than it lives unrenewed: still the first one's.
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		if _, err := s.Acquire(t.Context(), "lead.reaper", "second", 2*time.Second); !errors.Is(err, broker.ErrTaken) {
			t.Fatalf("held by the first: %v", err)
		}
	}
	if !held(first) {
		t.Fatal("the first lost it")
	}
	if err := first.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestLeaseIsGivenUp: a lease that was released is free long before it would lapse.
func TestLeaseIsGivenUp(t *testing.T) {
	testkit.NoLeaks(t)
	_, _, s := state(t)
	for _, holder := range []string{"first", "second"} {
		lease, err := s.Acquire(t.Context(), "lead.reaper", holder, time.Hour)
		if err != nil {
			t.Fatalf("%s: %v", holder, err)
		}
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A holder that is cut off notices before the server gives the lease away.
func TestLeaseIsLostBeforeItIsFree(t *testing.T) {
	testkit.NoLeaks(t)
	server, _, s := state(t)
	proxy, url := testkit.NewProxyURL(t, server.URL())
	cut := connect(t, url)
	far, err := broker.OpenState(t.Context(), cut)
	if err != nil {
		t.Fatal(err)
	}
	lease := acquire(t, far, "far")
	proxy.Cut()
	near, err := s.Acquire(t.Context(), "lead.reaper", "near", 2*time.Second)
	for ; errors.Is(err, broker.ErrTaken); near, err = s.Acquire(t.Context(), "lead.reaper", "near", 2*time.Second) {
		continue
	}
	if err != nil {
		t.Fatal(err)
	}
	defer near.Release(t.Context()) //nolint:errcheck // the test is over
	if held(lease) {
		t.Error("two hold the lease")
	}
	if err := lease.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestLeaseTakenAway(t *testing.T) {
	testkit.NoLeaks(t)
	_, _, s := state(t)
	lease := acquire(t, s, "first")
	if _, err := s.Put(t.Context(), "lead.reaper", []byte("an operator"), 0); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, patience, func() bool { return !held(lease) }, "the first notices")
	if err := lease.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if value, _, _, _ := s.Get(t.Context(), "lead.reaper"); string(value) != "an operator" {
		t.Errorf("another's lease was removed: %q", value)
	}
}
