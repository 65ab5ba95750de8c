package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/fault"
)

func (p *program) providersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "providers",
		Short: "See and control the providers of the whole fleet",
		Long: `See how the providers stand across the whole fleet, why the last commands went to
which of them, and control them. A paused provider is not called until it is
resumed; reset closes its breaker. A kind of command can be paused and resumed
by its name too.`,
		Example: `  publisher providers
  publisher providers pause ses --note "maintenance at the provider"
  publisher providers pause email.send
  publisher providers set solapi rate=20 burst=40`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error { return p.providers(ctx) }),
	}
	cmd.AddCommand(
		p.providerActionCommand(PauseProvider, "Stop calling a provider until it is resumed", "paused"),
		p.providerActionCommand(ResumeProvider, "Call a paused provider again", "resumed"),
		p.providerActionCommand(ResetProvider, "Close a provider's breaker and forget what held it back", "reset"),
		p.providerSetCommand(),
	)
	return cmd
}

func (p *program) providers(ctx context.Context) error {
	providers, err := open(ctx, p, p.backends.Providers)
	if err != nil {
		return err
	}
	states, err := providers.List(ctx)
	if err != nil {
		return err
	}
	err = rows(ctx, p, list[ProviderState]{
		empty: "no provider is configured",
		columns: []column{
			{title: "name"}, {title: "driver"}, {title: "mode"}, {title: "health", style: healthStyle}, {title: "breaker", style: breakerStyle},
			{title: "rate/s", right: true}, {title: "burst", right: true}, {title: "calls", right: true},
			{title: "failed", right: true}, {title: "p50", right: true}, {title: "p95", right: true}, {title: "p99", right: true}, {title: "since"}, {title: "reason", shrink: 30},
		},
		row: func(s ProviderState) []string {
			health := either(s.Health, "unchecked")
			if s.Paused {
				health = "paused"
			}
			rate := "none"
			if s.Rate > 0 {
				rate = strconv.FormatFloat(s.Rate, 'f', -1, 64)
			}
			return []string{
				s.Name, s.Driver, s.Mode, health, s.Breaker, rate, strconv.Itoa(s.Burst), strconv.FormatInt(s.Calls, 10),
				share(s.Failures, s.Calls), took(s.P50MS), took(s.P95MS), took(s.P99MS), p.stamp(s.Since), s.Reason,
			}
		},
		page: whole(states, nil),
	})
	if err != nil || p.format != tableFormat {
		return err
	}
	if err := p.choices(states); err != nil {
		return err
	}
	return p.workers(states)
}

// workers says which configuration each worker runs with.
func (p *program) workers(states []ProviderState) error {
	var cells [][]string
	seen := map[ProviderWorker]bool{}
	for _, s := range states {
		for _, w := range s.Workers {
			if !seen[w] {
				seen[w] = true
				cells = append(cells, []string{w.Host, strconv.Itoa(w.PID), w.Config, strconv.Itoa(w.Overrides), w.Refused})
			}
		}
	}
	if len(cells) == 0 {
		return nil
	}
	p.out.printf("\n")
	p.out.table([]column{{title: "host"}, {title: "pid", right: true}, {title: "configuration"}, {title: "overrides", right: true}, {title: "refused", shrink: 40}}, cells)
	return p.out.flush()
}

// choicesShown is how many of the last choices are shown for each provider; JSON
// has all that are known.
const choicesShown = 3

// choices says why the last commands went to which provider.
func (p *program) choices(states []ProviderState) error {
	var cells [][]string
	for _, s := range states {
		for _, c := range s.Choices[max(0, len(s.Choices)-choicesShown):] {
			word := "skipped"
			if c.Chosen {
				word = "chosen"
			}
			cells = append(cells, []string{s.Name, p.stamp(c.At), c.CommandID, word, c.Why})
		}
	}
	if len(cells) == 0 {
		return nil
	}
	p.out.printf("\n")
	p.out.table([]column{{title: "name"}, {title: "at"}, {title: "command"}, {title: "was"}, {title: "because", shrink: 30}}, cells)
	return p.out.flush()
}

func (p *program) providerActionCommand(action ProviderAction, short, done string) *cobra.Command {
	var who actor
	cmd := &cobra.Command{
		Use:     string(action) + " NAME",
		Short:   short,
		Long:    short + ", in every worker.",
		Example: fmt.Sprintf("  publisher providers %s ses --note \"maintenance at the provider\"", action),
		Args:    wants("NAME"),
		RunE: does(func(ctx context.Context, args []string) error {
			providers, err := open(ctx, p, p.backends.Providers)
			if err != nil {
				return err
			}
			if err := providers.Control(ctx, args[0], action, who.name(), who.note); err != nil {
				return unknownProvider(args[0], err)
			}
			return p.said(args[0], done)
		}),
	}
	who.flags(cmd)
	return cmd
}

func (p *program) providerSetCommand() *cobra.Command {
	var who actor
	cmd := &cobra.Command{
		Use:   "set NAME rate=N burst=N",
		Short: "Change how fast a provider is called",
		Long: `Change how fast a provider is called, in every worker, until its configured limit
changes. rate is calls a second (0 for no limit), burst how many at once.`,
		Example: `  publisher providers set ses rate=14 burst=28
  publisher providers set solapi rate=5`,
		Args: wants("NAME", "rate=N|burst=N..."),
		RunE: does(func(ctx context.Context, args []string) error {
			tuning, err := tune(args[1:])
			if err != nil {
				return err
			}
			providers, err := open(ctx, p, p.backends.Providers)
			if err != nil {
				return err
			}
			if err := providers.Tune(ctx, args[0], tuning, who.name()); err != nil {
				return unknownProvider(args[0], err)
			}
			return p.said(args[0], "set "+strings.Join(args[1:], " "))
		}),
	}
	who.flags(cmd)
	return cmd
}

func tune(words []string) (Tuning, error) {
	var tuning Tuning
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "rate":
			rate, err := strconv.ParseFloat(value, 64)
			if err != nil || !(rate >= 0) || rate > 1e6 {
				return tuning, usagef("rate=%s is not a number of calls a second: give one such as rate=14, 0 for no limit", value)
			}
			tuning.Rate = &rate
		case "burst":
			burst, err := strconv.Atoi(value)
			if err != nil || burst < 1 {
				return tuning, usagef("burst=%s is not a number of calls from 1: give one such as burst=28", value)
			}
			tuning.Burst = &burst
		default:
			return tuning, usagef("%q cannot be set: give rate=N, burst=N or both", word)
		}
	}
	return tuning, nil
}

func unknownProvider(name string, err error) error {
	if fault.Of(err) == fault.NotFound {
		return fmt.Errorf("%q is not a configured provider: see publisher providers", name)
	}
	return err
}

func healthStyle(word string) string {
	switch word {
	case "healthy":
		return green
	case "degraded", "paused":
		return yellow
	case "unhealthy":
		return red
	}
	return ""
}

func breakerStyle(word string) string {
	switch word {
	case "open":
		return red
	case "half-open":
		return yellow
	}
	return ""
}

// share is a part in hundredths.
func share(part, whole int64) string {
	if whole <= 0 {
		return ""
	}
	return strconv.FormatFloat(float64(part)*100/float64(whole), 'f', 1, 64) + "%"
}
