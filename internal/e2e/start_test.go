package e2e

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// The servers come late, in either order of need, and go away later.
func TestServersThatComeLateAndGoAway(t *testing.T) {
	t.Parallel()
	server, pg := testkit.NATS(t), testkit.OwnPostgres(t)
	p := newPlaceOver(t, server, pg.URL())
	server.Stop()
	pg.Stop()
	worker := p.startWorker([]string{"--migrate"})
	waits := func(what string) {
		t.Helper()
		testkit.Eventually(t, patience, func() bool { return strings.Count(worker.Output(), what) >= 3 }, "the worker says %q again and again", what)
	}
	waits(`"waiting for Postgres"`)
	pg.Start()
	waits(`"waiting for NATS"`)
	server.Start()
	worker.WaitOutput(patience, `"worker is ready"`)
	p.allSent(p.mails(1))

	ids := p.whilePublishing(func(published func() int) {
		goesOn := func() {
			t.Helper()
			from := published()
			testkit.Eventually(t, patience, func() bool { return published() >= from+20 }, "commands are published again")
		}
		goesOn()
		pg.Kill()
		goesOn()
		pg.Start()
		goesOn()
		server.Stop()
		worker.WaitOutput(patience, `"connection to NATS lost; reconnecting"`)
		server.Start()
		worker.WaitOutput(patience, `"connection to NATS is back"`)
		goesOn()
	})
	p.pool.Reset()
	p.allSent(ids)
	p.settled()
	p.mail.once(t, ids)
}

// whilePublishing publishes commands one after the other, each until it is stored,
// while f runs, and returns their ids.
func (p *place) whilePublishing(f func(published func() int)) []string {
	p.t.Helper()
	js := p.jetstream()
	ctx, stop := context.WithCancel(p.t.Context())
	var mu sync.Mutex
	var ids []string
	var publishing sync.WaitGroup
	publishing.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			id := uuid.Must(uuid.NewV7()).String()
			for {
				try, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
				_, err := js.Publish(try, "email.send", []byte(mailBody("kim@example.kr")), jetstream.WithMsgID(id))
				cancel()
				if err == nil {
					break
				}
			}
			mu.Lock()
			ids = append(ids, id)
			mu.Unlock()
			<-tick.C
		}
	})
	f(func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(ids)
	})
	stop()
	publishing.Wait()
	return ids
}

func TestOldNATSIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	worker := p.startWorker(nil, "GANGWAY_NATS_URL="+testkit.NATS211(t))
	if code := worker.Wait(patience); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if want := "worker: NATS server 2.11.17 is too old: 2.12 or newer is required (scheduled messages)\n"; !strings.HasSuffix(worker.Output(), want) {
		t.Errorf("the worker says\n%swant\n%s", worker.Output(), want)
	}
}

func TestOldSchemaIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlaceOver(t, testkit.NATS(t), testkit.Postgres(t))
	worker := p.startWorker(nil)
	if code := worker.Wait(patience); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if want := "run `worker migrate up`, or start with --migrate"; !strings.Contains(worker.Output(), want) {
		t.Errorf("the worker says %q, want %q", worker.Output(), want)
	}
}

func TestMistakesOfTheConfigurationAreListed(t *testing.T) {
	t.Parallel()
	mistakes := map[string]string{
		"nats.url":                "", // required
		"postgres.url":            "",
		"pool.email.send":         "GANGWAY_POOL_EMAIL_SEND=none",
		"retry.email.send.max":    "GANGWAY_RETRY_EMAIL_SEND_MAX=7",
		"http.addr":               "GANGWAY_HTTP_ADDR=nowhere",
		"routes.email":            "GANGWAY_ROUTES_EMAIL=sendgird",
		"GANGWAY_NATS_URLS":       "GANGWAY_NATS_URLS=nats://127.0.0.1:4222",
		"providers.relay.timeout": "GANGWAY_PROVIDERS_RELAY_TIMEOUT=soon",
	}
	var env []string
	for _, variable := range mistakes {
		if variable != "" {
			env = append(env, variable)
		}
	}
	worker := testkit.Start(t, testkit.Program{Path: testkit.Build(t, "cmd/worker"), Args: []string{"run"}, Env: env, Dir: t.TempDir()})
	if code := worker.Wait(patience); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	for key := range mistakes {
		if !strings.Contains(worker.Output(), "\n  "+key) {
			t.Errorf("%s is not listed in:\n%s", key, worker.Output())
		}
	}
}

func TestMistakesOfTheCommandLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ program, args, says string }{
		{"worker", "run --fast", "--fast"},
		{"worker", "rnu", `"rnu"`},
		{"worker", "run now", `"now"`},
		{"worker", "dev now", `"now"`},
		{"worker", "migrate", "up, status, down"},
		{"worker", "migrate sideways", "up, status, down"},
		{"worker", "config", "say what to do: explain, push, revert, show"},
		{"worker", "config pull", `"pull" is not a command of worker config`},
		{"worker", "secrets seal", `"seal" is not a command of worker secrets`},
		{"worker", "config explain", "config explain: KEY is missing"},
		{"worker", "config push", "config push: FILE is missing"},
		{"worker", "config revert --to -7", "--to -7: allowed: a version from 0"},
		{"worker", "config show --output xml", `--output "xml": allowed: table, json`},
		{"worker", "secrets rotate", "secrets rotate: FILE is missing"},
		{"publisher", "email --too kim@example.kr", "--too"},
		{"publisher", "emial", `"emial"`},
		{"publisher", "send", "KIND is missing"},
		{"publisher", "send fax.send", `"fax.send"`},
		{"publisher", "email --to kim@example.kr --subject a --text b", "nats.url is not set"},
		{"publisher", "list --config /nowhere.yaml", `configuration: 1 problem: GANGWAY_CONFIG "/nowhere.yaml": file /nowhere.yaml: no such file`},
	} {
		t.Run(tt.program+" "+tt.args, func(t *testing.T) {
			process := testkit.Start(t, testkit.Program{
				Path: testkit.Build(t, "cmd/"+tt.program), Args: strings.Fields(tt.args), Dir: t.TempDir(),
			})
			if code := process.Wait(patience); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			if process.Stdout() != "" || !strings.Contains(process.Output(), tt.says) || strings.Count(process.Output(), "\n") != 1 {
				t.Errorf("it says %q, want one line on standard error with %q", process.Output(), tt.says)
			}
		})
	}
}

// A person is told soon that nobody answers.
func TestPublisherWithoutServers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mute.Close() }()
	for _, tt := range []struct {
		args string
		says string
	}{
		{"email --to kim@example.kr --subject a --text b --nats-url nats://127.0.0.1:1",
			"publisher: nats://127.0.0.1:1 does not answer (nats: no servers available for connection): is the server running, is nats.url right?\n"},
		{"status order-42 --postgres-url postgres://kim:secret@127.0.0.1:1/gangway",
			"publisher: postgres://kim:[redacted]@127.0.0.1:1/gangway does not answer: is the server running, is postgres.url right?\n"},
		{"email --to kim@example.kr --subject a --text b --nats-url nats://" + mute.Addr().String(), ": i/o timeout): is the server running, is nats.url right?\n"},
		{"status order-42 --postgres-url postgres://kim:secret@" + mute.Addr().String() + "/gangway",
			"publisher: postgres://kim:[redacted]@" + mute.Addr().String() + "/gangway does not answer: is the server running, is postgres.url right?\n"},
		{"email --to kim@example.kr --subject a --text b --nats-url http://" + mute.Addr().String(),
			"publisher: broker: connect: NATS URL 1 of 1 is not a URL such as nats://host:4222\n"},
	} {
		if failed := p.publisher(nil, strings.Fields(tt.args)...); failed.code != 1 || !strings.HasSuffix(failed.all, tt.says) || strings.Count(failed.all, "\n") != 1 {
			t.Errorf("exit code %d, it says\n%swant\n%s", failed.code, failed.all, tt.says)
		}
	}
}
