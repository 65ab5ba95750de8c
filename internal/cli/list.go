package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// listing is what the flags of list say.
type listing struct {
	p                        *program
	kinds, statuses, reasons []string
	since, recipient         string
	limit                    int
}

func (p *program) listCommand() *cobra.Command {
	l := &listing{p: p}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List commands and their status, newest first",
		Long:  "List commands and their status, newest first.",
		Example: `  publisher list --limit 20
  publisher list --kind email.send --status failed,bounced --since 24h
  publisher list --recipient kim@example.kr --since 2026-01-31 -o json
  publisher list --status dead_lettered --reason timeout,unavailable --limit 0 -o json > letters.ndjson`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			filter, err := l.filter()
			if err != nil {
				return err
			}
			return l.run(ctx, filter)
		}),
	}
	f := cmd.Flags()
	f.StringSliceVar(&l.kinds, "kind", nil, "only this `KIND`; several with commas")
	f.StringSliceVar(&l.statuses, "status", nil, "only this `STATUS`; several with commas")
	f.StringSliceVar(&l.reasons, "reason", nil, "only this `REASON`; several with commas")
	f.StringVar(&l.since, "since", "", "requested since this `TIME`: 24h, 7d, 2026-01-31 or RFC 3339")
	f.StringVar(&l.recipient, "recipient", "", "only to this `ADDRESS` or number")
	limitFlag(cmd, &l.limit)
	offers(cmd, "kind", command.Kinds())
	offers(cmd, "status", delivery.Statuses())
	offers(cmd, "reason", fault.Reasons())
	return cmd
}

func (l *listing) filter() (Filter, error) {
	kinds, err := parseKinds(l.kinds)
	if err != nil {
		return Filter{}, err
	}
	statuses, err := parseStatuses(l.statuses)
	if err != nil {
		return Filter{}, err
	}
	reasons, err := parseReasons(l.reasons)
	if err != nil {
		return Filter{}, err
	}
	filter := Filter{Kinds: kinds, Statuses: statuses, Reasons: reasons, Recipient: l.recipient}
	filter.Since, err = l.p.sinceFlag("since", l.since)
	return filter, err
}

func (l *listing) run(ctx context.Context, filter Filter) error {
	if err := checkLimit(l.limit); err != nil {
		return err
	}
	deliveries, err := open(ctx, l.p, l.p.backends.Deliveries)
	if err != nil {
		return err
	}
	return rows(ctx, l.p, list[delivery.View]{
		limit:   l.limit,
		columns: deliveryColumns(),
		row:     l.p.deliveryRow,
		empty:   "no command matches",
		page: func(ctx context.Context, page Page) ([]delivery.View, string, error) {
			return deliveries.List(ctx, filter, page)
		},
	})
}

func deliveryColumns() []column {
	return []column{
		{title: "id"}, {title: "kind"}, {title: "status", style: statusStyle}, {title: "reason"}, {title: "provider"},
		{title: "recipient", shrink: 30}, {title: "attempts", right: true}, {title: "requested"}, {title: "updated"},
	}
}

func (p *program) deliveryRow(v delivery.View) []string {
	return []string{
		v.ID.String(), string(v.Kind), string(v.Status), string(v.Reason), v.Provider,
		v.Recipient, strconv.Itoa(v.Attempts), p.stamp(v.RequestedAt), p.stamp(v.UpdatedAt),
	}
}
