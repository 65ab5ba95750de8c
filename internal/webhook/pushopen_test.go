package webhook_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/webhook"
)

// A feed that cannot be opened is asked for again, and what came with the error is
// never used: not when the pusher ends at that moment either.
func TestFeedThatDoesNotOpen(t *testing.T) {
	portal := newPortal(t)
	portal.always(http.StatusOK)
	p := newPress(t, nil, portal.target("portal"))
	var refuse atomic.Bool
	var asked atomic.Int64
	refuse.Store(true)
	p.pusher = webhook.NewPusher(func(ctx context.Context, target webhook.Target) (webhook.Feed, error) {
		asked.Add(1)
		if refuse.Load() {
			return eventFeed{}, errors.New("the bus is away")
		}
		return p.open(ctx, target)
	}, p.ledger, webhook.PusherOptions{Rest: 20 * time.Millisecond})
	p.pusher.Set([]webhook.Target{portal.target("portal")})
	stop := p.run()
	p.until("the feed to be asked for again", func() bool { return asked.Load() > 1 })
	stop()
	refuse.Store(false)
	id := p.tell(command.EmailSend, delivery.Sent)
	p.run()
	p.until("the event to arrive", func() bool { return len(portal.of(id)) > 0 })
}
