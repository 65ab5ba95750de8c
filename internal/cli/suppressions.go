package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

func (p *program) suppressionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "suppressions",
		Short: "Addresses and numbers that get nothing more",
		Long: `Addresses and numbers that get nothing more: because they bounced, complained or
unsubscribed, or because a person said so. Who is on the list marketing or
transactional gets nothing of that category; who is on the list all gets nothing.`,
		Example: `  publisher suppressions list
  publisher suppressions add kim@example.kr --note "asked by telephone"
  publisher suppressions add lee@example.kr --list marketing --reason unsubscribed`,
	}
	cmd.AddCommand(p.suppressionsListCommand(), p.suppressionsAddCommand(), p.suppressionsRemoveCommand())
	return cmd
}

func (p *program) suppressionsListCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list [PART]",
		Short: "List them, newest first",
		Long:  "List them, newest first; with PART only those whose address or number contains it.",
		Example: `  publisher suppressions list
  publisher suppressions list @example.kr -o json`,
		Args: wants("[PART]"),
		RunE: does(func(ctx context.Context, args []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			suppressions, err := open(ctx, p, p.backends.Suppressions)
			if err != nil {
				return err
			}
			return rows(ctx, p, list[Suppression]{
				limit: limit,
				empty: "nobody is suppressed",
				columns: []column{
					{title: "recipient"}, {title: "list"}, {title: "reason"}, {title: "provider"}, {title: "since"}, {title: "until"}, {title: "note", shrink: 40},
				},
				row: func(s Suppression) []string {
					return []string{s.Recipient, s.List, s.Reason, s.Provider, p.stamp(s.CreatedAt), p.stamp(s.ExpiresAt), s.Note}
				},
				page: func(ctx context.Context, page Page) ([]Suppression, string, error) {
					return suppressions.List(ctx, strings.Join(args, ""), page)
				},
			})
		}),
	}
	limitFlag(cmd, &limit)
	return cmd
}

func (p *program) suppressionsAddCommand() *cobra.Command {
	var who actor
	var expires, list, reason string
	cmd := &cobra.Command{
		Use:   "add RECIPIENT...",
		Short: "Send nothing more to addresses or numbers",
		Long:  "Send nothing more to these addresses or numbers, for good or until --expires.",
		Example: `  publisher suppressions add kim@example.kr 010-1234-5678 --note "asked by telephone"
  publisher suppressions add lee@example.kr --expires +30d`,
		Args: wants("RECIPIENT..."),
		RunE: does(func(ctx context.Context, args []string) error {
			if _, err := pick(list, suppressionLists()); err != nil {
				return misused("list", err)
			}
			if _, err := pick(reason, suppressionReasons()); err != nil {
				return misused("reason", err)
			}
			template := Suppression{List: list, Reason: reason, Note: who.note, CreatedAt: p.now()}
			if expires != "" {
				at, err := moment(expires, p.now())
				if err != nil {
					return misused("expires", err)
				}
				template.ExpiresAt = at
			}
			if err := recipients(args); err != nil {
				return err
			}
			suppressions, err := open(ctx, p, p.backends.Suppressions)
			if err != nil {
				return err
			}
			for _, recipient := range args {
				template.Recipient = recipient
				if err := suppressions.Add(ctx, template, who.name()); err != nil {
					return fmt.Errorf("suppress %s: %w", recipient, err)
				}
				if err := p.said(recipient, "suppressed"); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&expires, "expires", "", "until this `TIME`: RFC 3339, or +30d from now")
	cmd.Flags().StringVar(&list, "list", "all", "the `LIST`: all, marketing or transactional")
	cmd.Flags().StringVar(&reason, "reason", "manual", "the `REASON`: manual, unsubscribed, bounced or complained")
	offers(cmd, "list", suppressionLists())
	offers(cmd, "reason", suppressionReasons())
	who.flags(cmd)
	return cmd
}

func suppressionLists() []string { return []string{"all", "marketing", "transactional"} }

func suppressionReasons() []string {
	return []string{"manual", "unsubscribed", "bounced", "complained"}
}

func (p *program) suppressionsRemoveCommand() *cobra.Command {
	var who actor
	var from string
	cmd := &cobra.Command{
		Use:   "remove RECIPIENT...",
		Short: "Send to addresses or numbers again",
		Long:  "Send to these addresses or numbers again: they are taken off every list, or off one.",
		Example: `  publisher suppressions remove kim@example.kr --note "new mailbox"
  publisher suppressions remove lee@example.kr --list marketing`,
		Args: wants("RECIPIENT..."),
		RunE: does(func(ctx context.Context, args []string) error {
			if from != "" {
				if _, err := pick(from, suppressionLists()); err != nil {
					return misused("list", err)
				}
			}
			suppressions, err := open(ctx, p, p.backends.Suppressions)
			if err != nil {
				return err
			}
			missing := []string{}
			for _, recipient := range args {
				found, err := suppressions.Remove(ctx, recipient, from, who.name())
				switch {
				case err != nil:
					return fmt.Errorf("remove %s: %w", recipient, err)
				case !found:
					missing = append(missing, recipient)
				default:
					if err := p.said(recipient, "removed"); err != nil {
						return err
					}
				}
			}
			if len(missing) > 0 {
				return fmt.Errorf("%s is not suppressed: see publisher suppressions list", strings.Join(missing, ", "))
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&from, "list", "", "off this `LIST` only: all, marketing or transactional")
	offers(cmd, "list", suppressionLists())
	who.flags(cmd)
	return cmd
}

// said prints what was done about one thing.
func (p *program) said(subject, done string) error {
	if p.format == jsonFormat {
		return p.out.object(struct {
			Subject string `json:"subject"`
			Done    string `json:"done"`
		}{subject, done})
	}
	p.out.printf("%s %s\n", clean(subject), done)
	return p.out.flush()
}

// recipients checks that each word is an address or a number.
func recipients(words []string) error {
	for _, word := range words {
		if !delivery.IsRecipient(word) {
			return usagef("%q is neither an e-mail address nor a phone number", word)
		}
	}
	return nil
}
