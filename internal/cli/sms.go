package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
)

func (p *program) smsCommand() *cobra.Command {
	m := &wording{dispatch: dispatch{p: p, kind: command.SMSSend}}
	var to string
	cmd := &cobra.Command{
		Use:   "sms",
		Short: "Send one text message",
		Long:  "Send one text message: a template, or your own text. Prints the command's id.",
		Example: `  publisher sms --to 010-1234-5678 --text "인증번호는 123456입니다." --lane high --wait
  publisher sms --to 010-1234-5678 --template interview --var name=김민수 --var "at=3월 2일 10시"
  publisher sms --to 010-1234-5678 --text "Tomorrow at ten" --at +12h --id reminder-42`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			body, err := m.composeSMS(to)
			if err != nil {
				return err
			}
			return m.one(ctx, body)
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", "`NUMBER` of the recipient")
	m.flags(cmd)
	return cmd
}

func (m *wording) composeSMS(to string) ([]byte, error) {
	if to == "" {
		return nil, usagef("--to is missing: give the number of the recipient")
	}
	env, err := m.envelope()
	if err != nil {
		return nil, err
	}
	text, err := m.body()
	if err != nil {
		return nil, err
	}
	variables, err := m.values()
	if err != nil {
		return nil, err
	}
	return encode(&command.SMS{
		Envelope: env, To: to, From: m.by, Subject: m.subject, Text: text, Template: m.template,
		Locale: m.locale, Variables: variables, Sensitive: m.sensitive, Category: m.category,
	})
}
