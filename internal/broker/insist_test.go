package broker_test

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestSubscribeAsksAgain: a worker that starts while nobody answers for its
// consumers, as when a cluster elects their leaders, does not give up.
func TestSubscribeAsksAgain(t *testing.T) {
	server, _ := provisioned(t, broker.TopologyOptions{})
	proxy, url := testkit.NewProxyURL(t, server.URL())
	conn := connect(t, url)
	core, told := observer.New(zap.DebugLevel)
	s := broker.NewSubscriber(conn, broker.SubscriberOptions{Log: zap.New(core)})
	t.Cleanup(func() { s.Close() })
	proxy.Blackhole()
	done := make(chan error, 1)
	go func() {
		_, err := s.Subscribe(t.Context(), string(command.EmailSend))
		done <- err
	}()
	testkit.Eventually(t, 2*patience, func() bool { return told.FilterMessageSnippet("trying again").Len() > 0 }, "the first question is given up")
	proxy.Restore()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * patience):
		t.Error("it does not subscribe although there are answers again")
	}
}
