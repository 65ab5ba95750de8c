package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/server"
	"github.com/gangwon-portal/gangway/outbox"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// WorkerOptions say how to run a worker.
type WorkerOptions struct {
	Config    *config.Config
	Telemetry *Telemetry
	// Origins say where the configuration's values come from; nil when not known.
	Origins *config.Origins
	// Reload reads the configuration again when a file changes, Hangups has a signal,
	// or the API asks for it. nil for a configuration that stays.
	Reload  Loader
	Hangups <-chan os.Signal
	// Migrate applies migrations before anything else.
	Migrate bool
	// FreePorts lets a listener take a free port when its own is taken.
	FreePorts bool
	// Simulator serves mocked providers; one is started when it is nil and needed.
	Simulator *simulator.Simulator
	// Ready is told once commands are consumed; nil for nobody.
	Ready func(Running)
}

// Running is what a ready worker offers.
type Running struct {
	Worker              uuid.UUID
	HTTPAddr, AdminAddr string
	Simulator           *simulator.Simulator
	// Busy lists the addresses that were taken and what was taken instead.
	Moved []string
}

// RunWorker runs a worker until ctx ends, then stops in the order that loses
// nothing and returns. It waits, with backoff, for NATS and Postgres.
func RunWorker(ctx context.Context, o WorkerOptions) (err error) {
	cfg, log := o.Config, o.Telemetry.Logger()
	TuneMemory()
	var stop closers
	defer func() { err = errors.Join(err, stop.close(log)) }()
	stop.push("traces", func() error { o.Telemetry.Tracing.Close(); return nil })

	pool, err := openPostgres(ctx, &cfg.Static, log, o.Migrate)
	if err != nil {
		return err
	}
	stop.push("postgres", func() error { pool.Close(); return nil })
	conn, err := openNATS(ctx, cfg, log)
	if err != nil {
		return err
	}
	stop.push("nats", func() error { conn.Close(); return nil })

	state, err := broker.OpenState(ctx, conn)
	if err != nil {
		return err
	}
	reloads := &reloader{load: o.Reload, telemetry: o.Telemetry, operator: newOperator(pool)}
	reloads.begin(ctx, &o, state)
	cfg = o.Config
	live, err := newLive(cfg, o.Origins)
	if err != nil {
		return err
	}
	mocking := &mocking{sim: o.Simulator, given: o.Simulator != nil, conn: conn, log: log}
	stop.push("simulator", mocking.close)
	sim, err := mocking.start(&cfg.Live)
	if err != nil {
		return err
	}
	if sim != nil {
		mocking.announce()
	}
	observer := newObserver(o.Telemetry)
	worker := uuid.Must(uuid.NewV7())
	// The store comes before the engine: the first command may be on its way to a
	// provider before the engine is handed to us.
	seals, err := newLetterSeals(&cfg.Live)
	if err != nil {
		return err
	}
	store := postgres.NewStore(pool, postgres.Options{Worker: worker, Sealer: seals, Log: log})
	stop.push("store", func() error { store.Close(); return nil })
	fleet := joinFleet(ctx, &cfg.Static, state, worker.String(), o.Telemetry)
	stop.push("fleet", func() error { fleet.Stop(); return nil })
	routes, err := BuildRoutes(&cfg.Live, sim, providers.GuardOptions{
		Fleet:    fleet.Fleet,
		Observer: observer, Redact: o.Telemetry.kept, LeaseLeft: store.LeaseLeft,
	})
	if err != nil {
		return err
	}
	stop.push("providers", routes.Close)

	folder, err := startTemplates(ctx, cfg.Templates.Dir, log)
	if err != nil {
		return err
	}
	stop.push("templates", folder.close)
	suppressions := postgres.NewSuppressions(pool)
	stop.push("suppressions", func() error { suppressions.Close(); return nil })

	looking, err := newLookups(live, routes, newOperator(pool), conn, o.Telemetry)
	if err != nil {
		return err
	}
	stop.push("cache", func() error { looking.cache.Close(); return nil })

	reporting, err := newWebhooks(&cfg.Live, sim, pool, observer)
	if err != nil {
		return err
	}
	stop.push("webhooks", reporting.close)

	counting := newBackground(ctx) // ends after the engine: the last commands count too
	stop.push("statistics", counting.stop)
	counting.start("statistics", keepFigures(o.Telemetry.Stats, pool, worker, log))
	parts := messageParts(live, folder.Set, suppressions, conn)
	parts.Now = store.Now // the quiet hours begin at one time for all
	engine, err := StartEngine(ctx, EngineOptions{
		Worker: worker, Version: Version(), Conn: conn, Pool: pool, Store: store, Seals: seals, Log: log, Observer: observer, Tracing: o.Telemetry.Tracing,
		Handlers: reporting.handle(looking.handle(
			Handlers(routes, parts, newOperator(pool), conn)), looking.cache),
		Retry: live.retry, InFlight: func(kind string) int { return cfg.Pool[kind] },
		Lease: cfg.Worker.Lease, Heartbeat: cfg.Worker.Heartbeat, Grace: cfg.Shutdown.Grace, Now: testClock(),
	})
	if err != nil {
		return err
	}
	stop.push("engine", engine.Stop)

	tasks := newBackground(ctx)
	stop.push("background tasks", tasks.stop)
	tasks.start("outbox relay", newRelay(pool, engine.Publisher(), seals, o.Telemetry).Run)
	tasks.start("gauges", gauges{conn, postgres.NewReader(pool), fleet.Fleet, o.Telemetry.Metrics, log}.watch)
	tasks.start("cache watch", looking.cache.Watch)
	tasks.start("closed routes", fleet.guardRoutes(routes, engine.Subscriber(), log))
	singletons := NewSingletons(fleet.state, worker.String(), cfg.Worker.LeaderLease, log)
	upkeep{live: live, worker: cfg.Worker, conn: conn, pool: pool, engine: engine, log: log}.start(tasks, singletons)
	reporting.start(tasks, singletons, live, engine.Publisher())
	pusher := newPusher(&cfg.Live, conn, pool, log)
	tasks.start("webhooks out", func(ctx context.Context) error { return singletons.Lead(ctx, "webhooks-out", pusher.Run) })

	checks := &checkup{fleet: fleet, live: live, routes: routes, pool: pool, outlet: broker.NewOutlet(conn, engine.Publisher()), log: log,
		mailboxes: reporting.mailboxes}
	alarms := newAlarm(live, conn, fleet.Fleet, pool, log)
	tasks.start("alerts", func(ctx context.Context) error { return singletons.Lead(ctx, "alerts", alarms.run) })
	tasks.start("health", func(ctx context.Context) error { return singletons.Lead(ctx, "health", checks.run) })

	reloads.live, reloads.fleet = live, fleet
	reloads.report(reloads.unfit)
	served := newEndpoints(pool, conn, o.Telemetry.Tracing)
	checks.serve(served.open, served.admin, looking.cache)
	served.admin.Handle("GET /metrics", o.Telemetry.Metrics.Handler())
	operated := adminParts{
		live: live, reload: reloads.byCaller, pool: pool, conn: conn, fleet: fleet.Fleet, publisher: engine.Publisher(), looking: looking,
		simulator: sim, mask: o.Telemetry.Redactor.Mask, seals: seals, log: log,
	}
	office := newLiveAPI(operated, suppressions)
	served.admin.Handle("/api/v1/", office)
	served.admin.Handle("GET /dashboard/live", operated.newDashboard())
	stopLookups, err := looking.serve(served.public, conn, sim)
	if err != nil {
		return err
	}
	stop.push("look-ups", stopLookups)
	reporting.serve(served.public, engine.Publisher())
	gate := api.NewGate(admitted(&cfg.Live))
	public, admin, err := served.listen(ctx, cfg, gate, o.FreePorts, log)
	if err != nil {
		return err
	}
	listening := newBackground(ctx)
	stop.push("listeners", listening.stop)
	listening.start("public listener", public.Run)
	listening.start("admin listener", admin.Run)
	reporting.announce(public.URL())
	reloads.parts = []part{
		{"telemetry", func(next *config.Live) (change, error) { return o.Telemetry.prepare(live.config(), next), nil }},
		{"mock mode", mocking.prepare},
		{"providers", func(next *config.Live) (change, error) { return routes.prepare(next, mocking.sim) }},
		{"templates", func(next *config.Live) (change, error) { return folder.prepare(next.Templates.Dir) }},
		{"webhooks", func(next *config.Live) (change, error) { return reporting.prepare(next, mocking.sim) }},
		{"look-ups", func(next *config.Live) (change, error) { return looking.prepare(next, mocking.sim) }},
		{"dead letters", seals.prepare},
		{"webhooks out", pushesFollow(pusher)},
		{"listeners", listenersFollow(public, gate)},
		{"API", func(*config.Live) (change, error) { return office.prepare(mocking.sim), nil }},
	}
	if o.Reload != nil {
		reloads.watch(tasks, o.Hangups)
	}
	log.Info("worker is ready", zap.Stringer("worker", worker), zap.String("http", public.Addr()), zap.String("admin", admin.Addr()))
	if o.Ready != nil {
		o.Ready(Running{
			Worker: worker, HTTPAddr: public.Addr(), AdminAddr: admin.Addr(), Simulator: sim,
			Moved: moved(&cfg.Static, public, admin),
		})
	}
	<-ctx.Done()
	log.Info("stopping: commands in flight finish first", zap.Duration("grace", cfg.Shutdown.Grace))
	return nil
}

func openPostgres(ctx context.Context, cfg *config.Static, log *zap.Logger, migrate bool) (*pgxpool.Pool, error) {
	pool, err := postgres.Connect(ctx, cfg.Postgres.URL.Reveal(), cfg.Postgres.MaxConns, func(err error) {
		log.Warn("waiting for Postgres", zap.Stringer("url", cfg.Postgres.URL), zap.Error(err))
	})
	if err != nil {
		return nil, err
	}
	if err := prepareSchema(ctx, pool, log, migrate); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// prepareSchema migrates when asked to and refuses to run on a schema that lacks
// what this worker writes, or that needs a newer worker.
func prepareSchema(ctx context.Context, pool *pgxpool.Pool, log *zap.Logger, migrate bool) error {
	if migrate {
		done, err := postgres.MigrateUp(ctx, pool, func(err error) {
			log.Warn("a migration waits until its table is free for a moment", zap.Error(err))
		})
		for _, m := range done {
			log.Info("migration applied", zap.Int64("version", m.Source.Version), zap.Duration("took", m.Duration))
		}
		if err != nil {
			return fmt.Errorf("app: migrate: %w", err)
		}
	}
	if err := postgres.CheckSchema(ctx, pool); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if _, err := pool.Exec(ctx, `SELECT gangway.ensure_partitions()`); err != nil && ctx.Err() == nil {
		// What has no month yet goes into the default partition.
		log.Warn("partitions not made ahead; it is tried again in an hour", zap.Error(err))
	}
	return ctx.Err()
}

func openNATS(ctx context.Context, cfg *config.Config, log *zap.Logger) (*broker.Conn, error) {
	conn, err := broker.Connect(ctx, connectOptions(&cfg.Static, log))
	if err != nil {
		return nil, err
	}
	err = broker.Provision(ctx, conn, broker.TopologyOptions{
		Replicas: cfg.NATS.Replicas, AckWait: cfg.Worker.AckWait, CommandsMaxBytes: cfg.NATS.MaxBytes,
		DeadLettersMaxAge: cfg.Retention.Deadletters, Log: log,
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func connectOptions(cfg *config.Static, log *zap.Logger) broker.ConnectOptions {
	return broker.ConnectOptions{
		URLs: list(cfg.NATS.URL.Reveal()), Name: "gangway", CredsFile: cfg.NATS.Creds,
		CAFile: cfg.NATS.TLS.CA, CertFile: cfg.NATS.TLS.Cert, KeyFile: cfg.NATS.TLS.Key, Log: log,
		OnWaiting: func(urls string, err error, pause time.Duration) {
			log.Warn("waiting for NATS", zap.String("url", urls), zap.Duration("pause", pause), zap.Error(err))
		},
		OnLost:     func(err error) { log.Warn("connection to NATS lost; reconnecting", zap.Error(err)) },
		OnRestored: func(url string) { log.Info("connection to NATS is back", zap.String("url", url)) },
	}
}

// newRelay returns the outbox relay of this worker.
func newRelay(pool *pgxpool.Pool, publisher *broker.Publisher, seals *letterSeals, t *Telemetry) *outbox.Relay {
	log := t.Logger()
	return outbox.NewRelay(pool, relayFailpoint(publishRows(publisher, seals)), outbox.RelayOptions{
		Relayed: func(rows int, took time.Duration) {
			log.Debug("outbox relayed", zap.Int("rows", rows), zap.Duration("took", took))
		},
		Waited: t.Metrics.OutboxRelay,
		Backlog: func(gone, left int) {
			if left == 0 {
				log.Info("outbox has caught up", zap.Int("rows", gone))
				return
			}
			log.Info("outbox catches up", zap.Int("rows", gone), zap.Int("left", left))
		},
		Trouble: func(err error) { log.Warn("outbox waits", zap.Error(err)) },
	})
}

// moved says which listeners did not get the address they asked for.
func moved(cfg *config.Static, public, admin *server.Server) (lines []string) {
	if public.Moved() {
		lines = append(lines, fmt.Sprintf("%s is taken; the public listener uses %s", cfg.HTTP.Addr, public.Addr()))
	}
	if admin.Moved() {
		lines = append(lines, fmt.Sprintf("%s is taken; the admin listener uses %s", cfg.Admin.Addr, admin.Addr()))
	}
	return lines
}

// closers end what was started, last first.
type closers struct {
	names []string
	funcs []func() error
}

func (c *closers) push(name string, f func() error) {
	c.names, c.funcs = append(c.names, name), append(c.funcs, f)
}

func (c *closers) close(log *zap.Logger) error {
	var errs []error
	for i := len(c.funcs) - 1; i >= 0; i-- {
		if err := c.funcs[i](); err != nil {
			log.Error("not stopped cleanly", zap.String("part", c.names[i]), zap.Error(err))
			errs = append(errs, fmt.Errorf("stop %s: %w", c.names[i], err))
		}
	}
	return errors.Join(errs...)
}
