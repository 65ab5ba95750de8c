package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

func (p *program) unknownCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "unknown",
		Short: "Settle commands whose outcome is unknown",
		Long: `Settle commands whose outcome is unknown: the request left, and no answer came.
Find out from the provider or the recipient, then say what happened.`,
		Example: `  publisher unknown list
  publisher unknown settle 01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f --sent`,
	}
	list := p.waitingCommand(delivery.Unknown, "List commands whose outcome is unknown", "no outcome is unknown")
	list.Example = `  publisher unknown list
  publisher unknown list --limit 0 -o json`
	cmd.AddCommand(list, p.unknownSettleCommand())
	return cmd
}

// waitingCommand lists what waits for a person.
func (p *program) waitingCommand(status delivery.Status, short, empty string) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: short,
		Long:  short + ", newest first.",
		Args:  wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			deliveries, err := open(ctx, p, p.backends.Deliveries)
			if err != nil {
				return err
			}
			return rows(ctx, p, list[delivery.View]{
				limit: limit, columns: deliveryColumns(), row: p.deliveryRow, empty: empty,
				page: func(ctx context.Context, page Page) ([]delivery.View, string, error) {
					return deliveries.List(ctx, Filter{Statuses: []delivery.Status{status}}, page)
				},
			})
		}),
	}
	limitFlag(cmd, &limit)
	return cmd
}

func (p *program) unknownSettleCommand() *cobra.Command {
	var who actor
	var sent, notSent bool
	cmd := &cobra.Command{
		Use:   "settle ID",
		Short: "Say whether it was sent, or is to be sent again",
		Long: `Say whether it was sent, or is to be sent again. With --sent it ends as sent; with
--not-sent it is sent again under the same id. Either is written to the audit log.`,
		Example: `  publisher unknown settle 01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f --sent --note "seen in the provider's console"
  publisher unknown settle 01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f --not-sent`,
		Args: wants("ID"),
		RunE: does(func(ctx context.Context, args []string) error {
			if sent == notSent {
				return usagef("say what happened: --sent when it was sent, --not-sent to send it again")
			}
			unknowns, err := open(ctx, p, p.backends.Unknowns)
			if err != nil {
				return err
			}
			view, err := unknowns.Settle(ctx, Verdict{ID: command.ParseID(args[0]), Sent: sent, By: who.name(), Note: who.note})
			if err != nil {
				return fmt.Errorf("%q: %w", args[0], err)
			}
			if p.format == jsonFormat {
				return p.out.object(receipt{view.ID, view.Status})
			}
			p.out.printf("%s %s\n", view.ID, view.Status)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&sent, "sent", false, "it was sent")
	cmd.Flags().BoolVar(&notSent, "not-sent", false, "it was not sent: send it again")
	who.flags(cmd)
	return cmd
}
