package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/app"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "migrate up|status|down",
		Short:     "Apply migrations, show them, or take the last one back",
		Long:      "Apply migrations, show them, or take the last one back. Waits up to a minute for Postgres.",
		Example:   "  GANGWAY_POSTGRES_URL=postgres://… worker migrate up",
		ValidArgs: []string{"up", "status", "down"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || (args[0] != "up" && args[0] != "status" && args[0] != "down") {
				return errors.New("migrate takes one of up, status, down")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, _, err := config.Load(config.Options{Require: []string{"postgres.url"}})
			if err != nil {
				return err
			}
			steps, err := app.Migrate(cmd.Context(), cfg, args[0], func(err error) {
				fmt.Fprintf(cmd.ErrOrStderr(), "a table is in use; trying again: %v\n", err)
			})
			for _, s := range steps {
				applied := "pending"
				if !s.AppliedAt.IsZero() {
					applied = "applied " + s.AppliedAt.Format(time.RFC3339)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%05d  %-28s %s\n", s.Version, s.Name, applied)
			}
			return err
		},
	}
}
