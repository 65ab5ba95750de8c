package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/health"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

// providerControl shows and controls the providers of the fleet, for the command
// line and the API. What it changes is written down in the audit log.
type providerControl struct {
	fleet    *resilience.Fleet
	operator *postgres.Operator
}

// openProviders looks on at the fleet over a connection of its own. Stop the
// returned fleet when done.
func openProviders(ctx context.Context, conn *broker.Conn, pool *pgxpool.Pool) (providerControl, error) {
	state, err := broker.OpenState(ctx, conn)
	if err != nil {
		return providerControl{}, fault.New(fault.Unavailable, "providers", "the state of the fleet cannot be read: %v; has a worker been started?", err)
	}
	fleet := resilience.StartFleet(ctx, resilience.FleetOptions{Worker: "operator", Silent: true, State: state})
	return providerControl{fleet: fleet, operator: newOperator(pool)}, nil
}

// providers opens the backend of `publisher providers`.
func (c *connections) providers(ctx context.Context, s cli.Settings) (cli.Providers, error) {
	if _, err := c.nats(ctx, s); err != nil {
		return nil, err
	}
	pool, err := c.postgres(ctx, s)
	if err != nil {
		return nil, err
	}
	c.control, err = openProviders(ctx, c.conn, pool)
	return c.control, err
}

// List implements [cli.Providers].
func (c providerControl) List(ctx context.Context) ([]cli.ProviderState, error) {
	figures, err := callFigures(ctx, c.operator.Reader, time.Now().Add(-recently))
	var list []cli.ProviderState
	for _, name := range c.fleet.Providers() {
		s, f := c.state(name), figures[name]
		s.Calls, s.Failures, s.P50MS, s.P95MS, s.P99MS = f.Count, f.Failures, millis(f, 50), millis(f, 95), millis(f, 99)
		list = append(list, s)
	}
	return list, err
}

func (c providerControl) state(name string) cli.ProviderState {
	report, _ := c.fleet.Reported(name)
	breaker, holds := c.fleet.State(name)
	limit, recorded := c.fleet.Limit(name), c.fleet.Health(name)
	s := cli.ProviderState{
		Name: name, Driver: report.Driver, Mode: report.Mode, Breaker: words(breaker), Rate: limit.Rate, Burst: limit.Burst,
		Quota: limit.Quota, Waiting: report.Waiting,
	}
	if recorded != nil {
		found := health.Read(recorded)
		s.Health, s.Since, s.CheckedAt, s.LatencyMS, s.Reason = string(found.Status), found.Since, found.CheckedAt, found.LatencyMS, found.Reason
	}
	var why []string
	for _, cause := range []resilience.Cause{resilience.ByOperator, resilience.NoEntry, resilience.NoQuota, resilience.SlowedDown} {
		if hold, held := holds[cause]; held {
			why = append(why, strings.TrimSuffix(string(cause)+" hold by "+hold.By+": "+hold.Note, ": "))
		}
	}
	_, s.Paused = holds[resilience.ByOperator]
	if len(why) > 0 {
		s.Reason = strings.Join(why, "; ")
	}
	for _, w := range c.workerConfigs() {
		if _, has := c.fleet.Reports()[w.Worker].Providers[name]; has {
			s.Workers = append(s.Workers, cli.ProviderWorker{Host: w.Host, PID: w.PID, Config: w.Config, Overrides: w.Overrides, Refused: w.Refused})
		}
	}
	for _, choice := range report.Choices {
		s.Choices = append(s.Choices, cli.ProviderChoice{At: choice.At, CommandID: choice.Command, Chosen: choice.Chosen, Why: choice.Why})
	}
	return s
}

// Control implements [cli.Providers]. A name with a dot is a kind of command.
func (c providerControl) Control(ctx context.Context, name string, action cli.ProviderAction, by, note string) error {
	kind := command.Kind(name)
	do := c.onProvider(name, action, by, note)
	subject := "provider."
	switch {
	case kind.Valid():
		subject = "kind."
		if do = c.onKind(name, action, by, note); do == nil {
			return fault.New(fault.Invalid, "providers", "a kind can be paused and resumed, not %s", action)
		}
	case !slices.Contains(c.fleet.Providers(), name):
		return fault.New(fault.NotFound, "providers", "no worker that runs now has a provider %q", name)
	case do == nil:
		return fault.New(fault.Invalid, "providers", "%q is not something that can be done to a provider", action)
	}
	return c.operator.Audited(ctx, by, subject+string(action), name, map[string]any{"note": note}, do)
}

func (c providerControl) onProvider(name string, action cli.ProviderAction, by, note string) func(context.Context) error {
	switch action {
	case cli.PauseProvider:
		return func(ctx context.Context) error { return c.fleet.Pause(ctx, name, by, note) }
	case cli.ResumeProvider:
		return func(ctx context.Context) error { return c.fleet.Resume(ctx, name) }
	case cli.ResetProvider:
		return func(ctx context.Context) error { return c.fleet.Reset(ctx, name) }
	default:
		return nil
	}
}

func (c providerControl) onKind(kind string, action cli.ProviderAction, by, note string) func(context.Context) error {
	switch action {
	case cli.PauseProvider:
		return func(ctx context.Context) error { return c.fleet.PauseKind(ctx, kind, by, note) }
	case cli.ResumeProvider:
		return func(ctx context.Context) error { return c.fleet.ResumeKind(ctx, kind) }
	default:
		return nil
	}
}

// Tune implements [cli.Providers].
func (c providerControl) Tune(ctx context.Context, name string, tuning cli.Tuning, by string) error {
	if !slices.Contains(c.fleet.Providers(), name) {
		return fault.New(fault.NotFound, "providers", "no worker that runs now has a provider %q", name)
	}
	if tuning.Rate == nil && tuning.Burst == nil {
		return errors.New("providers: nothing to set: give a rate, a burst or both")
	}
	detail := map[string]any{}
	if tuning.Rate != nil {
		detail["rate"] = *tuning.Rate
	}
	if tuning.Burst != nil {
		detail["burst"] = *tuning.Burst
	}
	return c.operator.Audited(ctx, by, "provider.set", name, detail, func(ctx context.Context) error {
		return c.fleet.Tune(ctx, name, tuning.Rate, tuning.Burst, by)
	})
}

// words writes a state for people: half-open.
func words(state resilience.State) string { return strings.ReplaceAll(string(state), "_", "-") }

var _ cli.Providers = providerControl{}
