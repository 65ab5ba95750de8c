package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/telemetry"
)

// gauges are the metrics of what stands, waits and fires. Every worker shows those
// of the whole fleet.
type gauges struct {
	conn    *broker.Conn
	reader  postgres.Reader
	fleet   *resilience.Fleet
	metrics *telemetry.Metrics
	log     *zap.Logger
}

// gaugesEvery is how old they are at most.
const gaugesEvery = 10 * time.Second

// watch keeps them up to date until ctx ends.
func (g gauges) watch(ctx context.Context) error {
	for {
		asked, cancel := context.WithTimeout(ctx, gaugesEvery)
		for _, look := range []func(context.Context) error{g.queues, g.outbox, g.manual, g.alerts} {
			if err := look(asked); err != nil && ctx.Err() == nil {
				g.log.Debug("a metric is out of date", zap.Error(err))
			}
		}
		cancel()
		g.holds()
		if !pause(ctx, gaugesEvery) {
			return nil
		}
	}
}

func (g gauges) queues(ctx context.Context) error {
	queues, err := g.conn.Queues(ctx)
	for _, q := range queues {
		oldest := time.Duration(0)
		if q.Pending > 0 {
			oldest = age(q.Oldest)
		}
		g.metrics.StreamPending(string(q.Kind), string(q.Lane), q.Pending, oldest)
	}
	return err
}

func (g gauges) outbox(ctx context.Context) error {
	o, err := g.reader.Outbox(ctx)
	if err == nil {
		g.metrics.OutboxPending(o.Pending, age(o.Oldest))
	}
	return err
}

func (g gauges) manual(ctx context.Context) error {
	w, err := g.reader.ManualQueue(ctx, time.Now().Add(-manualWithin))
	if err == nil {
		g.metrics.Manual(w.Count, age(w.Oldest))
	}
	return err
}

func (g gauges) alerts(ctx context.Context) error {
	firing, err := g.reader.FiringAlerts(ctx)
	if err != nil {
		return err
	}
	count := map[alert.Name]int{}
	for _, a := range firing {
		count[a.Alert]++
	}
	for _, name := range alert.Names() {
		g.metrics.Alert(string(name), count[name] > 0)
	}
	return nil
}

func (g gauges) holds() {
	for _, name := range g.fleet.Providers() {
		_, holds := g.fleet.State(name)
		for _, cause := range resilience.Causes() {
			g.metrics.Held(name, string(cause), holdsAny(holds, cause))
		}
	}
}

// age is how long ago something was; nothing is no age.
func age(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return max(0, time.Since(at))
}
