package alert

import (
	"context"
	"fmt"
	"maps"
	"time"
)

// Notices are what people have still to be told.
type Notices interface {
	// Tell hands the waiting notices of a sink to tell, at most most of them and
	// unless the sink was told less than every ago, and marks them as told when it
	// succeeds. What tell returns is an e-mail command that is sent in the same
	// transaction; nil for none.
	Tell(ctx context.Context, sink string, every time.Duration, most int, tell func([]Notice) (mail []byte, err error)) error
	// Forget removes notices that nobody could be told of since a time, and returns
	// how many there were.
	Forget(ctx context.Context, before time.Time) (int, error)
	// Shown lists what fires and is not silenced, and what is over since a time.
	Shown(ctx context.Context, since time.Time) ([]Alert, error)
}

// The sinks that get notices.
const (
	ByEmail   = "email"
	ByWebhook = "webhook"
)

// Sinks say whom to tell.
type Sinks struct {
	// Every is the least time between two messages of one sink: what comes meanwhile
	// goes together.
	Every time.Duration
	// Email makes the command that carries notices; nil for no e-mail.
	Email func(subject, text string) ([]byte, error)
	// Webhook is an address in Slack's form, Alertmanager the base of its API with
	// Token; "" for none.
	Webhook, Alertmanager, Token string
}

// Names lists the sinks that get notices.
func (s Sinks) Names() (names []string) {
	if s.Email != nil {
		names = append(names, ByEmail)
	}
	if s.Webhook != "" {
		names = append(names, ByWebhook)
	}
	return names
}

// TellerOptions are what a teller works with.
type TellerOptions struct {
	Notices  Notices
	Sinks    func() Sinks
	Interval func() time.Duration
	// Trouble is told of a sink that could not be told; it is tried again.
	Trouble func(sink string, err error)
	Now     func() time.Time
}

// Teller tells people what the monitor has found.
type Teller struct {
	options TellerOptions
	poster  *Poster
	managed time.Time // when Alertmanager was last told
	shown   map[string]bool
	later   map[string]time.Time // when a sink that failed is tried again
}

const (
	// mostAtOnce bounds one message.
	mostAtOnce = 50
	// keepNotices is how long a sink that is away is tried for a notice.
	keepNotices = 24 * time.Hour
	// managedEvery is how often Alertmanager is told the same; managedFor how long
	// it believes it, as Prometheus has it.
	managedEvery = time.Minute
	managedFor   = 4 * time.Minute
	// managedAfter is how long it is told that something is over.
	managedAfter = 15 * time.Minute
)

// NewTeller returns a teller; Run runs it.
func NewTeller(options TellerOptions) *Teller {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Teller{options: options, poster: NewPoster(), later: map[string]time.Time{}}
}

// Run tells until ctx ends. One worker of the fleet runs it.
func (t *Teller) Run(ctx context.Context) error {
	for {
		t.Tell(ctx)
		timer := time.NewTimer(t.options.Interval())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// Tell tells every sink once.
func (t *Teller) Tell(ctx context.Context) {
	sinks := t.options.Sinks()
	try := func(sink string, tell func() error) {
		if t.options.Now().Before(t.later[sink]) {
			return
		}
		if err := tell(); err != nil && ctx.Err() == nil {
			t.later[sink] = t.options.Now().Add(sinks.Every)
			t.options.Trouble(sink, err)
		}
	}
	notices := t.options.Notices
	if sinks.Email != nil {
		try(ByEmail, func() error {
			return notices.Tell(ctx, ByEmail, sinks.Every, mostAtOnce, func(n []Notice) ([]byte, error) { return sinks.Email(Mail(n)) })
		})
	}
	if sinks.Webhook != "" {
		try(ByWebhook, func() error {
			return notices.Tell(ctx, ByWebhook, sinks.Every, mostAtOnce, func(n []Notice) ([]byte, error) { return nil, t.chat(ctx, sinks, n) })
		})
	}
	if sinks.Alertmanager != "" {
		try("alertmanager", func() error { return t.manage(ctx, sinks) })
	}
	try("a sink", func() error {
		n, err := notices.Forget(ctx, t.options.Now().Add(-keepNotices))
		if n > 0 {
			err = fmt.Errorf("%d notices were given up: they could not be delivered for %s", n, keepNotices)
		}
		return err
	})
}

func (t *Teller) chat(ctx context.Context, sinks Sinks, notices []Notice) error {
	body, err := Slack(notices)
	if err != nil {
		return err
	}
	return t.poster.Post(ctx, sinks.Webhook, "", body)
}

// manage tells Alertmanager what fires: at once when that has changed, else as
// often as it wants to hear it.
func (t *Teller) manage(ctx context.Context, sinks Sinks) error {
	now := t.options.Now()
	alerts, err := t.options.Notices.Shown(ctx, now.Add(-managedAfter))
	if err != nil {
		return err
	}
	shown := map[string]bool{}
	for _, a := range alerts {
		shown[a.ID.String()+string(a.Severity)] = a.Firing()
	}
	if now.Sub(t.managed) < managedEvery && maps.Equal(shown, t.shown) || len(alerts) == 0 {
		return nil
	}
	body, err := Alertmanager(alerts, now.Add(managedFor).UTC())
	if err != nil {
		return err
	}
	if err := t.poster.Post(ctx, sinks.Alertmanager+"/api/v2/alerts", sinks.Token, body); err != nil {
		return err
	}
	t.managed, t.shown = now, shown
	return nil
}
