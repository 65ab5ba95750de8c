package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// Finding is what `worker check` found out about one thing.
type Finding struct {
	What string
	// Detail is a version, or why it does not work.
	Detail string
	OK     bool
	Took   time.Duration
}

// checkWait bounds each of the questions.
const checkWait = 15 * time.Second

// Check tries every dependency and every provider of a route, one after the
// other, and changes nothing. found is told of each as it comes.
func Check(ctx context.Context, cfg *config.Config, found func(Finding)) error {
	ask := func(what string, question func(context.Context) (string, error)) {
		ctx, cancel := context.WithTimeoutCause(ctx, checkWait, fmt.Errorf("no answer within %s", checkWait))
		defer cancel()
		started := time.Now()
		detail, err := question(ctx)
		if err != nil {
			detail = err.Error()
		}
		found(Finding{What: what, Detail: detail, OK: err == nil, Took: time.Since(started)})
	}
	ask("NATS", func(ctx context.Context) (string, error) { return checkNATS(ctx, cfg) })
	ask("Postgres", func(ctx context.Context) (string, error) { return checkPostgres(ctx, cfg) })

	var sim *simulator.Simulator
	if mocked(&cfg.Live) {
		var err error
		if sim, err = simulator.Start(simulator.Options{}); err != nil {
			return err
		}
		defer func() { _ = sim.Close() }()
	}
	routes, err := BuildRoutes(&cfg.Live, sim, providers.GuardOptions{})
	if err != nil {
		return err
	}
	for _, checker := range routes.Checks() {
		ask("provider "+checker.Name(), func(ctx context.Context) (string, error) {
			return cfg.Providers[checker.Name()].Mode, checker.Check(ctx)
		})
	}
	return errors.Join(routes.Close(), checkMailboxes(&cfg.Live, sim, ask))
}

// checkMailboxes logs in to every mailbox that bounces come back to.
func checkMailboxes(cfg *config.Live, sim *simulator.Simulator, ask func(string, func(context.Context) (string, error))) error {
	for _, name := range slices.Sorted(maps.Keys(cfg.Providers)) {
		p := cfg.Providers[name]
		mailbox, closer, err := drivers{simulator: sim}.mailbox(p)
		if err != nil {
			return err
		}
		if mailbox.Host != "" {
			ask("bounces "+name, func(ctx context.Context) (string, error) { return p.Mode, mailbox.Check(ctx) })
		}
		if closer != nil {
			closer()
		}
	}
	return nil
}

func checkNATS(ctx context.Context, cfg *config.Config) (string, error) {
	ctx, refused := context.WithCancelCause(ctx)
	defer refused(nil)
	options := connectOptions(&cfg.Static, zap.NewNop())
	options.Name = "gangway check"
	options.OnWaiting = func(urls string, err error, _ time.Duration) { refused(fmt.Errorf("%s: %w", urls, err)) }
	conn, err := broker.Connect(ctx, options)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	info, err := conn.JetStream().AccountInfo(ctx)
	if err != nil {
		return "", fmt.Errorf("JetStream: %w", err)
	}
	return fmt.Sprintf("%s, %d streams", conn.ServerVersion(), info.Streams), nil
}

func checkPostgres(ctx context.Context, cfg *config.Config) (string, error) {
	ctx, refused := context.WithCancelCause(ctx)
	defer refused(nil)
	pool, err := postgres.Connect(ctx, cfg.Static.Postgres.URL.Reveal(), 2, func(err error) { refused(err) })
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return "", cause
		}
		return "", err
	}
	defer pool.Close()
	var version string
	if err := pool.QueryRow(ctx, `SHOW server_version`).Scan(&version); err != nil {
		return "", err
	}
	migrator, err := postgres.Migrator(pool)
	if err != nil {
		return "", err
	}
	// Status only reads; asking for what is pending would create the version table.
	statuses, err := migrator.Status(ctx)
	if err != nil {
		return "", fmt.Errorf("%s, but the schema cannot be read: %w", version, err)
	}
	for _, s := range statuses {
		if s.AppliedAt.IsZero() {
			return "", fmt.Errorf("%s, but the schema is older than this worker: run `worker migrate up`", version)
		}
	}
	if err := postgres.CheckSchema(ctx, pool); err != nil {
		return "", fmt.Errorf("%s, but %w", version, err)
	}
	return version + ", schema is current", nil
}
