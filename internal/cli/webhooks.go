package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Webhooks are the endpoints that events are pushed to.
type Webhooks interface {
	List(ctx context.Context) ([]delivery.Subscriber, error)
	// Enable lets one get events again. An unknown name is a not_found fault.
	Enable(ctx context.Context, name, by, note string) error
}

func (p *program) webhooksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhooks",
		Short: "See and enable the endpoints that events are pushed to",
		Long: `See how the endpoints of webhooks_out stand that events are pushed to: active,
failing (it takes nothing and is tried ever more rarely) or disabled (it said that
it is gone, 410). What an endpoint has not taken waits for as long as events are
kept. Counts are those since the endpoint was configured.`,
		Example: `  publisher webhooks
  publisher webhooks enable portal --note "the portal has moved"`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			webhooks, err := open(ctx, p, p.backends.Webhooks)
			if err != nil {
				return err
			}
			return rows(ctx, p, list[delivery.Subscriber]{
				empty: "no endpoint is configured (webhooks_out)",
				columns: []column{
					{title: "name"}, {title: "state", style: subscriberStyle}, {title: "since"}, {title: "waiting", right: true},
					{title: "pushed", right: true}, {title: "failed", right: true}, {title: "given up", right: true},
					{title: "last pushed"}, {title: "last failed"}, {title: "error", shrink: 40}, {title: "url", shrink: 50}, {title: "kinds", shrink: 30},
				},
				row: func(s delivery.Subscriber) []string {
					return []string{
						s.Name, string(s.State), p.stamp(s.Since), strconv.Itoa(s.Waiting), strconv.FormatInt(s.Pushed, 10), strconv.FormatInt(s.Failed, 10),
						strconv.FormatInt(s.GivenUp, 10), p.stamp(s.PushedAt), p.stamp(s.FailedAt), s.Error, s.URL, strings.Join(s.Kinds, " "),
					}
				},
				page: whole(webhooks.List(ctx)),
			})
		}),
	}
	cmd.AddCommand(p.webhookEnableCommand())
	return cmd
}

func (p *program) webhookEnableCommand() *cobra.Command {
	var who actor
	cmd := &cobra.Command{
		Use:   "enable NAME",
		Short: "Push events to a disabled endpoint again",
		Long: `Push events to an endpoint again that was disabled because it answered 410, or try
a failing one at full speed. What has waited is pushed too.`,
		Example: `  publisher webhooks enable portal --note "the portal has moved"`,
		Args:    wants("NAME"),
		RunE: does(func(ctx context.Context, args []string) error {
			webhooks, err := open(ctx, p, p.backends.Webhooks)
			if err != nil {
				return err
			}
			err = webhooks.Enable(ctx, args[0], who.name(), who.note)
			if fault.Of(err) == fault.NotFound {
				return fmt.Errorf("%q is no endpoint of webhooks_out: see publisher webhooks", args[0])
			}
			if err != nil {
				return err
			}
			return p.said(args[0], "enabled")
		}),
	}
	who.flags(cmd)
	return cmd
}

func subscriberStyle(word string) string {
	switch delivery.SubscriberState(word) {
	case delivery.SubscriberActive:
		return green
	case delivery.SubscriberFailing:
		return yellow
	case delivery.SubscriberDisabled:
		return red
	}
	return ""
}
