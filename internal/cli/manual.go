package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

func (p *program) manualCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "manual",
		Short: "Enter verifications that wait for a person",
		Long: `Enter verifications that wait for a person, because no provider could answer and
nothing was in the cache.`,
		Example: `  publisher manual list
  publisher manual complete 01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f --name 강원상사 --company-status active`,
	}
	list := p.waitingCommand(delivery.ManualReview, "List verifications that wait for a person", "nothing waits for a person")
	list.Example = `  publisher manual list
  publisher manual list --limit 0 -o json`
	cmd.AddCommand(list, p.manualCompleteCommand())
	return cmd
}

func (p *program) manualCompleteCommand() *cobra.Command {
	var who actor
	var company command.Company
	timeout := 10 * time.Second
	cmd := &cobra.Command{
		Use:   "complete ID",
		Short: "Enter what a person found out about a company",
		Long: `Enter what a person found out about a company. The verification then ends as
completed, with source manual.`,
		Example: `  publisher manual complete 01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f \
    --name 강원상사 --representative 홍길동 --company-status active --note "by telephone"`,
		Args: wants("ID"),
		RunE: does(func(ctx context.Context, args []string) error {
			body, err := encode(&command.Complete{DeliveryID: args[0], Company: company, EnteredBy: who.name(), Note: who.note})
			if err != nil {
				return err
			}
			return p.complete(ctx, args[0], body, timeout)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&company.Name, "name", "", "`NAME` of the company")
	f.StringVar(&company.RegistrationNumber, "registration-number", "", "`NUMBER` of its registration")
	f.StringVar(&company.Representative, "representative", "", "`NAME` of who represents it")
	f.StringVar(&company.Status, "company-status", "", "`STATUS`: active, suspended or closed")
	f.StringVar(&company.Address, "address", "", "`ADDRESS` of the company")
	f.StringVar(&company.PostalCode, "postal-code", "", "postal `CODE` of the address")
	f.StringVar(&company.Phone, "phone", "", "`NUMBER` of its telephone")
	f.StringVar(&company.OpenedOn, "opened-on", "", "`DAY` it was opened, such as 1969-01-13")
	f.StringVar(&company.ClosedOn, "closed-on", "", "`DAY` it was closed")
	f.DurationVar(&timeout, "timeout", timeout, "how long to wait for the outcome")
	who.flags(cmd)
	offers(cmd, "company-status", []string{"active", "suspended", "closed"})
	return cmd
}

func (p *program) complete(ctx context.Context, target string, body []byte, timeout time.Duration) error {
	message, err := (&preparer{kind: command.BusinessComplete, lane: command.Normal, newID: p.newID}).message(body)
	if err != nil {
		return usageError{errors.New(plain(err))}
	}
	deliveries, err := open(ctx, p, p.backends.Deliveries)
	if err != nil {
		return err
	}
	id := command.ParseID(target)
	view, err := lookFor(ctx, deliveries, id, target)
	if err != nil {
		return err
	}
	if view.Status != delivery.ManualReview {
		return errors.New(p.ending(view) + ": it does not wait for a person; see publisher manual list")
	}
	bus, err := open(ctx, p, p.backends.Manual)
	if err != nil {
		return err
	}
	d := &dispatch{p: p, timeout: timeout}
	return d.order(ctx, bus, deliveries, id, message, func(view delivery.View) (bool, error) {
		if view.Status == delivery.ManualReview {
			return false, nil
		}
		return true, p.completed(view)
	})
}

func (p *program) completed(view delivery.View) error {
	if p.format == jsonFormat {
		if err := p.out.object(receipt{view.ID, view.Status}); err != nil {
			return err
		}
	}
	if view.Status != delivery.Completed {
		return errors.New(p.ending(view))
	}
	if p.format == tableFormat {
		p.out.printf("%s completed\n", view.ID)
	}
	return nil
}
