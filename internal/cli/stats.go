package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// Stats is what the calls to providers came to.
type Stats interface {
	Calls(ctx context.Context, since time.Time) ([]CallStat, error)
}

// CallStat is what the calls of one endpoint came to, of all workers.
type CallStat struct {
	Provider    string    `json:"provider"`
	Endpoint    string    `json:"endpoint"`
	Calls       int64     `json:"calls"`
	Failures    int64     `json:"failures"` // that speak against the provider
	P50MS       int64     `json:"p50_ms"`
	P95MS       int64     `json:"p95_ms"`
	P99MS       int64     `json:"p99_ms"`
	LastError   string    `json:"last_error,omitzero"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
}

func (p *program) statsCommand() *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show how many calls succeeded, failed and how long they took",
		Long: `Show how many calls to each provider's endpoints succeeded and failed and how
long they took, over the whole fleet. A recipient that a provider refused is no
failure of the provider.`,
		Example: `  publisher stats
  publisher stats --since 24h -o json`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			from, err := p.sinceFlag("since", since)
			if err != nil {
				return err
			}
			stats, err := open(ctx, p, p.backends.Stats)
			if err != nil {
				return err
			}
			return rows(ctx, p, list[CallStat]{
				empty: "no provider was called",
				columns: []column{
					{title: "provider"}, {title: "endpoint"}, {title: "calls", right: true}, {title: "ok", right: true}, {title: "failed", right: true},
					{title: "p50", right: true}, {title: "p95", right: true}, {title: "p99", right: true}, {title: "last error"}, {title: "at"},
				},
				row: func(s CallStat) []string {
					return []string{
						s.Provider, s.Endpoint, strconv.FormatInt(s.Calls, 10), share(s.Calls-s.Failures, s.Calls), share(s.Failures, s.Calls),
						took(s.P50MS), took(s.P95MS), took(s.P99MS), s.LastError, p.stamp(s.LastErrorAt),
					}
				},
				page: whole(stats.Calls(ctx, from)),
			})
		}),
	}
	cmd.Flags().StringVar(&since, "since", "5m", "since this `TIME`: 5m, 24h, 7d, 2026-01-31 or RFC 3339")
	return cmd
}

func took(ms int64) string { return strconv.FormatInt(ms, 10) + "ms" }
