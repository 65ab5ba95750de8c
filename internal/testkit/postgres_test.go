package testkit

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestPostgresIsFreshForEachTest(t *testing.T) {
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, Postgres(t))
			if _, err := conn.Exec(t.Context(), "CREATE TABLE only_mine (n int)"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestPostgresFromPreparesOnce(t *testing.T) {
	var prepared atomic.Int32
	name := rand.Text() // another one when the test runs again
	prepare := func(ctx context.Context, url string) error {
		prepared.Add(1)
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "CREATE TABLE prepared AS SELECT 1 AS n")
		return err
	}
	t.Run("copies", func(t *testing.T) {
		for _, copied := range []string{"first", "second"} {
			t.Run(copied, func(t *testing.T) {
				t.Parallel()
				conn := dial(t, PostgresFrom(t, name, prepare))
				if tag, err := conn.Exec(t.Context(), "DELETE FROM prepared"); err != nil || tag.RowsAffected() != 1 {
					t.Errorf("%d rows, %v", tag.RowsAffected(), err)
				}
			})
		}
	})
	if got := prepared.Load(); got != 1 {
		t.Errorf("prepared %d times", got)
	}
}

func TestPostgresMigrated(t *testing.T) {
	migrations := fstest.MapFS{
		"00001_one.sql": {Data: []byte("-- +goose Up\nCREATE TABLE one (n int);\n-- +goose Down\nDROP TABLE one;\n")},
	}
	one := dial(t, PostgresMigrated(t, migrations))
	if _, err := one.Exec(t.Context(), "INSERT INTO one VALUES (1)"); err != nil {
		t.Error(err)
	}
	migrations["00002_two.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE one ADD two int;\n-- +goose Down\nALTER TABLE one DROP two;\n")}
	two := dial(t, PostgresMigrated(t, migrations))
	if _, err := two.Exec(t.Context(), "INSERT INTO one VALUES (1, 2)"); err != nil {
		t.Errorf("other migrations, same template: %v", err)
	}
}

func TestOwnPostgresGoesAndComesBack(t *testing.T) {
	server := OwnPostgres(t)
	url := server.URL()
	if _, err := dial(t, url).Exec(t.Context(), "CREATE TABLE kept (n int)"); err != nil {
		t.Fatal(err)
	}
	for _, end := range []func(){server.Stop, server.Kill} {
		end()
		if _, err := pgx.Connect(t.Context(), url); err == nil {
			t.Fatal("the server still answers")
		}
		server.Start()
		if server.URL() != url {
			t.Error("another URL after the restart")
		}
		if _, err := dial(t, url).Exec(t.Context(), "INSERT INTO kept VALUES (1)"); err != nil {
			t.Error(err)
		}
	}
}

func dial(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		conn.Close(ctx)
	})
	return conn
}
