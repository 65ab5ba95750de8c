package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
)

// lookup is one run of business or address.
type lookup struct {
	dispatch
	labels
}

func (p *program) businessCommand() *cobra.Command {
	l := &lookup{dispatch: dispatch{p: p, kind: command.BusinessVerify}}
	body := new(command.Business)
	cmd := &cobra.Command{
		Use:   "business [NUMBER]",
		Short: "Verify a company, or who represents it",
		Long: `Verify a company by its registration number; with --representative, whether that
person represents it. Prints the command's id; with --wait the result follows.`,
		Example: `  publisher business 124-81-00998 --wait
  publisher business --registration-number 124-81-00998 --representative 홍길동 --opened-on 1969-01-13 --wait`,
		Args: wants("[NUMBER]"),
		RunE: does(func(ctx context.Context, args []string) error {
			if len(args) > 0 && body.RegistrationNumber != "" {
				return usagef("the registration number is given twice: %s and %s", args[0], body.RegistrationNumber)
			}
			if len(args) > 0 {
				body.RegistrationNumber = args[0]
			}
			if body.RegistrationNumber == "" {
				return usagef("the registration number is missing: publisher business 124-81-00998")
			}
			return l.publishOne(ctx, body)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&body.RegistrationNumber, "registration-number", "", "`NUMBER` of the company's registration")
	f.StringVar(&body.Representative, "representative", "", "`NAME` of the person to check")
	f.StringVar(&body.OpenedOn, "opened-on", "", "`DAY` the company was opened, such as 1969-01-13")
	l.labels.flags(cmd)
	l.dispatch.flags(cmd)
	return cmd
}

func (p *program) addressCommand() *cobra.Command {
	l := &lookup{dispatch: dispatch{p: p, kind: command.AddressSearch}}
	body := new(command.Address)
	cmd := &cobra.Command{
		Use:   "address [KEYWORD...]",
		Short: "Search Korean addresses",
		Long:  "Search Korean addresses by keyword. Prints the command's id; with --wait the result follows.",
		Example: `  publisher address 강원특별자치도청 --wait
  publisher address --keyword "중앙로 1" --page 2 --size 20 --wait`,
		Args: wants("[KEYWORD...]"),
		RunE: does(func(ctx context.Context, args []string) error {
			if len(args) > 0 && body.Keyword != "" {
				return usagef("the keyword is given twice: %q and %q", strings.Join(args, " "), body.Keyword)
			}
			if len(args) > 0 {
				body.Keyword = strings.Join(args, " ")
			}
			if body.Keyword == "" {
				return usagef("the keyword is missing: publisher address 강원특별자치도청")
			}
			return l.publishOne(ctx, body)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&body.Keyword, "keyword", "", "`WORDS` to search for")
	f.IntVar(&body.Page, "page", 0, "`N`th page of the results, from 1")
	f.IntVar(&body.Size, "size", 0, "results on a page, 1 to 100")
	f.BoolVar(&body.English, "english", false, "addresses in English letters")
	l.labels.flags(cmd)
	l.dispatch.flags(cmd)
	return cmd
}

func (l *lookup) publishOne(ctx context.Context, payload command.Payload) error {
	env, err := l.envelope()
	if err != nil {
		return err
	}
	*payload.Common() = env
	body, err := encode(payload)
	if err != nil {
		return err
	}
	return l.one(ctx, body)
}
