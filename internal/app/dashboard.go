package app

import (
	"context"
	"time"

	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/dashboard"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/server"
)

// newDashboard streams what the dashboard shows of this fleet.
func (o adminParts) newDashboard() *dashboard.Live {
	operator := newOperator(o.pool)
	named := apiProviders{providerControl{o.fleet, operator}, o.live.config}
	topics := []dashboard.Topic{
		topic("providers", 2*time.Second, named.List),
		topic("queues", 2*time.Second, apiQueues{o.conn, operator.Reader, o.fleet}.Queues),
		topic("workers", 5*time.Second, record{operator.Reader}.Workers),
		topic("letters", 5*time.Second, operator.OpenReasons),
		topic("manual", 10*time.Second, func(ctx context.Context) (postgres.Waiting, error) {
			return operator.ManualQueue(ctx, time.Now().Add(-manualWithin))
		}),
		topic("caches", 10*time.Second, apiCache{fleetCache{o.live.config, o.conn, o.pool}}.Stats),
		topic("alerts", 5*time.Second, apiAlerts{operator}.Firing),
		topic("series", 15*time.Second, named.series),
	}
	return dashboard.NewLive(topics, dashboard.LiveOptions{
		Draining: server.Draining, Code: func(err error) string { return string(reasonOf(err)) },
	})
}

func topic[T any](name string, every time.Duration, read func(context.Context) (T, error)) dashboard.Topic {
	return dashboard.Topic{Name: name, Every: every, Read: func(ctx context.Context) (any, error) { return read(ctx) }}
}

// series returns the minutes of the last hour of every provider.
func (p apiProviders) series(ctx context.Context) (map[string][]api.ProviderMinute, error) {
	now, all := time.Now(), map[string][]api.ProviderMinute{}
	for _, name := range p.control.fleet.Providers() {
		minutes, err := p.minutes(ctx, name, now)
		if err != nil {
			return nil, err
		}
		all[name] = minutes
	}
	return all, nil
}
