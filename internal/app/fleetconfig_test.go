package app

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestFleetConfig tells two workers at once: both take over what fits, one says why
// something does not, and all goes back. A worker that comes later begins with it.
func TestFleetConfig(t *testing.T) {
	o := newOffice(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	load := func(options config.Options) *config.Config {
		t.Helper()
		cfg, _, err := config.Load(options)
		o.check(err)
		return cfg
	}
	options := config.Options{Env: config.Dev, Dir: t.TempDir(), Defaults: map[string]string{"mock": "true"}, Environ: []string{
		"GANGWAY_NATS_URL=" + o.nats.URL(), "GANGWAY_POSTGRES_URL=" + o.postgresURL, "GANGWAY_HTTP_ADDR=127.0.0.1:0", "GANGWAY_ADMIN_ADDR=127.0.0.1:0",
		"NUMBER=secret-of-the-second",
	}}
	fleet, err := OpenFleetConfig(ctx, load(options))
	o.check(err)
	defer fleet.Close()
	if now, err := fleet.Current(ctx); err != nil || now.Version != 0 {
		t.Fatalf("%+v, %v", now, err)
	}

	// answered waits for the workers, and counts those that took a version.
	answered := func(version, workers int) (took int, refused string) {
		t.Helper()
		var all []WorkerConfig
		testkit.Eventually(t, 60*time.Second, func() bool {
			all = fleet.Await(ctx, version)
			took, refused = 0, ""
			for _, w := range all {
				has, no := w.Has(version)
				if has {
					took++
				}
				if no {
					refused += w.Refused
				}
			}
			return len(all) == workers && (took == workers || refused != "")
		}, "%d workers do not answer: %+v", workers, &all)
		return took, refused
	}

	now, err := fleet.Push(ctx, "routes: {email: [sendgrid]}\nproviders: {sendgrid: {rate: 77}}\n", "kim", "ses is slow")
	o.check(err)
	if took, refused := answered(now.Version, 1); now.Version != 1 || took != 1 {
		t.Fatalf("%+v: %d took it, %s", now, took, refused)
	}
	if row := o.await(o.publish("email.send", mailTo("a@example.kr")), delivery.Sent, delivery.Delivered); row.Provider != "sendgrid" {
		t.Errorf("sent by %s", row.Provider)
	}

	// The second worker has the overrides before its first command.
	second := loads(options)
	cfg, origins, err := second(config.Overrides{})
	o.check(err)
	shown, err := NewTelemetry(cfg, io.Discard)
	o.check(err)
	running, stop := context.WithCancel(context.Background())
	ready, ended := make(chan Running, 1), make(chan error, 1)
	go func() {
		ended <- RunWorker(running, WorkerOptions{Config: cfg, Origins: origins, Reload: second, Telemetry: shown, Ready: func(r Running) { ready <- r }})
	}()
	defer func() {
		stop()
		o.check(<-ended)
	}()
	first := o.running
	select {
	case o.running = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	if got := o.inForce("routes.email"); got != "sendgrid" {
		t.Errorf("the second worker begins with %s", got)
	}
	if took, refused := answered(1, 2); took != 2 {
		t.Errorf("%d workers took version 1: %s", took, refused)
	}

	// What only the second can follow: all of it there, nothing in the first.
	now, err = fleet.Push(ctx, "routes: {email: [ses]}\nproviders: {ses: {password: \"env:NUMBER\"}}\n", "lee", "")
	o.check(err)
	took, refused := answered(now.Version, 2)
	if took != 1 || !strings.Contains(refused, "NUMBER is not set") || !strings.Contains(refused, "providers.ses.password") {
		t.Errorf("%d workers took version 2: %s", took, refused)
	}
	o.becomes("routes.email", "ses")
	o.running = first
	if got := o.inForce("routes.email"); got != "sendgrid" {
		t.Errorf("the first worker runs with %s", got)
	}
	if code, out, errs := o.publisher("providers", "--nats-url", o.nats.URL()); code != 0 || !strings.Contains(out, "OVERRIDES") || !strings.Contains(out, "NUMBER is not set") {
		t.Errorf("publisher providers: %d\n%s%s", code, out, errs)
	}

	now, err = fleet.Revert(ctx, 1, "kim", "back")
	o.check(err)
	if took, refused := answered(now.Version, 2); now.Version != 3 || took != 2 {
		t.Errorf("%+v: %d took it, %s", now, took, refused)
	}
	now, err = fleet.Revert(ctx, 0, "kim", "")
	o.check(err)
	if took, _ := answered(now.Version, 2); took != 2 || now.Text != "" || o.inForce("routes.email") != "ses, sendgrid" {
		t.Errorf("%+v: %d took it, routes.email %s", now, took, o.inForce("routes.email"))
	}
	if _, err := fleet.Revert(ctx, 99, "kim", ""); err == nil {
		t.Error("back to a version that never was")
	}
	for action, n := range map[string]int{"config.push": 2, "config.revert": 2} {
		entries, err := o.reader.AuditLog(ctx, postgres.AuditFilter{Action: action}, 0, 10)
		if o.check(err); len(entries) != n {
			t.Errorf("%s: %d entries in the audit log", action, len(entries))
		}
	}
}
