package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// settling of dead letters: replay and discard.
type letterSettling struct {
	letterFlags
	actor
	all    bool
	dryRun bool
	limit  int
	rate   string
}

func (p *program) replayCommand() *cobra.Command {
	s := &letterSettling{letterFlags: letterFlags{p: p}}
	cmd := &cobra.Command{
		Use:   "replay [NUMBER|ID...]",
		Short: "Run dead letters again",
		Long: `Run dead letters again, under their own ids. What succeeded meanwhile is skipped;
replaying twice does not send twice. A run that was stopped is continued by
running it again.`,
		Example: `  publisher deadletters replay --reason unavailable --since 24h --dry-run
  publisher deadletters replay --kind email.send --provider ses --rate 50/s
  publisher deadletters replay 4711 01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f`,
		Args: wants("[NUMBER|ID...]"),
		RunE: does(func(ctx context.Context, args []string) error { return s.run(ctx, args, false) }),
	}
	s.settleFlags(cmd)
	cmd.Flags().StringVar(&s.rate, "rate", "", "at most `N/s` (or N/m)")
	return cmd
}

func (p *program) discardCommand() *cobra.Command {
	s := &letterSettling{letterFlags: letterFlags{p: p}}
	cmd := &cobra.Command{
		Use:   "discard [NUMBER|ID...]",
		Short: "Put dead letters away for good",
		Long:  "Put dead letters away for good: their commands end as discarded and are not run again.",
		Example: `  publisher deadletters discard 4711 --note "recipient has left"
  publisher deadletters discard --reason invalid --until 30d --dry-run`,
		Args: wants("[NUMBER|ID...]"),
		RunE: does(func(ctx context.Context, args []string) error { return s.run(ctx, args, true) }),
	}
	s.settleFlags(cmd)
	return cmd
}

func (s *letterSettling) settleFlags(cmd *cobra.Command) {
	s.letterFlags.flags(cmd)
	s.actor.flags(cmd)
	cmd.Flags().BoolVar(&s.all, "all", false, "every open letter, without being asked")
	cmd.Flags().BoolVar(&s.dryRun, "dry-run", false, "only say how many match")
	cmd.Flags().IntVar(&s.limit, "limit", 0, "at most `N` letters; 0 for all")
}

func (s *letterSettling) run(ctx context.Context, refs []string, discard bool) error {
	order, err := s.order(refs, discard)
	if err != nil {
		return err
	}
	letters, err := open(ctx, s.p, s.p.backends.DeadLetters)
	if err != nil {
		return err
	}
	label := "replaying"
	if discard {
		label = "discarding"
	}
	bar := s.p.counter(label, "letters", -1)
	defer bar.end()
	report, err := letters.Settle(ctx, order, func(r LetterReport) {
		total := int64(r.Matched)
		if total == 0 {
			total = -1
		}
		bar.set(int64(r.Replayed+r.Discarded+r.Skipped+r.Failed), total)
	})
	bar.end()
	if printing := s.report(order, report); err == nil {
		err = printing
	}
	switch {
	case err != nil && !order.DryRun:
		return fmt.Errorf("%w; what is reported is done: run it again to go on with the rest", err)
	case err != nil:
		return err
	case report.Wiped > 0:
		return fmt.Errorf("%d of %d cannot be replayed: the values of their sensitive variables were wiped when they ended; publish those commands again, with new ids",
			report.Wiped, report.Matched)
	case report.Sealed > 0:
		return fmt.Errorf("%d of %d cannot be replayed: they are sealed under a key that is not known here; run it again with the secrets key of the workers in GANGWAY_SECRETS_KEY",
			report.Sealed, report.Matched)
	case report.Failed > 0:
		return fmt.Errorf("%d of %d could not be settled and stay dead letters: run it again, or see publisher deadletters list", report.Failed, report.Matched)
	case report.Matched < len(refs):
		return known(ctx, letters, refs)
	}
	return nil
}

// known tells of the first name that is of no letter at all. One that was settled
// before is none of these: the same command line may be run again.
func known(ctx context.Context, letters DeadLetters, refs []string) error {
	for _, ref := range refs {
		if _, err := letters.Show(ctx, letterRef(ref)); err != nil {
			return fmt.Errorf("%q: %w", ref, err)
		}
	}
	return nil
}

func (s *letterSettling) order(refs []string, discard bool) (LetterOrder, error) {
	filter, err := s.filter(refs)
	if err != nil {
		return LetterOrder{}, err
	}
	if !narrow(filter) && !s.all && !s.dryRun {
		// Replay may be repeated; what is discarded is gone.
		if discard {
			return LetterOrder{}, usagef("nothing says which letters: give numbers, ids or filters, or --all")
		}
		if err := s.p.confirm("Every open dead letter is run again.", "all"); err != nil {
			return LetterOrder{}, err
		}
	}
	if err := checkLimit(s.limit); err != nil {
		return LetterOrder{}, err
	}
	rate, err := perSecond(s.rate)
	if err != nil {
		return LetterOrder{}, misused("rate", err)
	}
	return LetterOrder{
		Discard: discard, Filter: filter, DryRun: s.dryRun, Limit: s.limit, Rate: rate, By: s.name(), Note: s.note,
	}, nil
}

type replayReport struct {
	Matched  int `json:"matched"`
	Replayed int `json:"replayed"`
	Skipped  int `json:"skipped"`
	Failed   int `json:"failed"`
}

type discardReport struct {
	Matched   int `json:"matched"`
	Discarded int `json:"discarded"`
	Skipped   int `json:"skipped"`
	Failed    int `json:"failed"`
}

func (s *letterSettling) report(order LetterOrder, r LetterReport) error {
	p := s.p
	switch {
	case p.format == jsonFormat && order.Discard:
		return p.out.object(discardReport{r.Matched, r.Discarded, r.Skipped, r.Failed})
	case p.format == jsonFormat:
		return p.out.object(replayReport{r.Matched, r.Replayed, r.Skipped, r.Failed})
	case order.DryRun:
		p.out.printf("%d match; nothing was done\n", r.Matched)
	case order.Discard:
		p.out.printf("%d matched, %d discarded, %d skipped, %d failed\n", r.Matched, r.Discarded, r.Skipped, r.Failed)
	default:
		p.out.printf("%d matched, %d replayed, %d skipped, %d failed\n", r.Matched, r.Replayed, r.Skipped, r.Failed)
	}
	return p.out.flush()
}

// perSecond reads a rate such as 50/s, 600/m or 50; "" is no limit.
func perSecond(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, unit, _ := strings.Cut(text, "/")
	n, err := strconv.ParseFloat(number, 64)
	seconds, known := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[unit]
	if err != nil || !known || !(n > 0) || n > 1e9 {
		return 0, fmt.Errorf("%q is not a rate: give one such as 50/s or 600/m", text)
	}
	return n / seconds, nil
}
