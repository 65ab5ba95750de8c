package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// failedError is an error of a command line that was understood. Whatever else
// leaves cobra is a mistake in the command line itself.
type failedError struct{ err error }

func (f failedError) Error() string { return f.err.Error() }
func (f failedError) Unwrap() error { return f.err }

// usageError is a mistake in the command line that only the command could see.
type usageError struct{ err error }

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// misused turns the mistake of one flag into a usage error that names the flag.
func misused(flag string, err error) error {
	if err == nil {
		return nil
	}
	return usageError{fmt.Errorf("--%s: %w", flag, err)}
}

// does makes a cobra function of one of ours and marks its errors.
func does(run func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := run(cmd.Context(), args)
		if err == nil {
			return nil
		}
		if usage, ok := errors.AsType[usageError](err); ok {
			return usageError{fmt.Errorf("%w (see %s --help)", usage.err, cmd.CommandPath())}
		}
		return failedError{err}
	}
}

// settingsError is a mistake in flags, environment or files that was found
// while a backend was being opened.
type settingsError struct{ err error }

func (s settingsError) Error() string { return s.err.Error() }
func (s settingsError) Unwrap() error { return s.err }

// settled marks an error of opening a backend when the settings are to blame.
func settled(err error) error {
	if fault.Of(err) == fault.Invalid {
		return settingsError{err}
	}
	return err
}

// interruptedError is the end of a command by its context, in words for a person.
type interruptedError struct{ text string }

func (i interruptedError) Error() string { return "interrupted: " + i.text }
func (i interruptedError) Unwrap() error { return context.Canceled }

func exitCode(err error) int {
	if err == nil {
		return ExitDone
	}
	if _, ok := errors.AsType[settingsError](err); ok {
		return ExitUsage
	}
	if _, ok := errors.AsType[failedError](err); ok {
		return ExitFailed
	}
	return ExitUsage
}

// sentence is the one line that a person reads of err.
func sentence(ctx context.Context, err error) string {
	text := plain(err)
	if _, told := errors.AsType[interruptedError](err); !told && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		text = "interrupted: " + text
	}
	return clean(strings.TrimSpace(text)) // line breaks become spaces
}

// plain is the text of err. A mistake of whoever typed it is told without the names
// of the functions that found it.
func plain(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok && (e.Reason == fault.Invalid || e.Reason == fault.NotFound) && e.Err == nil && e.Message != "" {
		bare := *e
		bare.Op = ""
		return strings.Replace(err.Error(), e.Error(), bare.Error(), 1)
	}
	return err.Error()
}
