package webhook

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Poller asks providers that report nothing what became of their messages, until
// that is final or the message is too old. One worker of the fleet runs it.
type Poller struct {
	polls    Polls
	book     Book
	trackers map[string]Tracker
	options  PollerOptions
}

// Tracker asks one provider about one message. A recipient that is still sent has
// no final state.
type Tracker func(ctx context.Context, messageID string) (delivery.Recipient, error)

// Polls are the messages to be asked about.
type Polls interface {
	// Collect takes in what the providers accepted since then.
	Collect(ctx context.Context, providers []string, since time.Time) (int, error)
	// Due lists what is to be asked about now.
	Due(ctx context.Context, providers []string, most int) ([]delivery.Poll, error)
	Postpone(ctx context.Context, deliveryID uuid.UUID, wait time.Duration) error
	Finish(ctx context.Context, deliveryID uuid.UUID) error
}

// PollerOptions say how a poller asks; zero values take the defaults.
type PollerOptions struct {
	// First is the pause before the second question; it doubles up to Most. Default
	// 3 s and 15 min.
	First, Most time.Duration
	// For is how long a message is asked about; default 72 h.
	For time.Duration
	// Every is how often it is looked for work; default 2 s.
	Every time.Duration
	// Batch is how many messages are asked about in one go, AtOnce how many at the
	// same time; default 100 and 4.
	Batch, AtOnce int
	// Settled is told of every delivery that an answer has moved; nil for nobody.
	Settled func(ctx context.Context, row delivery.Row)
	// Trouble is told of what did not work; it is tried again.
	Trouble func(err error)
}

const (
	// collectEvery is how often new messages are taken in, and collectOverlap how
	// far back each time: an attempt is dated by its beginning and committed later.
	collectEvery, collectOverlap = 10 * time.Second, 6 * time.Minute
)

// NewPoller returns a poller with a tracker for each provider to be asked.
func NewPoller(polls Polls, book Book, trackers map[string]Tracker, options PollerOptions) *Poller {
	options.First, options.Most = cmp.Or(options.First, 3*time.Second), cmp.Or(options.Most, 15*time.Minute)
	options.For, options.Every = cmp.Or(options.For, 72*time.Hour), cmp.Or(options.Every, 2*time.Second)
	options.Batch, options.AtOnce = cmp.Or(options.Batch, 100), cmp.Or(options.AtOnce, 4)
	if options.Trouble == nil {
		options.Trouble = func(error) {}
	}
	return &Poller{polls: polls, book: book, trackers: trackers, options: options}
}

// Run polls until ctx ends.
func (p *Poller) Run(ctx context.Context) error {
	providers := make([]string, 0, len(p.trackers))
	for name := range p.trackers {
		providers = append(providers, name)
	}
	if len(providers) == 0 {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(p.options.Every)
	defer ticker.Stop()
	var collected time.Time
	since := time.Now().Add(-p.options.For)
	for {
		if now := time.Now(); now.Sub(collected) >= min(collectEvery, p.options.Every) {
			if _, err := p.polls.Collect(ctx, providers, since); err != nil {
				p.trouble(ctx, err)
			} else {
				collected, since = now, now.Add(-collectOverlap)
			}
		}
		if err := p.round(ctx, providers); err != nil {
			p.trouble(ctx, err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// round asks about everything that is due now.
func (p *Poller) round(ctx context.Context, providers []string) error {
	for ctx.Err() == nil {
		due, err := p.polls.Due(ctx, providers, p.options.Batch)
		if err != nil || len(due) == 0 {
			return err
		}
		var asking sync.WaitGroup
		slots := make(chan struct{}, p.options.AtOnce)
		for _, poll := range due {
			slots <- struct{}{}
			asking.Go(func() {
				defer func() { <-slots }()
				if err := p.ask(ctx, poll); err != nil {
					p.trouble(ctx, err)
				}
			})
		}
		asking.Wait()
	}
	return nil
}

func (p *Poller) ask(ctx context.Context, poll delivery.Poll) error {
	state, err := p.trackers[poll.Provider](ctx, poll.MessageID)
	if err != nil {
		// The provider may be away for long; what was asked comes back like any other.
		p.trouble(ctx, err)
	}
	if err == nil && state.Status != delivery.Sent && state.Status != "" {
		if err := p.apply(ctx, poll, state); err != nil {
			return err
		}
		return p.polls.Finish(ctx, poll.DeliveryID)
	}
	if time.Since(poll.Since) > p.options.For {
		return p.polls.Finish(ctx, poll.DeliveryID) // it stays sent
	}
	wait := p.options.First
	for range min(poll.Asked, 20) {
		wait = min(2*wait, p.options.Most)
	}
	if failure := fault.As(err); failure != nil {
		wait = max(wait, failure.RetryAfter)
	}
	return p.polls.Postpone(ctx, poll.DeliveryID, wait)
}

func (p *Poller) apply(ctx context.Context, poll delivery.Poll, state delivery.Recipient) error {
	eventID := "poll:" + poll.MessageID + ":" + string(state.Status)
	applied, err := p.book.Apply(ctx, delivery.Received{
		Notice: delivery.Notice{EventID: eventID}, Provider: poll.Provider, ReceivedAt: time.Now(),
		ID: command.ParseID(messageID(poll.Provider, eventID)),
	}, []delivery.Report{{
		Type: "polled", Status: state.Status, Reason: state.Reason, ID: poll.DeliveryID, MessageIDs: []string{poll.MessageID},
		Message: polledMessage(state.Status),
	}})
	if err != nil {
		return err
	}
	if p.options.Settled != nil {
		for _, row := range applied.Rows {
			p.options.Settled(ctx, row)
		}
	}
	return nil
}

func polledMessage(status delivery.Status) string {
	if status == delivery.Undelivered {
		return "the carrier did not deliver the message"
	}
	return ""
}

func (p *Poller) trouble(ctx context.Context, err error) {
	if ctx.Err() == nil {
		p.options.Trouble(err)
	}
}
