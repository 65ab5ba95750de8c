package devstack_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/devstack"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestPostgresKeepsItsData(t *testing.T) {
	testkit.NoLeaks(t)
	dir := open(t)
	pg := startPostgres(t, dir, devstack.PostgresOptions{Port: devstack.AnyPort}) // as in production: with fsync
	if got := query(t, pg.URL(), "SHOW fsync"); got != "on" {
		t.Errorf("fsync is %s", got)
	}
	query(t, pg.URL(), "CREATE TABLE kept AS SELECT 'still here' AS word")
	query(t, pg.URL(), "ALTER SYSTEM SET listen_addresses = '*'") // must not open it to the network
	port, _ := pg.Port()
	url := pg.URL()
	stop(t, pg)
	stop(t, pg) // twice is harmless

	pg = startPostgres(t, dir, devstack.PostgresOptions{Port: port, Settings: map[string]string{"work_mem": "5MB"}})
	if pg.URL() != url {
		t.Error("the URL is another one after a restart")
	}
	for statement, want := range map[string]string{
		"SELECT word FROM kept":    "still here",
		"SHOW work_mem":            "5MB",
		"SHOW max_connections":     "200",
		"SHOW listen_addresses":    "127.0.0.1",
		"SHOW server_encoding":     "UTF8",
		"SELECT current_user":      "gangway",
		"SELECT lower('가ABC')":     "가abc",
		"SELECT length('김민수')":     "3",
		"SHOW password_encryption": "scram-sha-256",
	} {
		if got := query(t, pg.URL(), statement); got != want {
			t.Errorf("%s: %q, want %q", statement, got, want)
		}
	}
	wrong := strings.Replace(pg.URL(), "gangway:", "gangway:x", 1)
	if _, err := pgx.Connect(t.Context(), wrong); err == nil {
		t.Error("a wrong password is accepted")
	}
	if names, _ := filepath.Glob(filepath.Join(pg.Folder(), "*")); len(names) != 2 {
		t.Errorf("in the folder: %v, want data and password", names)
	}
}

func TestPostgresTakesAFreePortWhenTheUsualOneIsTaken(t *testing.T) {
	occupy(t, "127.0.0.1:5432")
	dir := open(t)
	pg := startPostgres(t, dir, devstack.PostgresOptions{Fast: true})
	if port, usual := pg.Port(); usual || port == 5432 {
		t.Errorf("port %d (usual: %v)", port, usual)
	}
	query(t, pg.URL(), "SELECT 1")
}

func TestPostgresStartsOverWhatACrashLeft(t *testing.T) {
	dir := open(t)
	fast := devstack.PostgresOptions{Port: devstack.AnyPort, Fast: true}
	pg := startPostgres(t, dir, fast)
	query(t, pg.URL(), "CREATE TABLE kept AS SELECT 'committed' AS word")

	for _, crash := range []struct {
		what string
		do   func(t *testing.T)
	}{
		{"a server that lost its owner", func(*testing.T) {}},
		{"a killed server", func(t *testing.T) {
			if err := pg.Kill(); err != nil {
				t.Fatal(err)
			}
		}},
		{"a pid file whose number another program has now", func(t *testing.T) {
			stop(t, pg)
			writePID(t, pg, startSleep(t))
		}},
		{"a pid file whose process is gone", func(t *testing.T) {
			stop(t, pg)
			writePID(t, pg, 1<<22+1) // above the highest number there is
		}},
	} {
		crash.do(t)
		next, err := devstack.StartPostgres(t.Context(), dir, fast)
		if err != nil {
			t.Fatalf("%s: %v", crash.what, err)
		}
		t.Cleanup(func() { next.Close() })
		awaitExit(t, pg)
		pg = next
		if got := query(t, pg.URL(), "SELECT word FROM kept"); got != "committed" {
			t.Errorf("%s: word %q", crash.what, got)
		}
	}
}

func TestPostgresSaysWhyItDoesNotStart(t *testing.T) {
	dir := open(t)
	var log bytes.Buffer
	o := devstack.PostgresOptions{Port: devstack.AnyPort, Fast: true, Log: &log, Settings: map[string]string{"shared_buffers": "much"}}
	_, err := devstack.StartPostgres(t.Context(), dir, o)
	if err == nil || !strings.Contains(err.Error(), `FATAL:  invalid value for parameter "shared_buffers": "much"`) {
		t.Errorf("error %v, want the server's reason", err)
	}
	if log.Len() == 0 {
		t.Error("nothing in the log")
	}

	if err := os.Remove(filepath.Join(dir.Path(), "postgres", "password")); err != nil {
		t.Fatal(err)
	}
	_, err = devstack.StartPostgres(t.Context(), dir, devstack.PostgresOptions{Port: devstack.AnyPort, Fast: true})
	if err == nil || !strings.Contains(err.Error(), "password of the data") || !strings.Contains(err.Error(), "remove the folder") {
		t.Errorf("error %v, want one about the password", err)
	}
}

func TestPostgresStartObeysItsContext(t *testing.T) {
	testkit.NoLeaks(t)
	dir := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // in the middle of initdb
	defer cancel()
	_, err := devstack.StartPostgres(ctx, dir, devstack.PostgresOptions{Port: devstack.AnyPort, Fast: true})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
	// What is left when initdb has no time to clean up.
	if err := os.MkdirAll(filepath.Join(dir.Path(), "postgres", "data.new", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	query(t, startPostgres(t, dir, devstack.PostgresOptions{Port: devstack.AnyPort, Fast: true}).URL(), "SELECT 1")
}

func startPostgres(t *testing.T, dir *devstack.Dir, o devstack.PostgresOptions) *devstack.Postgres {
	t.Helper()
	pg, err := devstack.StartPostgres(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pg.Close() })
	return pg
}

func stop(t *testing.T, pg *devstack.Postgres) {
	t.Helper()
	if err := pg.Close(); err != nil {
		t.Fatal(err)
	}
	awaitExit(t, pg)
}

func awaitExit(t *testing.T, pg *devstack.Postgres) {
	t.Helper()
	select {
	case <-pg.Exited():
	case <-time.After(10 * time.Second):
		t.Fatal("the server still runs")
	}
}

func writePID(t *testing.T, pg *devstack.Postgres, pid int) {
	t.Helper()
	file := filepath.Join(pg.Folder(), "data", "postmaster.pid")
	if err := os.WriteFile(file, []byte(strconv.Itoa(pid)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(pg.Folder())
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if err := os.Chown(file, int(owner.Uid), int(owner.Gid)); err != nil {
		t.Fatal(err)
	}
}

// startSleep starts a program that must be alive at the end of the test.
func startSleep(t *testing.T) (pid int) {
	t.Helper()
	sleep := testkit.Start(t, testkit.Program{Path: "/bin/sleep", Args: []string{"60"}})
	t.Cleanup(func() {
		if err := syscall.Kill(sleep.PID(), 0); err != nil {
			t.Errorf("the other program was ended: %v", err)
		}
	})
	return sleep.PID()
}

// query returns the first column of the first row, "" when there is none.
func query(t *testing.T, url, statement string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	words, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return strings.Join(words, " ")
}
