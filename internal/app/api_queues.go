package app

import (
	"context"
	"math"
	"time"

	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/stats"
)

// recently is the span of the figures that say how things are now.
const recently = 5 * time.Minute

// apiQueues are the lanes of every kind as the API shows them.
type apiQueues struct {
	conn   *broker.Conn
	reader postgres.Reader
	fleet  *resilience.Fleet
}

// Queues implements [api.Queues].
func (q apiQueues) Queues(ctx context.Context) ([]api.Queue, error) {
	found, err := q.conn.Queues(ctx)
	if err != nil {
		return nil, err
	}
	counted, err := q.reader.Stats(ctx, postgres.StatsFilter{Scope: stats.Commands, Since: time.Now().Add(-recently)})
	if err != nil {
		return nil, err
	}
	figures := map[stats.Key]stats.Figures{}
	for _, f := range counted {
		figures[f.Key] = f
	}
	list := make([]api.Queue, len(found))
	for i, one := range found {
		f := figures[stats.Key{Scope: stats.Commands, Name: string(one.Kind), Part: string(one.Lane)}]
		_, paused := q.fleet.Stopped(string(one.Kind))
		list[i] = api.Queue{
			Kind: string(one.Kind), Lane: string(one.Lane), Paused: paused, Pending: one.Pending, InFlight: one.InFlight, OldestAt: one.Oldest,
			Done: f.Count, Failures: f.Failures, Rate: math.Round(float64(f.Count)/recently.Seconds()*1000) / 1000,
			P50MS: millis(f, 50), P95MS: millis(f, 95), P99MS: millis(f, 99),
		}
	}
	return list, nil
}

// millis is a percentile in whole milliseconds.
func millis(f stats.Figures, of float64) int64 {
	return f.Times.Percentile(of).Round(time.Millisecond).Milliseconds()
}

var _ api.Queues = apiQueues{}
