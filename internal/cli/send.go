package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gangwon-portal/gangway/internal/command"
)

// mostMistakes is how many mistakes of an input are told one by one.
const mostMistakes = 20

// sending is one run of send.
type sending struct {
	dispatch
	file      string
	named     bool // -f was given
	keepGoing bool
	mistakes  int
}

func (p *program) sendCommand() *cobra.Command {
	s := &sending{dispatch: dispatch{p: p}}
	cmd := &cobra.Command{
		Use:   "send KIND",
		Short: "Publish a command, or many, given as JSON",
		Long: `Publish a command, or many, given as JSON: one object, or NDJSON with one on
each line. Prints one id a line.

Every command is checked before it is published. A file is checked whole first:
with a mistake in it nothing is published. Of a pipe, what stands before the
mistake is published and nothing after it. With --keep-going every good line is
published and the bad ones are told.

KIND is one of ` + joined(command.Kinds()) + `.`,
		Example: `  publisher send email.send -f welcome.json --wait
  echo '{"to":"010-1234-5678","text":"안녕하세요"}' | publisher send sms.send
  publisher send email.send --lane bulk -f - < newsletter.ndjson > ids.txt
  publisher send business.verify -f query.json --id order-42 --at +10m`,
		Args: wants("KIND"),
		RunE: does(func(ctx context.Context, args []string) error {
			kind, err := pick(args[0], command.Kinds())
			if err != nil {
				return usageError{err}
			}
			s.kind = kind
			return s.run(ctx)
		}),
		PreRun:            func(cmd *cobra.Command, _ []string) { s.named = cmd.Flags().Changed("file") },
		ValidArgsFunction: cobra.FixedCompletions(words(command.Kinds()), cobra.ShellCompDirectiveNoFileComp),
	}
	cmd.Flags().StringVarP(&s.file, "file", "f", "-", "`FILE` with the commands; - is stdin")
	cmd.Flags().BoolVar(&s.keepGoing, "keep-going", false, "publish every good line of NDJSON, tell and skip the bad ones")
	s.flags(cmd)
	return cmd
}

func (s *sending) run(ctx context.Context) error {
	f, err := s.preparer()
	if err != nil {
		return err
	}
	in, err := s.input()
	if err != nil {
		return err
	}
	defer in.close()
	if s.id != "" {
		return s.single(ctx, f, in.reader)
	}
	total := int64(-1)
	if in.again != nil && !s.keepGoing {
		if total, err = s.check(ctx, f, in.again()); err != nil {
			return err
		}
	}
	source := newRecords(in.reader, s.keepGoing)
	err = s.all(ctx, total, func() (entry, error) { return s.next(f, source) })
	switch {
	case err != nil:
		return s.halted(err)
	case s.mistakes > 0:
		return fmt.Errorf("%s published, %d lines were not: correct these and publish only them", commands(s.published), s.mistakes)
	case s.published == 0:
		return errors.New("the input is empty: give one JSON object, or one on each line")
	}
	return nil
}

// halted says what an error at one line means for those around it.
func (s *sending) halted(err error) error {
	mistake, ok := errors.AsType[*lineError](err)
	switch {
	case !ok:
		return err
	case s.published == 0:
		return fmt.Errorf("%w; nothing was published: correct it and send again", mistake)
	}
	return fmt.Errorf("%w; %s published, nothing from this line on: correct it and go on from there", mistake, commands(s.published))
}

// next reads one command; with --keep-going it passes over bad lines.
func (s *sending) next(f *preparer, source *records) (entry, error) {
	for {
		e, err := one(f, source)
		mistake, ok := errors.AsType[*lineError](err)
		if !ok || !s.keepGoing {
			return e, err
		}
		s.bar.clear()
		if s.mistakes++; s.mistakes <= mostMistakes {
			s.p.err.printf("publisher: %s\n", clean(mistake.Error()))
		}
		if s.mistakes == mostMistakes {
			s.p.err.printf("publisher: further mistakes are only counted\n")
		}
		_ = s.p.err.flush()
	}
}

func one(f *preparer, source *records) (entry, error) {
	rec, err := source.next()
	if err != nil {
		return entry{}, err
	}
	message, err := f.message(rec.body)
	if err != nil {
		return entry{}, &lineError{rec.line, err}
	}
	return entry{Message: message, line: rec.line}, nil
}

// check reads the whole input once and counts its commands.
func (s *sending) check(ctx context.Context, f *preparer, r io.Reader) (int64, error) {
	bar := s.p.counter("checking", "commands", -1)
	defer bar.end()
	source := newRecords(r, false)
	for count := int64(0); ; count++ {
		if ctx.Err() != nil {
			return 0, interruptedError{"nothing was published"}
		}
		_, err := one(f, source)
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return 0, fmt.Errorf("%w; nothing was published: correct it and send again", err)
		}
		bar.add(1)
	}
}

// single publishes the one command that --id names.
func (s *sending) single(ctx context.Context, f *preparer, r io.Reader) error {
	source := newRecords(r, false)
	e, err := one(f, source)
	if errors.Is(err, io.EOF) {
		return errors.New("the input is empty: give one JSON object")
	}
	if err != nil {
		return fmt.Errorf("%w; nothing was published: correct it and send again", err)
	}
	if _, err := source.next(); !errors.Is(err, io.EOF) {
		return usagef("--id: names one command, but line %d holds another: leave --id out, or give the ids in the bodies", source.line)
	}
	given := false
	return s.all(ctx, 1, func() (entry, error) {
		if given {
			return entry{}, io.EOF
		}
		given = true
		return e, nil
	})
}

// input is where the commands come from.
type input struct {
	reader io.Reader
	again  func() io.Reader // reads the same from the start; nil for pipes
	close  func()
}

func (s *sending) input() (input, error) {
	in := input{reader: s.p.in, close: func() {}}
	if s.file != "-" {
		file, err := os.Open(s.file)
		if err != nil {
			return input{}, usagef("-f: %w", err)
		}
		in.reader, in.close = file, func() { _ = file.Close() }
	}
	file, ok := in.reader.(*os.File)
	if !ok {
		return in, nil
	}
	if !s.named && term.IsTerminal(int(file.Fd())) {
		return input{}, usagef("there is nothing to publish: give -f FILE, or JSON through a pipe")
	}
	info, err := file.Stat()
	switch {
	case err == nil && info.IsDir():
		in.close()
		return input{}, usagef("-f: %s is a folder: give a file", s.file)
	case err == nil && info.Mode().IsRegular():
		if start, err := file.Seek(0, io.SeekCurrent); err == nil {
			in.again = func() io.Reader { return io.NewSectionReader(file, start, info.Size()-start) }
			in.reader = in.again()
		}
	}
	return in, nil // what cannot be looked at is told by the first read
}
