package handlers_test

import (
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
	"github.com/gangwon-portal/gangway/providers/smstext"
	"github.com/gangwon-portal/gangway/providers/smtp"
	"github.com/gangwon-portal/gangway/providers/sns"
	"github.com/gangwon-portal/gangway/providers/solapi"
	"github.com/gangwon-portal/gangway/templates"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// shipped loads the embedded templates once for all tests.
var shipped = sync.OnceValues(func() (*templates.Set, error) { return templates.Load(templates.Options{}) })

// desk has the handlers of messages over real drivers and the simulated vendors.
type desk struct {
	t        *testing.T
	sim      *simulator.Simulator
	set      *templates.Set
	rules    handlers.Rules
	now      time.Time
	blocked  blocked
	objects  handlers.Objects
	mails    *providers.Route[providers.Email]
	messages *providers.Route[providers.SMS]
}

// blocked are suppressed recipients by category.
type blocked map[string][]string

// Suppressed implements [handlers.Suppressions].
func (b blocked) Suppressed(_ context.Context, category string, recipients []string) (found []string, err error) {
	for _, recipient := range recipients {
		for _, one := range b[category] {
			if one == recipient {
				found = append(found, recipient)
			}
		}
	}
	return found, nil
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 3, 2, 12, 0, 0, 0, smstext.Seoul())}
	var err error
	d.sim, err = simulator.Start(simulator.Options{SlowDelay: 10 * time.Millisecond})
	d.check(err)
	t.Cleanup(func() { d.check(d.sim.Close()) })
	d.set, err = shipped()
	d.check(err)
	d.rules = handlers.Rules{
		Domain: "gangwon.example", UnsubscribeURL: "https://portal.gangwon.example/unsubscribe?id={id}", Mark: true, QuietSMS: true,
		Advertiser: smstext.Advertiser{Sender: "강원비즈니스포털 033-249-2114", OptOut: "080-123-4567"},
		Imprint:    "강원비즈니스포털 · portal@gangwon.example · 033-249-2114 · 춘천시 중앙로 1",
		Korean:     func(name string) bool { return name != "sns" },
	}
	d.mails = providers.NewRoute(providers.NewGuard(d.smtp(), providers.GuardOptions{Sends: true, Timeout: 5 * time.Second}))
	user, secret := simulator.Credentials("solapi")
	korean, err := solapi.New(solapi.Options{BaseURL: d.sim.URL("solapi"), APIKey: user, APISecret: secret, From: "033-249-2114"})
	d.check(err)
	t.Cleanup(korean.Close)
	user, secret = simulator.Credentials("sns")
	foreign, err := sns.New(sns.Options{BaseURL: d.sim.URL("sns"), AccessKeyID: user, SecretAccessKey: secret, Region: simulator.Region})
	d.check(err)
	t.Cleanup(foreign.Close)
	d.messages = providers.NewRoute[providers.SMS](
		providers.NewGuard(korean, providers.GuardOptions{Sends: true, Timeout: 5 * time.Second}),
		providers.NewGuard(foreign, providers.GuardOptions{Sends: true, Timeout: 5 * time.Second}))
	return d
}

func (d *desk) smtp() *smtp.Driver {
	d.t.Helper()
	host, port, err := net.SplitHostPort(d.sim.SMTP("ses"))
	d.check(err)
	number, err := strconv.Atoi(port)
	d.check(err)
	user, secret := simulator.Credentials("ses")
	driver, err := smtp.New(smtp.Options{
		Name: "ses", Preset: "ses", Host: host, Port: number, TLS: smtp.StartTLS, Username: user, Password: smtp.Plain(secret),
		RootCAs: d.sim.RootCAs(), From: "portal@gangwon.example",
	})
	d.check(err)
	d.t.Cleanup(func() { d.check(driver.Close()) })
	return driver
}

func (d *desk) parts() handlers.Messages {
	return handlers.Messages{
		Templates: func() *templates.Set { return d.set }, Rules: func() handlers.Rules { return d.rules },
		Suppressions: d.blocked, Objects: d.objects, Now: func() time.Time { return d.now },
	}
}

func (d *desk) email() *handlers.Email {
	return handlers.NewEmail(func() *providers.Route[providers.Email] { return d.mails }, d.parts())
}

func (d *desk) sms() *handlers.SMS {
	return handlers.NewSMS(func() *providers.Route[providers.SMS] { return d.messages }, d.parts())
}

// handler is what the pipeline knows of a handler.
type handler interface {
	Plan(ctx context.Context, cmd *command.Command) delivery.Plan
	Handle(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result
}

// send takes a command as far as the pipeline would: planned, and handled when a
// provider was chosen.
func (d *desk) send(h handler, kind command.Kind, body string, earlier ...delivery.Recipient) (delivery.Plan, delivery.Result) {
	d.t.Helper()
	cmd := d.command(kind, body)
	plan := h.Plan(d.t.Context(), cmd)
	if plan.End != nil {
		return plan, *plan.End
	}
	if plan.Provider == "" {
		return plan, delivery.Result{}
	}
	run := delivery.Run{Provider: plan.Provider, Ready: plan.Ready, Row: delivery.Row{Recipients: earlier}}
	run.Row.Attempts = 1
	return plan, h.Handle(d.t.Context(), cmd, run)
}

func (d *desk) command(kind command.Kind, body string) *command.Command {
	d.t.Helper()
	cmd, err := command.Decode(kind, command.Normal, []byte(body), command.Source{MsgID: uuid.NewString(), Timestamp: d.now})
	d.check(err)
	return cmd
}

// only is the one message that the simulator received.
func (d *desk) only() simulator.Received {
	d.t.Helper()
	received := d.sim.Inbox().List()
	if len(received) != 1 {
		d.t.Fatalf("%d messages were received, want 1: %+v", len(received), received)
	}
	return received[0]
}

// invalid checks that a plan ends as invalid, naming the field, without a call.
func (d *desk) invalid(plan delivery.Plan, field string) {
	d.t.Helper()
	if plan.End == nil || plan.Provider != "" {
		d.t.Fatalf("plan = %+v, want an end without a call", plan)
	}
	if failure := fault.As(plan.End.Err); failure.Reason != fault.Invalid || failure.Field != field {
		d.t.Fatalf("error = %v (%s on %q), want an invalid fault on %q", failure, failure.Reason, failure.Field, field)
	}
}

func (d *desk) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}
