package webhook_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/internal/webhook"
)

// asked is a provider that is asked about messages; it answers as scripted.
type asked struct {
	mu     sync.Mutex
	times  map[string][]time.Time
	answer func(messageID string, n int) (delivery.Recipient, error)
}

func (a *asked) track(_ context.Context, messageID string) (delivery.Recipient, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times[messageID] = append(a.times[messageID], time.Now())
	return a.answer(messageID, len(a.times[messageID]))
}

func (a *asked) count(messageID string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.times[messageID])
}

// TestPolling: messages of a provider that reports nothing are asked about with
// growing pauses until their state is final, also after failures, and not for ever.
func TestPolling(t *testing.T) {
	s := newRows(t)
	provider := &asked{times: map[string][]time.Time{}, answer: func(messageID string, n int) (delivery.Recipient, error) {
		switch {
		case messageID == "lost":
			return delivery.Recipient{}, fault.New(fault.Unavailable, "track", "away")
		case messageID == "open", n < 4:
			return delivery.Recipient{Status: delivery.Sent}, nil
		case messageID == "refused":
			return delivery.Recipient{Status: delivery.Undelivered, Reason: fault.Refused}, nil
		default:
			return delivery.Recipient{Status: delivery.Delivered}, nil
		}
	}}
	rows := map[string]uuid.UUID{}
	for _, messageID := range []string{"refused", "open", "lost"} {
		rows[messageID] = s.row(uuid.New(), delivery.Sent, "010-1234-5678")
		s.attempt(rows[messageID], 0, messageID)
	}
	const crowd = 250 // more than one batch
	for i := range crowd {
		messageID := fmt.Sprintf("m-%d", i)
		rows[messageID] = s.row(uuid.New(), delivery.Sent, "010-1234-5678")
		s.attempt(rows[messageID], 0, messageID)
	}
	other := s.row(uuid.New(), delivery.Sent, "010-1234-5678") // of a provider that reports by itself
	s.attempt(other, 0, "other")
	s.exec(`UPDATE gangway.delivery_attempts SET provider = 'else' WHERE delivery_id = $1`, other)
	s.exec(`UPDATE gangway.deliveries SET provider = CASE WHEN id = $1 THEN 'else' ELSE 'mail' END`, other)

	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	poller := webhook.NewPoller(postgres.NewPolls(s.pool), s.reports, map[string]webhook.Tracker{"mail": provider.track}, webhook.PollerOptions{
		First: 100 * time.Millisecond, Most: 400 * time.Millisecond, Every: 20 * time.Millisecond, For: 72 * time.Hour,
	})
	go func() { done <- poller.Run(ctx) }()
	defer func() {
		stop()
		s.check(<-done)
	}()
	for i := range crowd {
		s.await(rows[fmt.Sprintf("m-%d", i)], delivery.Delivered)
	}
	if row := s.await(rows["refused"], delivery.Undelivered); row.Reason != fault.Refused {
		t.Errorf("undelivered because of %q", row.Reason)
	}
	if n := s.count(`SELECT count(*) FROM gangway.delivery_events WHERE delivery_id = $1 AND type = 'polled' AND status = 'undelivered'`, rows["refused"]); n != 1 {
		t.Errorf("%d events are kept", n)
	}
	provider.mu.Lock()
	times := provider.times["m-0"]
	provider.mu.Unlock()
	if len(times) != 4 || times[2].Sub(times[1]) < 200*time.Millisecond || times[3].Sub(times[2]) < 400*time.Millisecond {
		t.Errorf("asked at %v: the pauses do not grow, or it was asked about what is final", times)
	}
	// What has no final state after 72 h stays sent and is asked about no more.
	for _, messageID := range []string{"open", "lost"} {
		testkit.Eventually(t, 20*time.Second, func() bool { return provider.count(messageID) > 4 }, "%s to be asked about", messageID)
	}
	s.exec(`UPDATE gangway.delivery_attempts SET started_at = now() - interval '73 hours'`)
	s.exec(`UPDATE gangway.delivery_polls SET since = now() - interval '73 hours'`)
	testkit.Eventually(t, 20*time.Second, func() bool { return s.count(`SELECT count(*) FROM gangway.delivery_polls`) == 0 }, "old messages to be left")
	for _, messageID := range []string{"open", "lost"} {
		if row := s.look(rows[messageID]); row.Status != delivery.Sent {
			t.Errorf("%s became %s", messageID, row.Status)
		}
	}
	if provider.count("other") != 0 {
		t.Error("another provider's message was asked about")
	}
}
