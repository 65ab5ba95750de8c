package main

import (
	"fmt"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/app"
	"github.com/gangwon-portal/gangway/internal/cli"
)

func devCommand() *cobra.Command {
	var dir string
	var ephemeral bool
	cmd := &cobra.Command{
		Use:     "dev",
		Short:   "Run everything on this machine: NATS, Postgres, the simulator and a worker",
		Example: "  worker dev\n  worker dev --data-dir /var/tmp/gangway\n  worker dev --ephemeral",
		Args:    cli.Arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := devOptions(cmd)
			if err != nil {
				return err
			}
			if o.DataDir = dir; ephemeral {
				o.DataDir = ""
			}
			o.Ready = func(stack app.Stack) {
				o.Say("")
				for _, line := range stack.DevURLs() {
					o.Say("  %s", line)
				}
				o.Say("\nready; publish with: bin/publisher email --to kim@example.kr --subject 안녕 --text 본문\n")
			}
			err = app.RunDev(cmd.Context(), o)
			if toldToStop(cmd.Context(), err) {
				return nil
			}
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "data-dir", ".gangway", "where the data are kept")
	cmd.Flags().BoolVar(&ephemeral, "ephemeral", false, "keep nothing: use a temporary directory")
	return cmd
}

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "demo",
		Short:   "Show the whole product: publish samples and print how each ends",
		Example: "  worker demo",
		Args:    cli.Arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := devOptions(cmd)
			if err != nil {
				return err
			}
			// The table is what the demo is about; the log would drown it.
			if err := o.Telemetry.SetLevel("error"); err != nil {
				return err
			}
			out, ok := cmd.OutOrStdout().(*os.File)
			return app.RunDemo(cmd.Context(), o, cmd.OutOrStdout(), ok && isatty.IsTerminal(out.Fd()))
		},
	}
}

func devOptions(cmd *cobra.Command) (app.DevOptions, error) {
	load := loader(config.Options{DefaultEnv: config.Dev, Defaults: map[string]string{"mock": "true"}})
	cfg, origins, err := load(config.Overrides{})
	if err != nil {
		return app.DevOptions{}, err
	}
	shown, err := app.NewTelemetry(cfg, cmd.ErrOrStderr())
	if err != nil {
		return app.DevOptions{}, err
	}
	say := func(format string, args ...any) { fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...) }
	return app.DevOptions{Config: cfg, Origins: origins, Telemetry: shown, Reload: load, Say: say}, nil
}
