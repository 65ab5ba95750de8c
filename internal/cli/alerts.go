package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/fault"
)

func (p *program) alertsCommand() *cobra.Command {
	var resolved bool
	cmd := &cobra.Command{
		Use:   "alerts",
		Short: "List the alerts that are firing",
		Long:  "List the alerts that are firing; with --resolved also those that are over.",
		Example: `  publisher alerts
  publisher alerts --resolved -o json`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			alerts, err := open(ctx, p, p.backends.Alerts)
			if err != nil {
				return err
			}
			return rows(ctx, p, list[Alert]{
				empty: "no alert is firing",
				columns: []column{
					{title: "alert"}, {title: "about"}, {title: "severity"}, {title: "since"}, {title: "resolved"}, {title: "silenced"}, {title: "message", shrink: 60},
				},
				row: func(a Alert) []string {
					return []string{a.Alert, a.Subject, a.Severity, p.stamp(a.RaisedAt), p.stamp(a.ResolvedAt), p.stamp(a.SilencedUntil), a.Message}
				},
				page: whole(alerts.List(ctx, resolved)),
			})
		}),
	}
	cmd.Flags().BoolVar(&resolved, "resolved", false, "also those that are over")
	cmd.AddCommand(p.silenceCommand(), p.unsilenceCommand(), p.silencesCommand())
	return cmd
}

// everyAlert is what a person says for all of them.
const everyAlert = "all"

// silenceOf reads what a silence is about: an alert or all, and a subject.
func silenceOf(args []string) (alert, subject string) {
	if args[0] != everyAlert {
		alert = args[0]
	}
	if len(args) > 1 {
		subject = args[1]
	}
	return alert, subject
}

func (p *program) silenceCommand() *cobra.Command {
	var who actor
	var until string
	cmd := &cobra.Command{
		Use:   "silence ALERT|all [ABOUT]",
		Short: "Tell nobody of an alert for a while",
		Long: `Tell nobody of an alert for a while: no e-mail, no chat, no Alertmanager. It is
listed and logged all the same, and its events go out. With ABOUT only where it is
about this provider, kind or lane. What still fires in the end is told then.`,
		Example: `  publisher alerts silence BreakerOpen ses --until +2h --note "they know"
  publisher alerts silence all --until 2026-03-01T09:00:00+09:00`,
		Args: wants("ALERT", "[ABOUT]"),
		RunE: does(func(ctx context.Context, args []string) error {
			at, err := moment(until, p.now())
			if err != nil {
				return misused("until", err)
			}
			alert, subject := silenceOf(args)
			alerts, err := open(ctx, p, p.backends.Alerts)
			if err != nil {
				return err
			}
			if err := alerts.Silence(ctx, Silence{Alert: alert, Subject: subject, Until: at, By: who.name(), Note: who.note}); err != nil {
				return err
			}
			return p.said(strings.Join(args, " "), "silenced until "+p.stamp(at))
		}),
	}
	cmd.Flags().StringVar(&until, "until", "+1h", "until this `TIME`: RFC 3339, or +2h from now")
	who.flags(cmd)
	return cmd
}

func (p *program) unsilenceCommand() *cobra.Command {
	var who actor
	cmd := &cobra.Command{
		Use:   "unsilence ALERT|all [ABOUT]",
		Short: "End a silence",
		Long:  "End a silence. Give it as publisher alerts silences shows it.",
		Example: `  publisher alerts unsilence BreakerOpen ses
  publisher alerts unsilence all`,
		Args: wants("ALERT", "[ABOUT]"),
		RunE: does(func(ctx context.Context, args []string) error {
			alerts, err := open(ctx, p, p.backends.Alerts)
			if err != nil {
				return err
			}
			alert, subject := silenceOf(args)
			found, err := alerts.Unsilence(ctx, alert, subject, who.name())
			if err == nil && !found {
				err = fault.New(fault.NotFound, "unsilence", "%s is not silenced: see publisher alerts silences", strings.Join(args, " "))
			}
			if err != nil {
				return err
			}
			return p.said(strings.Join(args, " "), "told again")
		}),
	}
	who.flags(cmd)
	return cmd
}

func (p *program) silencesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "silences",
		Short: "List the silences that last",
		Long:  "List what nobody is told of, until when, and who wanted it so.",
		Example: `  publisher alerts silences
  publisher alerts silences -o json`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			alerts, err := open(ctx, p, p.backends.Alerts)
			if err != nil {
				return err
			}
			return rows(ctx, p, list[Silence]{
				empty:   "nothing is silenced",
				columns: []column{{title: "alert"}, {title: "about"}, {title: "until"}, {title: "by"}, {title: "note", shrink: 40}},
				row: func(s Silence) []string {
					return []string{cmp.Or(s.Alert, everyAlert), s.Subject, p.stamp(s.Until), s.By, s.Note}
				},
				page: whole(alerts.Silences(ctx)),
			})
		}),
	}
}
