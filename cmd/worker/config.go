package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/cli"
)

func configCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: "config", Short: "Look at the configuration, and change that of the whole fleet",
		Example: "  worker config explain providers.ses.rate\n  worker config push overrides.yaml"}
	explain := &cobra.Command{
		Use:     "explain KEY",
		Short:   "What a key means, what it may be, and where its value comes from",
		Example: "  worker config explain http.addr\n  worker config explain providers.ses.rate",
		Args:    cli.Arguments("KEY"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			// A configuration with mistakes is when one asks.
			cfg, origins, _ := config.Load(config.Options{File: file})
			text, err := config.Explain(args[0], cfg, origins)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), text)
			return nil
		}),
	}
	explain.Flags().StringVar(&file, "config", "", "configuration file instead of config/<env>.yaml")
	cmd.AddCommand(explain, pushCommand(), showCommand(), revertCommand())
	return cmd
}
