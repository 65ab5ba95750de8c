// Command worker consumes commands. See `worker --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/app"
	"github.com/gangwon-portal/gangway/internal/cli"
)

// Exit codes of the program.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := untilSignalled()
	defer stop()
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var problems config.Problems
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &problems):
		fmt.Fprintf(os.Stderr, "worker: %v\n", problems)
		return exitUsage
	case toldToStop(ctx, err):
		fmt.Fprintln(os.Stderr, "worker: interrupted")
		return exitFailed
	case errors.As(err, new(failure)):
		fmt.Fprintf(os.Stderr, "worker: %v\n", err)
		return exitFailed
	default:
		// Whatever else leaves cobra is a mistake in the command line.
		text := err.Error()
		if !strings.Contains(text, " --help)") {
			text += " (see worker --help)"
		}
		fmt.Fprintf(os.Stderr, "worker: %s\n", text)
		return exitUsage
	}
}

// rootCommand is the program with all that it can do.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "worker",
		Short:         "Gangway's worker: consumes commands, calls providers, records every status",
		Version:       app.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Example:       "  worker dev\n  GANGWAY_NATS_URL=nats://bus:4222 GANGWAY_POSTGRES_URL=postgres://… worker run",
	}
	root.AddCommand(runCommand(), devCommand(), demoCommand(), migrateCommand(), checkCommand(), readyCommand(), configCommand(), secretsCommand())
	for _, cmd := range root.Commands() {
		if cmd.RunE != nil {
			cmd.RunE = does(cmd.RunE)
		}
	}
	root.InitDefaultCompletionCmd()
	cli.Branch(root)
	return root
}

// toldToStop reports whether err is only the end of a program that was told to
// stop before it was ready: nothing was begun, and nothing is lost.
func toldToStop(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

// failure is an error of a command that was understood.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// misuse is a mistake in the command line that only the command could see.
type misuse struct{ error }

// does marks what a command itself returns.
func does(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		if err == nil || errors.As(err, new(misuse)) {
			return err
		}
		return failure{err}
	}
}

// loader loads the configuration of options now and at every reload.
func loader(options config.Options) app.Loader {
	return func(over config.Overrides) (*config.Config, *config.Origins, error) {
		options.Overrides = over
		return config.Load(options)
	}
}

// hangups are the signals that have the configuration loaded again.
func hangups() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals
}

// samePress is within what one press of Ctrl-C may arrive twice.
const samePress = 300 * time.Millisecond

// untilSignalled ends the context at the first SIGINT or SIGTERM, for an orderly
// stop. A second one ends the process at once: whoever sends it does not want to
// wait for what is still in flight. What comes within [samePress] is the first one
// again: a terminal signals the whole group, and make or a wrapper passes it on.
func untilSignalled() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		first := time.Now()
		cancel()
		for range signals {
			if time.Since(first) > samePress {
				os.Exit(exitFailed)
			}
		}
	}()
	return ctx, cancel
}
