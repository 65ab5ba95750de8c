package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

func (p *program) deadLettersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "deadletters",
		Aliases: []string{"deadletter", "dlq"},
		Short:   "See, replay or discard what could not be delivered",
		Long:    "See, replay or discard what could not be delivered.",
		Example: `  publisher deadletters list --reason timeout --since 24h
  publisher deadletters replay --kind email.send --dry-run`,
	}
	cmd.AddCommand(p.lettersListCommand(), p.letterShowCommand(), p.replayCommand(), p.discardCommand())
	return cmd
}

// letterFlags narrow dead letters.
type letterFlags struct {
	p                         *program
	kinds, reasons, providers []string
	since, until, contains    string
}

func (l *letterFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&l.kinds, "kind", nil, "only this `KIND`; several with commas")
	f.StringSliceVar(&l.reasons, "reason", nil, "only this `REASON`; several with commas")
	f.StringSliceVar(&l.providers, "provider", nil, "only of this provider `NAME`; several with commas")
	f.StringVar(&l.since, "since", "", "since this `TIME`: 24h, 7d, 2026-01-31 or RFC 3339")
	f.StringVar(&l.until, "until", "", "before this `TIME`, in the same forms")
	f.StringVar(&l.contains, "contains", "", "only with this `TEXT` in payload or error")
	offers(cmd, "kind", command.Kinds())
	offers(cmd, "reason", fault.Reasons())
}

func (l *letterFlags) filter(refs []string) (LetterFilter, error) {
	f := LetterFilter{Providers: l.providers, Contains: l.contains}
	var err error
	if f.Kinds, err = parseKinds(l.kinds); err != nil {
		return f, err
	}
	if f.Reasons, err = parseReasons(l.reasons); err != nil {
		return f, err
	}
	if f.Since, err = l.p.sinceFlag("since", l.since); err != nil {
		return f, err
	}
	if f.Until, err = l.p.sinceFlag("until", l.until); err != nil {
		return f, err
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Until.After(f.Since) {
		return f, usagef("--until: %s is not after --since %s: nothing can match", l.until, l.since)
	}
	for _, text := range refs {
		f.Refs = append(f.Refs, letterRef(text))
	}
	return f, nil
}

// letterRef reads the number of a letter, or the id of its delivery.
func letterRef(text string) LetterRef {
	if number, err := strconv.ParseInt(text, 10, 64); err == nil && number > 0 {
		return LetterRef{Number: number}
	}
	return LetterRef{Delivery: command.ParseID(text)}
}

func (p *program) lettersListCommand() *cobra.Command {
	l := &letterFlags{p: p}
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, newest first",
		Long:  "List the dead letters that are still open, newest first.",
		Example: `  publisher deadletters list
  publisher deadletters list --kind sms.send --reason unavailable,timeout --since 7d
  publisher deadletters list --contains kim@example.kr -o json`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			filter, err := l.filter(nil)
			if err != nil {
				return err
			}
			if err := checkLimit(limit); err != nil {
				return err
			}
			letters, err := open(ctx, p, p.backends.DeadLetters)
			if err != nil {
				return err
			}
			return rows(ctx, p, list[Letter]{
				limit: limit,
				empty: "no dead letter matches",
				columns: []column{
					{title: "number", right: true}, {title: "delivery"}, {title: "kind"}, {title: "reason"}, {title: "provider"},
					{title: "recipient", shrink: 24}, {title: "attempts", right: true}, {title: "since"}, {title: "error", shrink: 40},
				},
				row: func(l Letter) []string {
					return []string{
						strconv.FormatInt(l.Number, 10), l.DeliveryID.String(), string(l.Kind), string(l.Reason), l.Provider,
						l.Recipient, strconv.Itoa(l.Attempts), p.stamp(l.CreatedAt), l.Error,
					}
				},
				page: func(ctx context.Context, page Page) ([]Letter, string, error) { return letters.List(ctx, filter, page) },
			})
		}),
	}
	l.flags(cmd)
	limitFlag(cmd, &limit)
	return cmd
}

func (p *program) letterShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show NUMBER|ID",
		Short: "Show one dead letter with payload, headers and history",
		Long: `Show one dead letter with payload, headers and history: by its number, or the
newest of a command's id.`,
		Example: `  publisher deadletters show 4711
  publisher deadletters show 01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f -o json | jq .payload`,
		Args: wants("NUMBER|ID"),
		RunE: does(func(ctx context.Context, args []string) error {
			letters, err := open(ctx, p, p.backends.DeadLetters)
			if err != nil {
				return err
			}
			letter, err := letters.Show(ctx, letterRef(args[0]))
			if err != nil {
				return fmt.Errorf("%q: %w", args[0], err)
			}
			if p.format == jsonFormat {
				return p.out.object(letterObject(letter))
			}
			p.letter(letter)
			return nil
		}),
	}
}

// letterJSON is a dead letter as JSON shows it.
type letterJSON struct {
	Letter
	Headers    map[string][]string `json:"headers"`
	Payload    jsontext.Value      `json:"payload"` // a text when it was no JSON
	AttemptLog []attempt           `json:"attempt_log"`
}

func letterObject(l LetterDetail) letterJSON {
	shown := letterJSON{Letter: l.Letter, Headers: l.Headers, Payload: l.Body, AttemptLog: []attempt{}}
	if !shown.Payload.IsValid() {
		// Bytes that are no text are replaced: this is for reading, replay uses the stream.
		shown.Payload, _ = jsontext.AppendQuote(nil, string(l.Body))
	}
	for _, a := range l.History {
		shown.AttemptLog = append(shown.AttemptLog, attemptOf(l.DeliveryID, a))
	}
	return shown
}

func (p *program) letter(l LetterDetail) {
	p.out.pairs([]pair{
		{"number", strconv.FormatInt(l.Number, 10)},
		{"delivery", l.DeliveryID.String()},
		{"kind", string(l.Kind)},
		{"lane", string(l.Lane)},
		{"reason", p.out.paint(red, clean(string(l.Reason)))},
		{"error", clean(l.Error)},
		{"provider", clean(l.Provider)},
		{"recipient", clean(l.Recipient)},
		{"attempts", strconv.Itoa(l.Attempts)},
		{"replays", positive(l.Generation)},
		{"trace", clean(l.TraceID)},
		{"first seen", p.stamp(l.FirstSeen)},
		{"dead since", p.stamp(l.CreatedAt)},
		{"replayed", p.stamp(l.ReplayedAt)},
		{"discarded", p.stamp(l.DiscardedAt)},
	})
	p.out.printf("\n%s\n", p.out.paint(bold, "HEADERS"))
	p.out.printf("%s", headerLines(l.Headers))
	p.out.printf("\n%s\n", p.out.paint(bold, "PAYLOAD"))
	payload := jsontext.Value(l.Body).Clone()
	if payload.Indent(jsontext.WithIndent("  ")) != nil {
		payload = l.Body
	}
	p.out.printf("%s\n", cleanLines(string(payload)))
	p.attempts(l.History)
}
