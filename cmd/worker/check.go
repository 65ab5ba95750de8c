package main

import (
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/app"
	"github.com/gangwon-portal/gangway/internal/cli"
)

func checkCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Validate the configuration and try every dependency and provider; changes nothing",
		Example: "  worker check\n  worker check --config /etc/gangway/production.yaml",
		Args:    cli.Arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := config.Load(config.Options{File: file, Run: true, DefaultEnv: config.Production})
			if err != nil {
				return err
			}
			t := table.NewWriter()
			t.SetStyle(table.StyleLight)
			t.AppendHeader(table.Row{"", "what", "answered after", "detail"})
			failed := 0
			err = app.Check(cmd.Context(), cfg, func(f app.Finding) {
				mark := "ok"
				if !f.OK {
					mark = "FAILED"
					failed++
				}
				t.AppendRow(table.Row{mark, f.What, f.Took.Round(time.Millisecond), f.Detail})
			})
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), t.Render())
			if failed > 0 {
				return fmt.Errorf("%d of the checks failed", failed)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file instead of config/<env>.yaml")
	return cmd
}
