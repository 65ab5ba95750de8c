package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

func (p *program) cancelCommand() *cobra.Command {
	d := &dispatch{p: p, kind: command.DeliveryCancel, lane: string(command.Normal)}
	var reason string
	var who actor
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Cancel what has not been sent yet",
		Long: `Cancel what has not been sent yet, and wait shortly for the outcome. Exit code 0
when it is cancelled, 1 when it is too late. An id that is not known yet is
cancelled as well: the command is refused when it comes.`,
		Example: `  publisher cancel 01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f
  publisher cancel reminder-42 --reason "meeting moved"`,
		Args: wants("ID"),
		RunE: does(func(ctx context.Context, args []string) error {
			return d.cancel(ctx, args[0], reason, who)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why")
	who.byFlag(cmd)
	cmd.Flags().DurationVar(&d.timeout, "timeout", 10*time.Second, "how long to wait for the outcome")
	d.route(cmd)
	return cmd
}

func (d *dispatch) cancel(ctx context.Context, target, reason string, who actor) error {
	f, err := d.preparer()
	if err != nil {
		return err
	}
	body, err := encode(&command.Cancel{DeliveryID: target, Reason: reason})
	if err != nil {
		return err
	}
	message, err := f.message(body)
	if err != nil {
		return usageError{errors.New(plain(err))}
	}
	deliveries, err := open(ctx, d.p, d.p.backends.Deliveries)
	if err != nil {
		return err
	}
	id := command.ParseID(target)
	// What has ended stays so: nothing needs to be asked for.
	if views, err := deliveries.Statuses(ctx, []uuid.UUID{id}); err != nil {
		return err
	} else if len(views) > 0 && views[0].Status.Final() {
		return d.p.cancelled(views[0])
	}
	bus, err := d.bus(ctx)
	if err != nil {
		return err
	}
	audit, err := open(ctx, d.p, d.p.backends.Audit)
	if err != nil {
		return err
	}
	// Before it is ordered: a worker may carry it out whatever becomes of us.
	if err := audit.Write(ctx, who.name(), "delivery.cancel", id.String(), map[string]string{"outcome": "requested", "reason": reason}); err != nil {
		return err
	}
	return d.order(ctx, bus, deliveries, id, message, func(view delivery.View) (bool, error) {
		if !view.Status.Final() {
			return false, nil
		}
		return true, d.p.cancelled(view)
	})
}

// cancelled prints the end of the target, and fails when it is another one.
func (p *program) cancelled(view delivery.View) error {
	if p.format == jsonFormat {
		if err := p.out.object(receipt{view.ID, view.Status}); err != nil {
			return err
		}
	}
	if view.Status == delivery.Cancelled {
		if p.format == tableFormat {
			p.out.printf("%s cancelled\n", view.ID)
		}
		return nil
	}
	return fmt.Errorf("too late: %s", p.ending(view))
}
