package app

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/stats"
)

// keepFigures stores what this worker counts until ctx ends.
func keepFigures(recorder *stats.Recorder, pool *pgxpool.Pool, worker uuid.UUID, log *zap.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		save := func(ctx context.Context, minutes []stats.Figures) error {
			return postgres.SaveStats(ctx, pool, worker, minutes)
		}
		trouble := func(err error) { log.Warn("statistics are not stored; they wait", zap.Error(err)) }
		if err := recorder.Run(ctx, save, trouble); err != nil {
			log.Warn("the last statistics are lost", zap.Error(err))
		}
		return nil
	}
}

// callFigures joins what the endpoints of each provider counted since a time.
func callFigures(ctx context.Context, reader postgres.Reader, since time.Time) (map[string]stats.Figures, error) {
	found, err := reader.Stats(ctx, postgres.StatsFilter{Scope: stats.Calls, Since: since})
	if err != nil {
		return nil, err
	}
	joined := map[string]stats.Figures{}
	for _, f := range found {
		sum := joined[f.Name]
		sum.Merge(f)
		joined[f.Name] = sum
	}
	return joined, nil
}

// callStats is the backend of `publisher stats`.
type callStats struct{ reader postgres.Reader }

// Calls implements [cli.Stats].
func (c callStats) Calls(ctx context.Context, since time.Time) ([]cli.CallStat, error) {
	found, err := c.reader.Stats(ctx, postgres.StatsFilter{Scope: stats.Calls, Since: since})
	list := make([]cli.CallStat, len(found))
	for i, f := range found {
		list[i] = cli.CallStat{
			Provider: f.Name, Endpoint: f.Part, Calls: f.Count, Failures: f.Failures, P50MS: millis(f, 50), P95MS: millis(f, 95), P99MS: millis(f, 99),
			LastError: f.FailedReason, LastErrorAt: f.FailedAt,
		}
	}
	return list, err
}

// seriesFor is how far back the series of a provider goes.
const seriesFor = time.Hour

// hourOf is what a provider's calls came to in each minute of the last hour, those
// without calls included.
func hourOf(ctx context.Context, reader postgres.Reader, provider string, now time.Time) ([]stats.Figures, error) {
	last := now.UTC().Truncate(time.Minute)
	first := last.Add(-seriesFor + time.Minute)
	found, err := reader.Stats(ctx, postgres.StatsFilter{Scope: stats.Calls, Name: provider, Since: first, ByMinute: true})
	if err != nil {
		return nil, err
	}
	var series []stats.Figures
	for at := first; !at.After(last); at = at.Add(time.Minute) {
		series = append(series, stats.Figures{At: at})
	}
	for _, f := range found {
		if i := slices.IndexFunc(series, func(s stats.Figures) bool { return s.At.Equal(f.At) }); i >= 0 {
			series[i].Merge(f)
		}
	}
	return series, nil
}

var _ cli.Stats = callStats{}
