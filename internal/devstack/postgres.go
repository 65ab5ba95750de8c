package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresOptions say how to run the server. The zero value is good.
type PostgresOptions struct {
	// Port on 127.0.0.1: 0 is 5432, or a free one when that is taken; [AnyPort]
	// a free one; any other exactly that one.
	Port int
	// Fast gives up what protects the data from a crash of the machine (not of
	// the server). For tests.
	Fast bool
	// Settings of the server by name, before ours.
	Settings map[string]string
	// Log takes what the programs print; nil for nothing.
	Log io.Writer
}

// Postgres is a running server with the database gangway, owned by its
// superuser of the same name.
type Postgres struct {
	child    *Child
	port     int
	usual    bool
	folder   string
	password string
	once     sync.Once
	err      error
}

const (
	postgresPort  = 5432
	superuser     = "gangway"
	database      = "gangway"
	postgresReady = time.Minute // a crash recovery may come first
)

// StartPostgres starts a server with its data under dir and returns when the
// database gangway takes connections. On the first start it makes the data.
func StartPostgres(ctx context.Context, dir *Dir, o PostgresOptions) (*Postgres, error) {
	pg, err := startPostgres(ctx, dir, o)
	if err != nil {
		return nil, fmt.Errorf("devstack: postgres: %w", err)
	}
	return pg, nil
}

func startPostgres(ctx context.Context, dir *Dir, o PostgresOptions) (*Postgres, error) {
	c, err := openCluster(ctx, dir, o.Log)
	if err != nil {
		return nil, err
	}
	password, err := c.password()
	if err != nil {
		return nil, err
	}
	if err := c.create(ctx, !o.Fast); err != nil {
		return nil, err
	}
	if err := c.reclaim(ctx); err != nil {
		return nil, err
	}
	pg, err := c.serve(ctx, password, o)
	if err != nil && o.Port == 0 && pg.usual && listenable(loopback, pg.port) != nil {
		o.Port = AnyPort // somebody took the usual one between our look and the server's
		pg, err = c.serve(ctx, password, o)
	}
	return pg, err
}

// serve starts the server. With an error that came after the choice of the port
// it still tells the port.
func (c *cluster) serve(ctx context.Context, password string, o PostgresOptions) (*Postgres, error) {
	port, err := choosePort(loopback, o.Port, postgresPort)
	if err != nil {
		return &Postgres{}, err
	}
	pg := &Postgres{port: port, usual: port == postgresPort, folder: c.folder, password: password}
	out := &output{log: o.Log}
	// SIGQUIT ends it at once; the next start recovers. A fast shutdown could
	// wait for ever, with nobody left to be impatient.
	pg.child, err = StartChild(c.command(c.bin.postgres, out, arguments(c.data(), port, o)...), syscall.SIGQUIT)
	if err != nil {
		return pg, err
	}
	if err := pg.ready(ctx); err != nil {
		if errors.Is(err, errExited) {
			err = fmt.Errorf("%w: %s", err, out.cause())
		}
		return pg, errors.Join(err, pg.Close())
	}
	return pg, nil
}

// URL is what a client connects to. It contains the password.
func (p *Postgres) URL() string { return p.url(database) }

// Port is the port in use, and whether it is the usual 5432.
func (p *Postgres) Port() (port int, usual bool) { return p.port, p.usual }

// Folder holds the data. It lies outside the data directory, and is linked from
// it, when we are root and the user that runs Postgres cannot get there.
func (p *Postgres) Folder() string { return p.folder }

// Exited is closed when the server is gone, for whatever reason.
func (p *Postgres) Exited() <-chan struct{} { return p.child.Exited() }

// Kill ends the server as a crash would.
func (p *Postgres) Kill() error {
	return p.child.Stop(10*time.Second, syscall.SIGQUIT, syscall.SIGKILL)
}

// Close shuts the server down: open transactions are rolled back, data are
// flushed. It returns when the process is gone.
func (p *Postgres) Close() error {
	p.once.Do(func() {
		p.err = p.child.Stop(10*time.Second, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL)
	})
	return p.err
}

func (p *Postgres) url(name string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, p.password),
		Host: loopback + ":" + strconv.Itoa(p.port), Path: "/" + name, RawQuery: "sslmode=disable",
	}
	return u.String()
}

var errExited = errors.New("the server ended while starting")

// ready waits until the server takes connections, and makes the database.
func (p *Postgres) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, postgresReady)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, p.url("postgres"))
		if err == nil {
			defer conn.Close(ctx)
			return ensureDatabase(ctx, conn)
		}
		select {
		case <-p.child.Exited():
			return errExited
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func ensureDatabase(ctx context.Context, conn *pgx.Conn) error {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&there); err != nil || there {
		return err
	}
	_, err := conn.Exec(ctx, "CREATE DATABASE "+database)
	return err
}

// arguments of the server. The command line wins over postgresql.conf and over
// ALTER SYSTEM, so that a start always listens where it says.
func arguments(data string, port int, o PostgresOptions) []string {
	settings := map[string]string{
		"max_connections": "200",
		"shared_buffers":  "64MB",
	}
	if o.Fast {
		// The operating system still has what a killed server wrote: tests that
		// kill the server see every commit, because synchronous_commit stays on.
		maps.Copy(settings, map[string]string{"fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB"})
	}
	maps.Copy(settings, o.Settings)
	maps.Copy(settings, map[string]string{
		"listen_addresses":        loopback,
		"port":                    strconv.Itoa(port),
		"unix_socket_directories": "", // no file outside the data directory
		"logging_collector":       "off",
		"log_destination":         "stderr",
	})
	args := []string{"-D", data}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}
