// Command publisher publishes commands and shows what became of them. See
// `publisher --help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/gangwon-portal/gangway/internal/app"
	"github.com/gangwon-portal/gangway/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, app.PublisherBackends())
	stop()
	os.Exit(code)
}
