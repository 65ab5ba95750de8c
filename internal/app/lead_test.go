package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	zapobserver "go.uber.org/zap/zaptest/observer"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

const leadPatience = 15 * time.Second

// member is a worker's view of the shared state over a connection of its own.
func member(t *testing.T, url, name string, log *zap.Logger) *Singletons {
	t.Helper()
	conn, err := broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{url}, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if err := broker.Provision(t.Context(), conn, broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	state, err := broker.OpenState(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return NewSingletons(state, name, 2*time.Second, log)
}

func TestLeadOneAtATime(t *testing.T) {
	testkit.NoLeaks(t)
	server := testkit.NATS(t)
	proxy, url := testkit.NewProxyURL(t, server.URL())
	var leading, most atomic.Int32
	var last atomic.Value
	log, said := zapobserver.New(zap.InfoLevel)
	lead := func(name, url string) (stop func() error) {
		return member(t, url, name, zap.New(log)).Start(t.Context(), "reaper", func(ctx context.Context) error {
			most.Store(max(most.Load(), leading.Add(1)))
			defer leading.Add(-1)
			last.Store(name)
			<-ctx.Done()
			return ctx.Err()
		})
	}
	is := func(want string) {
		t.Helper()
		testkit.Eventually(t, leadPatience, func() bool { return leading.Load() == 1 && last.Load() == want }, "%s leads", want)
	}
	stopFirst := lead("first", url)
	is("first")
	stopSecond := lead("second", server.URL())

	proxy.Cut() // the first is gone, as far as anybody can see
	is("second")
	proxy.Restore()
	if err := stopSecond(); err != nil {
		t.Fatal(err)
	}
	is("first")
	if err := stopFirst(); err != nil {
		t.Fatal(err)
	}
	if most.Load() != 1 {
		t.Errorf("%d led at once", most.Load())
	}
	// To lose a lease is no failure of what was run.
	if n := said.FilterMessageSnippet("no longer leading").Len(); n != 1 {
		t.Errorf("%d lines say that a lease was lost", n)
	}
	if failed := said.FilterLevelExact(zap.ErrorLevel).All(); len(failed) > 0 {
		t.Errorf("logged as failures: %v", failed)
	}
}

func TestLeadGoesOnAfterFailures(t *testing.T) {
	testkit.NoLeaks(t)
	server := testkit.NATS(t)
	var runs atomic.Int32
	stop := member(t, server.URL(), "only", zap.NewNop()).Start(t.Context(), "reaper", func(ctx context.Context) error {
		switch runs.Add(1) {
		case 1:
			return errors.New("a query failed")
		case 2:
			panic("a bug")
		default:
			<-ctx.Done()
			return nil
		}
	})
	testkit.Eventually(t, leadPatience, func() bool { return runs.Load() == 3 }, "it is run a third time")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}
