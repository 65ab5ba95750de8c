package providers_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/providers"
)

// patient is a driver whose calls end when a test says so.
type patient struct {
	name          string
	begun, finish chan struct{}
}

func (p *patient) Name() string                { return p.name }
func (p *patient) Check(context.Context) error { return nil }
func (p *patient) Do(context.Context, providers.Call[string]) (providers.Answer, error) {
	p.begun <- struct{}{}
	<-p.finish
	return providers.Answer{MessageID: p.name}, nil
}

// TestACallEndsWithTheRouteItBeganWith: what is replaced counts as used until its
// last call has ended.
func TestACallEndsWithTheRouteItBeganWith(t *testing.T) {
	old := &patient{"old", make(chan struct{}), make(chan struct{})}
	route := providers.NewRoute(providers.NewGuard[string](old, providers.GuardOptions{}))
	done := make(chan providers.Outcome, 1)
	go func() {
		done <- route.Do(context.Background(), uuid.New(), "", "x", delivery.Run{Provider: "old", Journal: &ledger{}})
	}()
	<-old.begun
	unused := route.Replace(providers.NewGuard[string](&patient{name: "new"}, providers.GuardOptions{Later: true}))
	if name, err := route.Plan(""); name != "new" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
	if err := route.Check(t.Context(), "old"); err == nil {
		t.Error("old is still checked")
	}
	select {
	case <-unused:
		t.Error("unused although a call is under way")
	default:
	}
	close(old.finish)
	if out := <-done; out.Err != nil || out.Answer.MessageID != "old" {
		t.Errorf("%+v", out)
	}
	<-unused
	<-route.Replace()
	if !route.Closed() {
		// A route without providers is not closed: its commands have to be told.
		if _, err := route.Plan(""); err == nil {
			t.Error("an empty route plans")
		}
	}
}
