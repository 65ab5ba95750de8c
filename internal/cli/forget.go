package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (p *program) forgetCommand() *cobra.Command {
	var who actor
	var sure, dryRun bool
	cmd := &cobra.Command{
		Use:   "forget RECIPIENT",
		Short: "Remove one person's data for good",
		Long: `Remove one person's data for good: recipient, content and what providers said of
every command to this address or number, in Postgres and on the bus. What is not
sent yet is cancelled. Ids and statuses stay, so that nothing is sent twice; so do
entries of the suppression list. On a terminal it asks first.

A command that a worker has at the moment, or that others wait for as well, is
left as it is and counted: run it again once that has ended.`,
		Example: `  publisher forget kim@example.kr --dry-run
  publisher forget 010-1234-5678 --yes --note "request 2026-17"`,
		Args: wants("RECIPIENT"),
		RunE: does(func(ctx context.Context, args []string) error {
			if err := recipients(args); err != nil {
				return err
			}
			if !dryRun && !sure {
				if err := p.confirm("Everything about "+args[0]+" is removed for good.", args[0]); err != nil {
					return err
				}
			}
			eraser, err := open(ctx, p, p.backends.Eraser)
			if err != nil {
				return err
			}
			erased, err := eraser.Forget(ctx, args[0], dryRun, who.name(), who.note)
			if err != nil {
				return err
			}
			var unread error
			if erased.Unread > 0 {
				unread = fmt.Errorf("%d dead letters were not searched: they are sealed under a key that is not known here; run it again with the secrets key of the workers in GANGWAY_SECRETS_KEY",
					erased.Unread)
			}
			if p.format == jsonFormat {
				return errors.Join(p.out.object(erased), unread)
			}
			done := "removed"
			if dryRun {
				done = "would be removed; nothing was done"
			}
			p.out.printf("%d commands, %d attempts, %d events, %d dead letters %s\n",
				erased.Deliveries, erased.Attempts, erased.Events, erased.Letters, done)
			if erased.Messages > 0 && !dryRun {
				p.out.printf("%d messages erased from the bus\n", erased.Messages)
			}
			if erased.Waiting > 0 {
				p.out.printf("%d commands are still under way and are left: run it again when they have ended\n", erased.Waiting)
			}
			return unread
		}),
	}
	cmd.Flags().BoolVar(&sure, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only count")
	who.flags(cmd)
	return cmd
}

// confirm asks a person at a terminal to type a word before something is done
// that cannot be undone. A script has said what it wants.
func (p *program) confirm(question, word string) error {
	file, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	p.err.printf("%s Type %s to go on: ", clean(question), clean(word))
	if err := p.err.flush(); err != nil {
		return err
	}
	answer, err := bufio.NewReader(io.LimitReader(p.in, 1024)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(answer) != word {
		return errors.New("not confirmed: nothing was done")
	}
	return nil
}
