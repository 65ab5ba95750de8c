package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
)

func (p *program) cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "See and purge the cache of providers' answers",
		Long:  "See and purge the cache of providers' answers, across the whole fleet.",
		Example: `  publisher cache stats
  publisher cache purge 'nicednb.*'`,
	}
	cmd.AddCommand(p.cacheStatsCommand(), p.cachePurgeCommand())
	return cmd
}

func (p *program) cacheStatsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Count entries, hits and misses",
		Long:  "Count entries, hits, stale answers and misses of each cached call.",
		Example: `  publisher cache stats
  publisher cache stats -o json`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			cache, err := open(ctx, p, p.backends.Cache)
			if err != nil {
				return err
			}
			return rows(ctx, p, list[CacheStat]{
				empty: "nothing is cached",
				columns: []column{
					{title: "cache"}, {title: "entries", right: true}, {title: "hits", right: true}, {title: "stale", right: true},
					{title: "misses", right: true}, {title: "hit rate", right: true},
				},
				row: func(s CacheStat) []string {
					return []string{
						s.Cache, strconv.Itoa(s.Entries), strconv.FormatInt(s.Hits, 10), strconv.FormatInt(s.Stale, 10),
						strconv.FormatInt(s.Misses, 10), share(s.Hits, s.Hits+s.Stale+s.Misses),
					}
				},
				page: whole(cache.Stats(ctx)),
			})
		}),
	}
}

func (p *program) cachePurgeCommand() *cobra.Command {
	var who actor
	var number string
	cmd := &cobra.Command{
		Use:   "purge PATTERN",
		Short: "Remove cached answers",
		Long: `Remove cached answers: by a pattern of keys (<provider>.<call>.<hash>, * for any
part), or those about one company.`,
		Example: `  publisher cache purge 'juso.*'
  publisher cache purge business.verify --registration-number 124-81-00998
  publisher cache purge '*'`,
		Args: wants("PATTERN"),
		RunE: does(func(ctx context.Context, args []string) error {
			purge, err := purgeOf(args[0], number)
			if err != nil {
				return err
			}
			purge.By = who.name()
			cache, err := open(ctx, p, p.backends.Cache)
			if err != nil {
				return err
			}
			removed, err := cache.Purge(ctx, purge)
			if err != nil {
				return err
			}
			if p.format == jsonFormat {
				return p.out.object(struct {
					Purged int `json:"purged"`
				}{removed})
			}
			p.out.printf("%d purged\n", removed)
			return nil
		}),
	}
	cmd.Flags().StringVar(&number, "registration-number", "", "`NUMBER` of the company, with business.verify")
	who.flags(cmd)
	return cmd
}

func purgeOf(pattern, number string) (Purge, error) {
	switch {
	case number == "":
		return Purge{Pattern: pattern}, nil
	case command.Kind(pattern) != command.BusinessVerify:
		return Purge{}, usagef("--registration-number goes with %s, not with %q", command.BusinessVerify, pattern)
	}
	digits, err := command.RegistrationNumber(number)
	if err != nil {
		return Purge{}, misused("registration-number", err)
	}
	return Purge{Kind: command.BusinessVerify, RegistrationNumber: digits}, nil
}
