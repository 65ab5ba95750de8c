package testkit

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx" for goose
	"github.com/pressly/goose/v3"

	"github.com/gangwon-portal/gangway/internal/devstack"
)

// Prepare fills a database, once, before tests get copies of it.
type Prepare func(ctx context.Context, url string) error

// Postgres returns the URL of a new, empty database, which is dropped when the
// test ends. All tests of a binary share one server.
func Postgres(t testing.TB) string {
	t.Helper()
	return sharedDatabases(t).create(t, "template1")
}

// PostgresFrom returns the URL of a new copy of the database that prepare made.
// It runs once for each name.
func PostgresFrom(t testing.TB, name string, prepare Prepare) string {
	t.Helper()
	d := sharedDatabases(t)
	return d.create(t, d.template(t, name, prepare))
}

// PostgresMigrated returns the URL of a new database with the goose migrations
// in fsys applied.
func PostgresMigrated(t testing.TB, fsys fs.FS) string {
	t.Helper()
	name, err := digest(fsys)
	if err != nil {
		t.Fatalf("testkit: migrations: %v", err)
	}
	return PostgresFrom(t, name, func(ctx context.Context, url string) error { return migrate(ctx, url, fsys) })
}

// PostgresServer is a server for one test alone, to be stopped, killed and
// started again on the same port with the same data.
type PostgresServer struct {
	t    testing.TB
	dir  *devstack.Dir
	port int
	pg   *devstack.Postgres
}

// OwnPostgres starts a server for this test alone. Prefer [Postgres], which
// costs a fiftieth, where the server need not go away.
func OwnPostgres(t testing.TB) *PostgresServer {
	t.Helper()
	dir, err := devstack.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	s := &PostgresServer{t: t, dir: dir, port: devstack.AnyPort}
	t.Cleanup(func() {
		s.Stop()
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	})
	s.Start()
	s.port, _ = s.pg.Port()
	return s
}

// URL is what a client connects to, the same after a new start.
func (s *PostgresServer) URL() string { return s.pg.URL() }

// Start starts the server again after Stop or Kill.
func (s *PostgresServer) Start() {
	s.t.Helper()
	pg, err := devstack.StartPostgres(context.Background(), s.dir, devstack.PostgresOptions{Port: s.port, Fast: true})
	if err != nil {
		s.t.Fatal(err)
	}
	s.pg = pg
}

// Stop shuts the server down in order.
func (s *PostgresServer) Stop() {
	s.t.Helper()
	if s.pg == nil {
		return
	}
	if err := s.pg.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// Kill ends the server as a crash would.
func (s *PostgresServer) Kill() {
	s.t.Helper()
	if err := s.pg.Kill(); err != nil {
		s.t.Fatal(err)
	}
}

// databases makes databases on the shared server.
type databases struct {
	pg *devstack.Postgres

	mu        sync.Mutex // one connection, and a copy needs its template for itself
	admin     *pgx.Conn
	made      int
	templates map[string]string
}

func sharedDatabases(t testing.TB) *databases {
	t.Helper()
	suite.Lock()
	defer suite.Unlock()
	if suite.databases == nil {
		pg, err := devstack.StartPostgres(context.Background(), sharedDir(t), devstack.PostgresOptions{Port: devstack.AnyPort, Fast: true})
		if err != nil {
			t.Fatal(err)
		}
		admin, err := pgx.Connect(context.Background(), pg.URL())
		if err != nil {
			t.Fatalf("testkit: %v", errors.Join(err, pg.Close()))
		}
		suite.databases = &databases{pg: pg, admin: admin, templates: map[string]string{}}
	}
	return suite.databases
}

// create makes a database and returns its URL.
func (d *databases) create(t testing.TB, template string) string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	name, err := d.copy(template)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	t.Cleanup(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if err := d.exec("DROP DATABASE %s WITH (FORCE)", name); err != nil {
			t.Errorf("testkit: %v", err)
		}
	})
	return d.url(name)
}

// template returns the name of the prepared database.
func (d *databases) template(t testing.TB, name string, prepare Prepare) string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if made, ok := d.templates[name]; ok {
		return made
	}
	made, err := d.copy("template1")
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = prepare(ctx, d.url(made))
	}
	if err != nil {
		t.Fatalf("testkit: database %q: %v", name, err)
	}
	d.templates[name] = made
	return made
}

func (d *databases) copy(template string) (string, error) {
	d.made++
	name := fmt.Sprintf("test_%d", d.made)
	return name, d.exec("CREATE DATABASE %s TEMPLATE %s", name, template)
}

func (d *databases) exec(format string, names ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := d.admin.Exec(ctx, fmt.Sprintf(format, names...))
	return err
}

func (d *databases) url(name string) string {
	u, err := url.Parse(d.pg.URL())
	if err != nil {
		panic(err) // we built it
	}
	u.Path = "/" + name
	return u.String()
}

func (d *databases) close() error {
	if d == nil {
		return nil
	}
	return errors.Join(d.admin.Close(context.Background()), d.pg.Close())
}

func migrate(ctx context.Context, url string, fsys fs.FS) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, fsys)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// digest names a set of files by what they contain.
func digest(fsys fs.FS) (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(fsys, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(fsys, path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(content), content)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)), err
}
