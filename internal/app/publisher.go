package app

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/telemetry"
)

// PublisherBackends says what stands behind the commands of the program
// publisher. Connections are opened by the first command that needs them.
func PublisherBackends() cli.Backends {
	c := new(connections)
	return cli.Backends{
		Bus:          c.bus,
		Outbox:       c.outbox,
		Deliveries:   c.deliveries,
		DeadLetters:  operating(c, func(o *postgres.Operator) cli.DeadLetters { return letters{o} }),
		Unknowns:     operating(c, func(o *postgres.Operator) cli.Unknowns { return unknowns{o} }),
		Manual:       c.bus,
		Cache:        c.cache,
		Suppressions: c.suppressions,
		Providers:    c.providers,
		Webhooks:     c.webhooks,
		Stats:        operating(c, func(o *postgres.Operator) cli.Stats { return callStats{o.Reader} }),
		Alerts:       operating(c, func(o *postgres.Operator) cli.Alerts { return cliAlerts{o} }),
		Audit:        operating(c, func(o *postgres.Operator) cli.Audit { return auditLog{o} }),
		Eraser:       c.eraser,
		Templates:    c.templates,
		Close:        c.close,
	}
}

// connections are what one run of the publisher has opened.
type connections struct {
	cfg       *config.Config
	pool      *pgxpool.Pool
	conn      *broker.Conn
	publisher *broker.Publisher
	tracing   *telemetry.Tracing
	control   providerControl // its fleet is nil until it is opened
}

func (c *connections) bus(ctx context.Context, s cli.Settings) (cli.Bus, error) {
	publisher, err := c.nats(ctx, s)
	if err != nil {
		return nil, err
	}
	if c.tracing == nil {
		c.tracing, err = telemetry.NewTracing(ctx, c.cfg.Traces, Version(), func(err error) {
			fmt.Fprintln(os.Stderr, "publisher: traces are not exported:", err)
		})
	}
	return natsBus{publisher, c.tracing}, err
}

func (c *connections) outbox(ctx context.Context, s cli.Settings) (cli.Bus, error) {
	pool, err := c.postgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return outboxBus{pool}, nil
}

func (c *connections) deliveries(ctx context.Context, s cli.Settings) (cli.Deliveries, error) {
	pool, err := c.postgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return deliveries{postgres.NewReader(pool)}, nil
}

func (c *connections) webhooks(ctx context.Context, s cli.Settings) (cli.Webhooks, error) {
	pool, err := c.postgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return postgres.NewSubscribers(pool), nil
}

// operating opens a backend over the operator's statements.
func operating[B any](c *connections, of func(*postgres.Operator) B) cli.Open[B] {
	return func(ctx context.Context, s cli.Settings) (none B, err error) {
		pool, err := c.postgres(ctx, s)
		if err != nil {
			return none, err
		}
		operator, err := c.sealed(pool)
		if err != nil {
			return none, err
		}
		return of(operator), nil
	}
}

func (c *connections) nats(ctx context.Context, s cli.Settings) (*broker.Publisher, error) {
	if c.publisher != nil {
		return c.publisher, nil
	}
	endpoints, err := c.endpoints(s)
	if err != nil {
		return nil, err
	}
	url, err := endpoints.NATS()
	if err != nil {
		return nil, err
	}
	cfg := c.cfg.Static
	cfg.NATS.URL = config.NewDSN(url)
	options := connectOptions(&cfg, zap.NewNop())
	options.Name = "gangway publisher"
	if c.conn, err = dialNATS(ctx, options); err != nil {
		return nil, err
	}
	c.publisher, err = broker.NewPublisher(c.conn, broker.PublisherOptions{})
	return c.publisher, err
}

func (c *connections) postgres(ctx context.Context, s cli.Settings) (*pgxpool.Pool, error) {
	if c.pool != nil {
		return c.pool, nil
	}
	endpoints, err := c.endpoints(s)
	if err != nil {
		return nil, err
	}
	url, err := endpoints.Postgres()
	if err != nil {
		return nil, err
	}
	c.pool, err = dialPostgres(ctx, url, 4, mostDialled, dialWithin)
	return c.pool, err
}

// endpoints joins the command line, the environment, the configuration file and
// a running development stack.
func (c *connections) endpoints(s cli.Settings) (cli.Endpoints, error) {
	if c.cfg == nil {
		cfg, _, err := config.Load(config.Options{File: s.ConfigFile, DefaultEnv: config.Dev})
		if err != nil {
			// A line a problem elsewhere; here all of them are one.
			title, problems, _ := strings.Cut(err.Error(), "\n  ")
			return cli.Endpoints{}, fault.New(fault.Invalid, "settings", "%s: %s", title, strings.ReplaceAll(problems, "\n  ", "; "))
		}
		c.cfg = cfg
	}
	return s.Resolve(cli.Endpoints{
		NATSURL: c.cfg.NATS.URL.Reveal(), PostgresURL: c.cfg.Static.Postgres.URL.Reveal(), HTTPAddr: c.cfg.Static.HTTP.Addr,
		AdminAddr: c.cfg.Static.Admin.Addr, AdminToken: c.cfg.Live.Admin.Token.Reveal(),
	}), nil
}

func (c *connections) close() error {
	c.tracing.Close()
	if c.control.fleet != nil {
		c.control.fleet.Stop()
	}
	if c.pool != nil {
		c.pool.Close()
	}
	if c.conn == nil {
		return nil
	}
	defer c.conn.Close()
	if c.publisher == nil {
		return nil
	}
	if err := c.publisher.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
