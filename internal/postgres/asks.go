package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// asks joins the questions of callers that come while one is being asked: an idle
// system asks at once, a loaded one asks for many commands at a time.
type asks struct {
	mu      sync.Mutex
	waiting []*ask
	asking  bool
	closed  bool
	work    sync.WaitGroup
}

// ask is one caller's question.
type ask struct {
	recipients []string
	found      map[string][]delivery.SuppressionList
	err        error
	done       chan struct{}
}

type answer func(ctx context.Context, recipients []string) (map[string][]delivery.SuppressionList, error)

const (
	// maxAsk bounds the recipients of one question.
	maxAsk = 2000
	// askFor is how long the database has to answer one.
	askFor = 5 * time.Second
)

// join waits for the lists of its recipients. The map may have others too.
func (a *asks) join(ctx context.Context, recipients []string, answer answer) (map[string][]delivery.SuppressionList, error) {
	mine := &ask{recipients: recipients, done: make(chan struct{})}
	if err := a.put(mine, answer); err != nil {
		return nil, err
	}
	select {
	case <-mine.done:
		return mine.found, mine.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *asks) put(mine *ask, answer answer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return fault.Wrap(fault.Cancelled, "postgres: suppressions", ErrClosed)
	}
	a.waiting = append(a.waiting, mine)
	if !a.asking {
		a.asking = true
		a.work.Go(func() { a.run(answer) })
	}
	return nil
}

// run asks until nobody waits.
func (a *asks) run(answer answer) {
	for {
		group, recipients := a.take()
		if len(group) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), askFor)
		found, err := answer(ctx, recipients)
		cancel()
		for _, one := range group {
			one.found, one.err = found, fault.Wrap(fault.Unavailable, "postgres: suppressions", err)
			close(one.done)
		}
	}
}

func (a *asks) take() (group []*ask, recipients []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.waiting) > 0 && (len(group) == 0 || len(recipients)+len(a.waiting[0].recipients) <= maxAsk) {
		group = append(group, a.waiting[0])
		recipients = append(recipients, a.waiting[0].recipients...)
		a.waiting = a.waiting[1:]
	}
	a.asking = len(group) > 0
	return group, recipients
}

func (a *asks) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.work.Wait()
}
