package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/cli"
)

// readyWithin bounds the question: whoever asks every few seconds wants an answer.
const readyWithin = 4 * time.Second

func readyCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "ready",
		Short: "Ask the worker on this machine whether it can work",
		Long: `Ask the worker of this machine (GET /readyz at admin.addr) whether it can work, and
exit 1 when it cannot: for the health checks of containers and of systemd.`,
		Example: "  worker ready\n  worker ready --config /etc/gangway/production.yaml",
		Args:    cli.Arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := config.Load(config.Options{File: file, DefaultEnv: config.Production})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), readyWithin)
			defer cancel()
			return askReady(ctx, cfg)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file instead of config/<env>.yaml")
	return cmd
}

// askReady asks over loopback wherever the listener listens on every address.
func askReady(ctx context.Context, cfg *config.Config) error {
	host, port, err := net.SplitHostPort(cfg.Static.Admin.Addr)
	if err != nil {
		return fmt.Errorf("admin.addr: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	// The certificate is for the name that others know the worker by; here it is
	// only asked whether it lives.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}} //nolint:gosec // nothing is sent
	if cfg.Static.Admin.TLS.Cert != "" {
		scheme = "https"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(response.Body, 1000))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New("not ready: " + strings.TrimSpace(string(said)))
	}
	return nil
}
