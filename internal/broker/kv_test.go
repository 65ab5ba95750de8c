package broker_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func state(t testing.TB) (*testkit.NATSServer, *broker.Conn, *broker.State) {
	t.Helper()
	server, conn := provisioned(t, broker.TopologyOptions{})
	s, err := broker.OpenState(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return server, conn, s
}

func TestStateSwap(t *testing.T) {
	_, _, s := state(t)
	value, revision, _, err := s.Get(t.Context(), "limit.ses")
	if err != nil || value != nil || revision != 0 {
		t.Fatalf("a key that never was: %q %d %v", value, revision, err)
	}
	first, won, err := s.Swap(t.Context(), "limit.ses", []byte("a"), 0, 0)
	if err != nil || !won {
		t.Fatal(won, err)
	}
	if _, won, err := s.Swap(t.Context(), "limit.ses", []byte("b"), 0, 0); won || err != nil {
		t.Errorf("created twice: %v %v", won, err)
	}
	second, won, err := s.Swap(t.Context(), "limit.ses", []byte("b"), first, 0)
	if err != nil || !won || second <= first {
		t.Fatalf("swap: %d after %d, %v %v", second, first, won, err)
	}
	if won, err := s.Delete(t.Context(), "limit.ses", first); won || err != nil {
		t.Errorf("deleted at an old revision: %v %v", won, err)
	}
	if won, err := s.Delete(t.Context(), "limit.ses", second); !won || err != nil {
		t.Fatal(won, err)
	}
	value, revision, _, err = s.Get(t.Context(), "limit.ses")
	if err != nil || value != nil || revision <= second {
		t.Fatalf("deleted: %q %d %v", value, revision, err)
	}
	// The revision of the marker is what a creation is measured against.
	if _, won, err := s.Swap(t.Context(), "limit.ses", []byte(""), revision, 0); !won || err != nil {
		t.Fatal(won, err)
	}
	if value, _, _, err = s.Get(t.Context(), "limit.ses"); err != nil || value == nil {
		t.Errorf("an empty value is a value: %v %v", value, err)
	}
}

func TestStateExpires(t *testing.T) {
	_, _, s := state(t)
	revision, err := s.Put(t.Context(), "cb.ses", []byte("open"), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	// Written again with a time to live, it lives on.
	began := time.Now()
	if _, won, err := s.Swap(t.Context(), "cb.ses", []byte("open"), revision, 1500*time.Millisecond); !won || err != nil {
		t.Fatal(won, err)
	}
	testkit.Eventually(t, patience, func() bool {
		value, _, _, err := s.Get(t.Context(), "cb.ses")
		return err == nil && value == nil
	}, "the key expires")
	if took := time.Since(began); took < 1500*time.Millisecond {
		t.Errorf("expired after %v", took)
	}
}

// watched collects what a watch reports.
type watched struct {
	mu     sync.Mutex
	values map[string]string
	synced int
}

func watch(t *testing.T, s *broker.State, patterns ...string) *watched {
	t.Helper()
	w := &watched{values: map[string]string{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Watch(ctx, patterns, func(key string, value []byte, _ uint64, _ time.Time) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if delete(w.values, key); value != nil {
				w.values[key] = string(value)
			}
		}, func() { w.mu.Lock(); w.synced++; w.mu.Unlock() })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

func (w *watched) is(t *testing.T, key, want string) {
	t.Helper()
	testkit.Eventually(t, patience, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.values[key] == want
	}, "%s is %q", key, want)
}

func (w *watched) syncs() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.synced
}

func TestStateWatch(t *testing.T) {
	testkit.NoLeaks(t)
	server, conn, s := state(t)
	put := func(key, value string, ttl time.Duration) {
		t.Helper()
		if _, err := s.Put(t.Context(), key, []byte(value), ttl); err != nil {
			t.Fatal(err)
		}
	}
	put("cb.ses", "open", 0)
	put("other.ses", "x", 0)
	w := watch(t, s, "cb.*", "pause.*")
	w.is(t, "cb.ses", "open")
	put("pause.ses", "by kim", time.Second)
	w.is(t, "pause.ses", "by kim")
	w.is(t, "pause.ses", "") // expired: nobody deleted it
	if w.values["other.ses"] != "" {
		t.Error("a key of another pattern was reported")
	}

	// What changes while the connection is away is caught up with.
	before := w.syncs()
	server.Stop()
	server.Start()
	testkit.Eventually(t, patience, func() bool { return conn.Connected() && w.syncs() > before }, "the watch is back")
	w.is(t, "cb.ses", "open")
	if _, err := s.Delete(t.Context(), "cb.ses", 0); err != nil {
		t.Fatal(err)
	}
	w.is(t, "cb.ses", "")
	put("cb.ses", "again", 0)
	w.is(t, "cb.ses", "again")
}
