package webhook

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// line pushes the events of one target, batch after batch.
type line struct {
	pusher *Pusher
	sender *sender
	feed   Feed

	idle  int // batches in a row of which the target took nothing
	count delivery.Pushing
	// counted is when the count was looked at last, written what it was then.
	counted time.Time
	written delivery.Pushing
}

func (l *line) run(ctx context.Context) {
	defer func() {
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer stop()
		l.write(last)
	}()
	for ctx.Err() == nil {
		if pause := l.step(ctx); pause > 0 {
			rest(ctx, pause)
		}
	}
}

// step pushes one batch and returns how long to pause after it.
func (l *line) step(ctx context.Context) time.Duration {
	name := l.sender.target.Name
	state, err := l.pusher.ledger.State(ctx, name)
	if err != nil || state == delivery.SubscriberDisabled {
		return l.trouble(ctx, err)
	}
	if l.count.State == delivery.SubscriberDisabled {
		l.count.State = state // a person has enabled it
	}
	if l.feed == nil {
		feed, err := l.pusher.feeds(ctx, l.sender.target)
		if err != nil {
			return l.trouble(ctx, err) // feed may be anything now, and must not be used
		}
		l.feed = feed
	}
	most := pushAtOnce
	if l.idle > 0 {
		most = 1 // a probe
	}
	events, err := l.feed.Fetch(ctx, most)
	if err != nil {
		l.feed = nil // opened anew: its place may be gone
		return l.trouble(ctx, err)
	}
	taken, gone := l.batch(ctx, events)
	switch {
	case gone:
		l.count.State = delivery.SubscriberDisabled
	case len(events) == 0:
	case taken:
		l.idle, l.count.State = 0, delivery.SubscriberActive
	default:
		l.idle++
		l.count.State = delivery.SubscriberFailing
	}
	if gone || l.pusher.options.Now().Sub(l.counted) >= countEvery {
		l.write(ctx)
	}
	if len(events) == 0 || taken || gone {
		return 0
	}
	return min(l.pusher.options.Rest<<min(l.idle-1, 10), restMost)
}

func (l *line) trouble(ctx context.Context, err error) time.Duration {
	if err != nil && ctx.Err() == nil {
		l.pusher.options.Trouble(l.sender.target.Name, err)
	}
	return stateEvery
}

// batch pushes events together. taken says that the target took any, gone that it
// wants nothing more.
func (l *line) batch(ctx context.Context, events []Event) (taken, gone bool) {
	var lock sync.Mutex
	var each sync.WaitGroup
	for _, event := range events {
		each.Go(func() {
			done, err := l.push(ctx, event)
			lock.Lock()
			defer lock.Unlock()
			switch done {
			case PushTaken:
				l.count.Pushed++
				taken = true
			case PushGone:
				gone = true
			case PushGivenUp:
				l.count.GivenUp++
			case PushAgain:
			}
			if err != nil {
				l.count.Failed++
				l.count.Error = err.Error()
			}
		})
	}
	each.Wait()
	return taken, gone
}

// push makes one attempt and says on the bus what follows.
func (l *line) push(ctx context.Context, event Event) (PushOutcome, error) {
	p := l.pusher
	started := p.options.Now()
	answer := l.sender.push(ctx, event.Body(), started)
	if stopped := ctx.Err() != nil && answer.err != nil; stopped {
		_ = event.Again(0) // it says nothing about the target
		return PushAgain, nil
	}
	outcome, settle := PushTaken, event.Done
	if answer.err != nil {
		outcome, settle = l.judge(event, answer)
	}
	if err := settle(); err != nil {
		p.options.Trouble(l.sender.target.Name, err)
	}
	id, _, _, _ := outgoing(event.Body())
	p.options.Pushed(ctx, Pushed{
		Target: l.sender.target.Name, Event: id, Attempt: event.Attempt(), Status: answer.status, Outcome: outcome,
		Took: p.options.Now().Sub(started), Err: answer.err,
	})
	return outcome, answer.err
}

// judge says what follows an attempt that failed.
func (l *line) judge(event Event, answer answered) (PushOutcome, func() error) {
	wait, more := l.pusher.delay(event.Attempt(), answer.after)
	switch {
	case answer.gone():
		// It waits until a person enables the target, for as long as events are kept.
		return PushGone, func() error { return event.Again(0) }
	case answer.useless, !more:
		return PushGivenUp, func() error { return event.Drop(answer.err.Error()) }
	default:
		return PushAgain, func() error { return event.Again(wait) }
	}
}

// write adds to the ledger what was counted since the last time, if anything was.
func (l *line) write(ctx context.Context) {
	l.counted = l.pusher.options.Now()
	l.count.Name, l.count.State = l.sender.target.Name, cmp.Or(l.count.State, delivery.SubscriberActive)
	if l.feed != nil {
		if waiting, err := l.feed.Waiting(ctx); err == nil {
			l.count.Waiting = waiting
		}
	}
	if l.count == l.written {
		return
	}
	counted := l.count
	counted.At = l.counted
	if err := l.pusher.ledger.Count(ctx, counted); err != nil {
		if ctx.Err() == nil {
			l.pusher.options.Trouble(l.count.Name, err)
		}
		return // it is written with the next
	}
	l.count = delivery.Pushing{Name: l.count.Name, State: l.count.State, Waiting: l.count.Waiting}
	l.written = l.count
}
