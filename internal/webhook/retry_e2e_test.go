package webhook_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestProcessingIsRetried: an event that cannot be applied is tried again, becomes
// a dead letter when that goes on, and is applied once the letter is replayed.
func TestProcessingIsRetried(t *testing.T) {
	p := newPlant(t, "ROUTES_SMS=sns", "RETRY_WEBHOOK_BASE=1s", "RETRY_WEBHOOK_MAX=2")
	broken := func(yes bool) {
		from, to := "delivery_events", "delivery_events_away"
		if !yes {
			from, to = to, from
		}
		p.exec(fmt.Sprintf(`ALTER TABLE gangway.%s RENAME TO %s`, from, to))
	}
	webhooks := func(status delivery.Status) func() bool {
		return func() bool {
			return p.count(`SELECT count(*) FROM gangway.deliveries WHERE kind = 'webhook.process' AND status = $1`, status) == 1
		}
	}
	report := func(id uuid.UUID) {
		p.report("sns", fmt.Sprintf(`{"type":"sms.delivered","data":{"delivery_id":%q}}`, id))
	}
	first, second := p.sms("sns", "010-1234-5678"), p.sms("sns", "010-1234-5679")
	p.await(first, delivery.Sent)
	p.await(second, delivery.Sent)

	broken(true)
	report(first)
	testkit.Eventually(t, 30*time.Second, webhooks(delivery.Retrying), "the event to be tried again")
	broken(false)
	p.await(first, delivery.Delivered)

	broken(true)
	report(second)
	testkit.Eventually(t, 60*time.Second, webhooks(delivery.DeadLettered), "the event to become a dead letter")
	if n := p.count(`SELECT count(*) FROM gangway.webhook_events WHERE outcome = 'failed' AND error <> ''`); n != 1 {
		t.Errorf("%d raw events are kept of what failed", n)
	}
	broken(false)
	p.publisher("deadletters", "replay", "--kind", "webhook.process", "--by", "kim")
	p.await(second, delivery.Delivered)
}
