package main

import (
	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/app"
	"github.com/gangwon-portal/gangway/internal/cli"
)

func runCommand() *cobra.Command {
	var file string
	var migrate bool
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Run a worker over an existing NATS and Postgres",
		Example: "  GANGWAY_NATS_URL=nats://bus:4222 GANGWAY_POSTGRES_URL_FILE=/run/secrets/pg worker run --migrate",
		Args:    cli.Arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			hangups := hangups() // from now on one ends nothing any more
			load := loader(config.Options{File: file, Run: true, DefaultEnv: config.Production})
			cfg, origins, err := load(config.Overrides{})
			if err != nil {
				return err
			}
			shown, err := app.NewTelemetry(cfg, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			err = app.RunWorker(cmd.Context(), app.WorkerOptions{
				Config: cfg, Origins: origins, Telemetry: shown, Migrate: migrate, Reload: load, Hangups: hangups,
			})
			if toldToStop(cmd.Context(), err) {
				return nil
			}
			return err
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file instead of config/<env>.yaml")
	cmd.Flags().BoolVar(&migrate, "migrate", false, "apply migrations first")
	return cmd
}
