package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/app"
	"github.com/gangwon-portal/gangway/internal/cli"
)

// fleetFlags are those of the commands that speak to the whole fleet.
type fleetFlags struct{ file, by, note, output string }

func (f *fleetFlags) add(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&f.file, "config", "", "configuration file instead of config/<env>.yaml")
	cmd.Flags().StringVar(&f.output, "output", "table", "table or json")
	return cmd
}

func (f *fleetFlags) addActor(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&f.by, "by", "", "name for the audit log; else the user of this machine")
	cmd.Flags().StringVar(&f.note, "note", "", "text that says why, for the audit log")
	return f.add(cmd)
}

// open connects to the fleet of the configuration, which is loaded with overrides.
func (f *fleetFlags) open(ctx context.Context, over config.Overrides) (*app.FleetConfig, error) {
	if f.output != "table" && f.output != "json" {
		return nil, misuse{fmt.Errorf("--output %q: allowed: table, json", f.output)}
	}
	if f.by == "" {
		f.by = cli.UserName()
	}
	cfg, _, err := config.Load(config.Options{
		File: f.file, DefaultEnv: config.Production, Overrides: over, Require: []string{"nats.url", "postgres.url"},
	})
	if err != nil {
		return nil, err
	}
	return app.OpenFleetConfig(ctx, cfg)
}

// answerWait is how long the workers of a fleet may take to answer.
const answerWait = 15 * time.Second

// told shows how the workers answer to a version; an error when not all take it.
func (f *fleetFlags) told(cmd *cobra.Command, fleet *app.FleetConfig, now app.FleetOverrides) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), answerWait)
	defer cancel()
	workers := fleet.Await(ctx, now.Version)
	if err := f.show(cmd, now, workers); err != nil {
		return err
	}
	missing := 0
	for _, w := range workers {
		if inForce, _ := w.Has(now.Version); !inForce {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("version %d is not in force in %d of %d workers", now.Version, missing, len(workers))
	}
	return nil
}

func (f *fleetFlags) show(cmd *cobra.Command, now app.FleetOverrides, workers []app.WorkerConfig) error {
	out := cmd.OutOrStdout()
	if f.output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(struct {
			app.FleetOverrides
			Workers []app.WorkerConfig `json:"workers"`
		}{now, workers})
	}
	if now.Version == 0 {
		fmt.Fprintln(out, "nothing is overridden")
	} else {
		fmt.Fprintf(out, "version %d by %s, %s", now.Version, now.By, now.At.Format(time.RFC3339))
		if now.Note != "" {
			fmt.Fprintf(out, ": %s", now.Note)
		}
		fmt.Fprintln(out)
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"host", "pid", "configuration", "overrides", ""})
	for _, w := range workers {
		answer := w.Refused
		if inForce, refused := w.Has(now.Version); answer == "" && !inForce && !refused {
			answer = "has not answered yet"
		}
		t.AppendRow(table.Row{w.Host, w.PID, w.Config, w.Overrides, answer})
	}
	fmt.Fprintln(out, t.Render())
	return nil
}

func pushCommand() *cobra.Command {
	var f fleetFlags
	return f.addActor(&cobra.Command{
		Use:   "push FILE",
		Short: "Put a file of keys above the configuration of every worker, at once",
		Long: "The keys of the file stand above file and environment of every worker, until another push or a revert replaces\n" +
			"them all. Only keys that take effect without a restart may stand there. Every worker applies all of it, or nothing and says why.",
		Example: "  worker config push overrides.yaml --note \"ses is slow today\"",
		Args:    cli.Arguments("FILE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			// Validated here first, with the configuration that this machine has.
			fleet, err := f.open(cmd.Context(), config.Overrides{Text: string(text), File: args[0]})
			if err != nil {
				return err
			}
			defer fleet.Close()
			now, err := fleet.Push(cmd.Context(), string(text), f.by, f.note)
			if err != nil {
				return err
			}
			return f.told(cmd, fleet, now)
		}),
	})
}

func showCommand() *cobra.Command {
	var f fleetFlags
	version := -1
	cmd := f.add(&cobra.Command{
		Use:     "show",
		Short:   "Show what every worker was told by push, and which configuration each runs with",
		Example: "  worker config show\n  worker config show --version 3 --output json",
		Args:    cli.Arguments(),
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("version") && version < 0 {
				return misuse{fmt.Errorf("--version %d: allowed: a version from 0", version)}
			}
			fleet, err := f.open(cmd.Context(), config.Overrides{})
			if err != nil {
				return err
			}
			defer fleet.Close()
			shown, err := fleet.Current(cmd.Context())
			if err == nil && version >= 0 {
				shown, err = fleet.At(cmd.Context(), version)
			}
			if err != nil {
				return err
			}
			if err := f.show(cmd, shown, fleet.Workers()); err != nil || f.output == "json" {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), shown.Text)
			return nil
		}),
	})
	cmd.Flags().IntVar(&version, "version", -1, "an earlier version instead of the newest")
	return cmd
}

func revertCommand() *cobra.Command {
	var f fleetFlags
	version := -1
	cmd := f.addActor(&cobra.Command{
		Use:     "revert",
		Short:   "Go back to what every worker was told before, or to a version; 0 takes every override away",
		Example: "  worker config revert --note \"ses is back\"\n  worker config revert --to 0",
		Args:    cli.Arguments(),
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("to") && version < 0 {
				return misuse{fmt.Errorf("--to %d: allowed: a version from 0", version)}
			}
			fleet, err := f.open(cmd.Context(), config.Overrides{})
			if err != nil {
				return err
			}
			defer fleet.Close()
			before, err := fleet.Current(cmd.Context())
			if err != nil {
				return err
			}
			if before.Version == 0 {
				return fmt.Errorf("nothing was ever pushed")
			}
			if version < 0 {
				version = before.Version - 1
			}
			now, err := fleet.Revert(cmd.Context(), version, f.by, f.note)
			if err != nil {
				return err
			}
			return f.told(cmd, fleet, now)
		}),
	})
	cmd.Flags().IntVar(&version, "to", -1, "version to go back to; else the one before the newest")
	return cmd
}
