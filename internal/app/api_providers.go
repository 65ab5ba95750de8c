package app

import (
	"context"
	"slices"
	"time"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/health"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/stats"
)

// apiProviders are the providers of the fleet as the API shows and steers them.
type apiProviders struct {
	control providerControl
	cfg     func() *config.Live // in force
}

// List implements [api.Providers].
func (p apiProviders) List(ctx context.Context) ([]api.Provider, error) {
	figures, err := callFigures(ctx, p.control.operator.Reader, time.Now().Add(-recently))
	list := []api.Provider{}
	for _, name := range p.control.fleet.Providers() {
		list = append(list, counted(p.state(name), figures[name]))
	}
	return list, err
}

// Find implements [api.Providers].
func (p apiProviders) Find(ctx context.Context, name string) (api.Provider, error) {
	if err := p.known(name); err != nil {
		return api.Provider{}, err
	}
	now := time.Now()
	figures, err := callFigures(ctx, p.control.operator.Reader, now.Add(-recently))
	if err != nil {
		return api.Provider{}, err
	}
	found := counted(p.state(name), figures[name])
	found.Series, err = p.minutes(ctx, name, now)
	return found, err
}

// minutes are those of the last hour.
func (p apiProviders) minutes(ctx context.Context, name string, now time.Time) ([]api.ProviderMinute, error) {
	counted, err := hourOf(ctx, p.control.operator.Reader, name, now)
	minutes := make([]api.ProviderMinute, len(counted))
	for i, f := range counted {
		minutes[i] = api.ProviderMinute{At: f.At, Calls: f.Count, Failures: f.Failures, P95MS: millis(f, 95)}
	}
	return minutes, err
}

// counted adds what a provider's calls came to.
func counted(s api.Provider, f stats.Figures) api.Provider {
	s.Calls, s.Failures, s.P50MS, s.P95MS, s.P99MS = f.Count, f.Failures, millis(f, 50), millis(f, 95), millis(f, 99)
	if f.FailedReason != "" {
		s.LastError = &api.ProviderError{Reason: f.FailedReason, At: f.FailedAt}
	}
	return s
}

func (p apiProviders) known(name string) error {
	if !slices.Contains(p.control.fleet.Providers(), name) {
		return fault.New(fault.NotFound, "providers", "No worker that runs now has this provider; GET /api/v1/providers lists them.")
	}
	return nil
}

func (p apiProviders) state(name string) api.Provider {
	fleet := p.control.fleet
	report, _ := fleet.Reported(name)
	breaker, holds := fleet.State(name)
	limit, found := fleet.Limit(name), health.Read(fleet.Health(name))
	_, paused := holds[resilience.ByOperator]
	s := api.Provider{
		Name: name, Kinds: servedKinds(p.cfg(), name), Driver: report.Driver, Mode: report.Mode, Paused: paused, Holds: []api.ProviderHold{},
		Breaker: api.ProviderBreaker{State: string(breaker), Since: fleet.BreakerSince(name)},
		Health: api.ProviderHealth{
			Status: string(found.Status), Since: found.Since, CheckedAt: found.CheckedAt, LatencyMS: found.LatencyMS, Reason: found.Reason,
		},
		Rate: limit.Rate, Burst: limit.Burst, Quota: api.ProviderQuota{Limit: limit.Quota, Used: fleet.UsedToday(name)}, Waiting: report.Waiting,
	}
	for _, cause := range []resilience.Cause{resilience.ByOperator, resilience.NoEntry, resilience.NoQuota, resilience.SlowedDown} {
		if hold, held := holds[cause]; held {
			s.Holds = append(s.Holds, api.ProviderHold{Cause: string(cause), By: hold.By, Note: hold.Note, Since: hold.Since})
		}
	}
	return s
}

// servedKinds are the kinds of commands whose route names a provider.
func servedKinds(cfg *config.Live, provider string) []string {
	kinds := []string{}
	for _, route := range []struct {
		kind  command.Kind
		names []string
	}{
		{command.EmailSend, cfg.Routes.Email}, {command.SMSSend, cfg.Routes.SMS},
		{command.BusinessVerify, cfg.Routes.Business}, {command.AddressSearch, cfg.Routes.Address},
	} {
		if slices.Contains(route.names, provider) {
			kinds = append(kinds, string(route.kind))
		}
	}
	return kinds
}

// Pause implements [api.Providers].
func (p apiProviders) Pause(ctx context.Context, name, by, note string) error {
	return p.steer(ctx, name, cli.PauseProvider, by, note, func(s api.Provider) bool { return s.Paused })
}

// Resume implements [api.Providers].
func (p apiProviders) Resume(ctx context.Context, name, by, note string) error {
	return p.steer(ctx, name, cli.ResumeProvider, by, note, func(s api.Provider) bool { return !s.Paused })
}

// Reset implements [api.Providers].
func (p apiProviders) Reset(ctx context.Context, name, by, note string) error {
	return p.steer(ctx, name, cli.ResetProvider, by, note, func(s api.Provider) bool { return s.Breaker.State == string(resilience.Closed) })
}

// Tune implements [api.Providers].
func (p apiProviders) Tune(ctx context.Context, name string, rate *float64, burst *int, by string) error {
	if err := p.known(name); err != nil {
		return err
	}
	if err := p.control.Tune(ctx, name, cli.Tuning{Rate: rate, Burst: burst}, by); err != nil {
		return err
	}
	p.await(ctx, name, func(s api.Provider) bool {
		return (rate == nil || s.Rate == *rate) && (burst == nil || s.Burst == *burst)
	})
	return nil
}

// steer acts on a provider; a kind of command has no place here.
func (p apiProviders) steer(ctx context.Context, name string, action cli.ProviderAction, by, note string, done func(api.Provider) bool) error {
	if err := p.known(name); err != nil {
		return err
	}
	if err := p.control.Control(ctx, name, action, by, note); err != nil {
		return err
	}
	p.await(ctx, name, done)
	return nil
}

// echoWait is how long an answer waits for the change to come back to this worker
// from the shared state; what is written there holds in any case.
const echoWait = 2 * time.Second

func (p apiProviders) await(ctx context.Context, name string, done func(api.Provider) bool) {
	ctx, cancel := context.WithTimeout(ctx, echoWait)
	defer cancel()
	for !done(p.state(name)) && pause(ctx, 10*time.Millisecond) {
	}
}

var _ api.Providers = apiProviders{}
