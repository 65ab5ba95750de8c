package webhook

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Pusher pushes the events of commands to the portal's systems, signed by the
// scheme of Standard Webhooks. Each target has a durable place in the event stream:
// what it has not taken waits there, also while nobody pushes. One pusher of the
// fleet runs at a time.
//
// An event that a target does not take is tried again after 5 s, 5 min, 30 min and
// so on, ten times in three days. A target that takes nothing at all gets one event
// at a time, ever more rarely, up to every five minutes, so that an outage costs the
// events behind it no attempt.
type Pusher struct {
	ledger  Ledger
	feeds   func(ctx context.Context, target Target) (Feed, error)
	options PusherOptions

	mu      sync.Mutex
	targets []Target
	changed chan struct{}
}

// Feed is the events that one target has yet to take, the oldest first.
type Feed interface {
	// Fetch returns at most so many events, as soon as there is one; none when there
	// was none for a while.
	Fetch(ctx context.Context, most int) ([]Event, error)
	// Waiting counts those that the target has not taken.
	Waiting(ctx context.Context) (int, error)
}

// Event is one event on its way out. Exactly one of Done, Again and Drop is called.
type Event interface {
	Body() []byte // a CloudEvent
	Attempt() int // counts from 1
	Done() error
	Again(after time.Duration) error
	Drop(why string) error
}

// Ledger keeps how targets stand.
type Ledger interface {
	Enter(ctx context.Context, configured []delivery.Subscriber) error
	State(ctx context.Context, name string) (delivery.SubscriberState, error)
	Count(ctx context.Context, pushing delivery.Pushing) error
}

// PusherOptions say what surrounds a pusher; zero values take the defaults.
type PusherOptions struct {
	// Delays are the waits before each further attempt of an event; after the last
	// it is given up. Default: those that Standard Webhooks suggests.
	Delays []time.Duration
	// Rest is the first pause of a target that takes nothing; default 5 s.
	Rest time.Duration
	// Pushed is told of every attempt; nil for nobody.
	Pushed func(ctx context.Context, attempt Pushed)
	// Trouble is told why a target's events could not be fetched or counted.
	Trouble func(target string, err error)
	Now     func() time.Time
}

// Pushed is one attempt, for the log and for metrics.
type Pushed struct {
	Target  string
	Event   string // its id
	Attempt int
	Status  int // of the answer; 0 when none came
	Outcome PushOutcome
	Took    time.Duration
	Err     error
}

// PushOutcome is what follows an attempt.
type PushOutcome string

// The outcomes of an attempt.
const (
	PushTaken   PushOutcome = "taken"
	PushAgain   PushOutcome = "again"    // later
	PushGivenUp PushOutcome = "given_up" // never again
	PushGone    PushOutcome = "gone"     // the target wants nothing more
)

const (
	// pushAtOnce is how many events are on their way to one target.
	pushAtOnce = 32
	// restMost bounds the pause of a target that takes nothing.
	restMost = 5 * time.Minute
	// stateEvery is how often the state of a target is asked for that is disabled.
	stateEvery = 2 * time.Second
	// countEvery is how often what was pushed is written down.
	countEvery = time.Second
	// spread is the share by which a wait is shortened or prolonged, so that events
	// of one outage do not come together again.
	spread = 0.1
)

// NewPusher returns a pusher without targets.
func NewPusher(feeds func(ctx context.Context, target Target) (Feed, error), ledger Ledger, options PusherOptions) *Pusher {
	if options.Delays == nil {
		options.Delays = []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
			10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
		}
	}
	if options.Rest <= 0 {
		options.Rest = 5 * time.Second
	}
	if options.Pushed == nil {
		options.Pushed = func(context.Context, Pushed) {}
	}
	if options.Trouble == nil {
		options.Trouble = func(string, error) {}
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Pusher{ledger: ledger, feeds: feeds, options: options, changed: make(chan struct{}, 1)}
}

// Set replaces the targets, also while the pusher runs.
func (p *Pusher) Set(targets []Target) {
	p.mu.Lock()
	p.targets = targets
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// Run pushes until ctx ends.
func (p *Pusher) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		p.mu.Lock()
		targets := p.targets
		p.mu.Unlock()
		p.serve(ctx, targets)
	}
	return nil
}

// serve pushes to these targets until there are others.
func (p *Pusher) serve(ctx context.Context, targets []Target) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	configured := make([]delivery.Subscriber, len(targets))
	for i, target := range targets {
		configured[i] = target.subscriber()
	}
	for err := p.ledger.Enter(ctx, configured); err != nil; err = p.ledger.Enter(ctx, configured) {
		p.options.Trouble("", err)
		if !rest(ctx, stateEvery) {
			return
		}
	}
	var lines sync.WaitGroup
	for _, target := range targets {
		lines.Go(func() {
			sender, err := newSender(target)
			if err != nil {
				p.options.Trouble(target.Name, err)
				return
			}
			defer sender.close()
			(&line{pusher: p, sender: sender}).run(ctx)
		})
	}
	select {
	case <-p.changed:
	case <-ctx.Done():
	}
	stop()
	lines.Wait()
}

// delay is the wait after an attempt that failed, or false when it was the last.
func (p *Pusher) delay(attempt int, asked time.Duration) (time.Duration, bool) {
	if attempt > len(p.options.Delays) {
		return 0, false
	}
	wait := p.options.Delays[max(attempt, 1)-1]
	wait += time.Duration(float64(wait) * spread * (2*rand.Float64() - 1))
	return max(wait, asked), true
}

// rest waits and reports whether ctx lasted as long.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
