package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/devstack"
)

// DevOptions say how to run the whole product on this machine.
type DevOptions struct {
	Config    *config.Config
	Telemetry *Telemetry
	// Origins and Reload are those of [WorkerOptions]. A hang-up ends a development
	// stack: its terminal is gone.
	Origins *config.Origins
	Reload  Loader
	// DataDir keeps the data; "" means a temporary directory that is removed.
	DataDir string
	// Say receives one line for people about what is started and where.
	Say func(format string, args ...any)
	// Ready is told once commands are consumed.
	Ready func(Stack)
}

// Stack is a running development stack.
type Stack struct {
	cli.Endpoints
	Running Running
	DataDir string
}

// RunDev starts NATS and Postgres where the configuration names none, and a
// worker over them, until ctx ends. Nothing is left running; with a temporary
// directory nothing is left at all.
func RunDev(ctx context.Context, o DevOptions) (err error) {
	var stop closers
	defer func() { err = errors.Join(err, stop.close(o.Telemetry.Logger())) }()

	open := devstack.Ephemeral
	if o.DataDir != "" {
		open = func() (*devstack.Dir, error) { return devstack.Open(o.DataDir) }
	}
	dir, err := open()
	if err != nil {
		return err
	}
	stop.push("data directory", dir.Close)
	cfg := *o.Config
	if cfg.NATS.URL.IsZero() {
		server, err := devstack.StartNATS(ctx, dir, devstack.NATSOptions{Log: o.Telemetry.Logger()})
		if err != nil {
			return err
		}
		stop.push("embedded nats", func() error { server.Close(); return nil })
		if port, usual := server.Port(); !usual {
			o.Say("port 4222 is taken; NATS uses %d", port)
		}
		cfg.NATS.URL = config.NewDSN(server.URL())
	}
	if cfg.Static.Postgres.URL.IsZero() {
		o.Say("starting Postgres (the first start makes its data) …")
		server, err := devstack.StartPostgres(ctx, dir, devstack.PostgresOptions{Log: io.Discard})
		if err != nil {
			return err
		}
		stop.push("embedded postgres", server.Close)
		if port, usual := server.Port(); !usual {
			o.Say("port 5432 is taken; Postgres uses %d", port)
		}
		cfg.Static.Postgres.URL = config.NewDSN(server.URL())
	}
	if cfg.Live.Admin.Token.IsZero() {
		cfg.Live.Admin.Token = config.NewSecret(rand.Text())
	}
	var stopEnv error
	err = RunWorker(ctx, WorkerOptions{
		Config: &cfg, Telemetry: o.Telemetry, Migrate: true, FreePorts: true,
		Origins: o.Origins, Reload: o.loaded(&cfg),
		Ready: func(running Running) {
			stack := Stack{Running: running, DataDir: dir.Path(), Endpoints: cli.Endpoints{
				NATSURL: cfg.NATS.URL.Reveal(), PostgresURL: cfg.Static.Postgres.URL.Reveal(), HTTPAddr: running.HTTPAddr,
				AdminAddr: running.AdminAddr, AdminToken: cfg.Live.Admin.Token.Reveal(),
			}}
			for _, moved := range running.Moved {
				o.Say("%s", moved)
			}
			if stopEnv = cli.WriteDevEnv(dir.Path(), stack.Endpoints); stopEnv != nil {
				o.Say("%v", stopEnv)
			}
			if o.Ready != nil {
				o.Ready(stack)
			}
		},
	})
	return errors.Join(err, stopEnv, cli.RemoveDevEnv(dir.Path()))
}

// loaded loads the configuration again, with what was started for it.
func (o DevOptions) loaded(running *config.Config) Loader {
	if o.Reload == nil {
		return nil
	}
	return func(over config.Overrides) (*config.Config, *config.Origins, error) {
		cfg, origins, err := o.Reload(over)
		if cfg.NATS.URL.IsZero() {
			cfg.NATS.URL = running.NATS.URL
		}
		if cfg.Static.Postgres.URL.IsZero() {
			cfg.Static.Postgres.URL = running.Static.Postgres.URL
		}
		if cfg.Live.Admin.Token.IsZero() {
			cfg.Live.Admin.Token = running.Live.Admin.Token
		}
		return cfg, origins, err
	}
}

// DevURLs describes a stack for people, one line each.
func (s Stack) DevURLs() []string {
	return []string{
		fmt.Sprintf("NATS       %s", s.NATSURL),
		fmt.Sprintf("Postgres   %s", config.NewDSN(s.PostgresURL)),
		fmt.Sprintf("public     http://%s", s.HTTPAddr),
		fmt.Sprintf("dashboard  http://%s (its token stands in %s)", s.AdminAddr, filepath.Join(s.DataDir, "dev.env")),
		fmt.Sprintf("data       %s", s.DataDir),
	}
}
