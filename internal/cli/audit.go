package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func (p *program) auditCommand() *cobra.Command {
	var filter AuditFilter
	var since string
	var limit int
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List who did what, newest first",
		Long:  "List who did what with the commands of operators and the admin API, newest first.",
		Example: `  publisher audit --since 7d
  publisher audit --action deadletter.replay --by kim@portal -o json`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			var err error
			if filter.Since, err = p.sinceFlag("since", since); err != nil {
				return err
			}
			if err := checkLimit(limit); err != nil {
				return err
			}
			audit, err := open(ctx, p, p.backends.Audit)
			if err != nil {
				return err
			}
			return rows(ctx, p, list[AuditRecord]{
				limit:   limit,
				empty:   "nothing was done",
				columns: []column{{title: "at"}, {title: "by"}, {title: "action"}, {title: "target"}, {title: "detail", shrink: 60}},
				row: func(r AuditRecord) []string {
					return []string{p.stamp(r.At), r.By, r.Action, r.Target, r.Detail}
				},
				page: func(ctx context.Context, page Page) ([]AuditRecord, string, error) {
					return audit.List(ctx, filter, page)
				},
			})
		}),
	}
	f := cmd.Flags()
	f.StringVar(&since, "since", "", "since this `TIME`: 24h, 7d, 2026-01-31 or RFC 3339")
	f.StringVar(&filter.By, "by", "", "only by this `NAME`")
	f.StringVar(&filter.Action, "action", "", "only this `ACTION`")
	f.StringVar(&filter.Target, "target", "", "only about this `TARGET`: an id, a provider, a recipient")
	limitFlag(cmd, &limit)
	return cmd
}
