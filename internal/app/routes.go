package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// Routes are the guarded providers of every kind, in the order of failover.
type Routes struct {
	Email    *providers.Route[providers.Email]
	SMS      *providers.Route[providers.SMS]
	Business *providers.Route[providers.Company]
	Address  *providers.Route[providers.Address]
	// Checks are the harmless calls that show each provider to be usable.
	Checks []Checker

	closers []func() error
}

// Checker is a provider that can be checked.
type Checker interface {
	Name() string
	Check(ctx context.Context) error
}

// BuildRoutes makes every provider that a route names. It opens no connection.
func BuildRoutes(cfg *config.Config, sim *simulator.Simulator, guard providers.GuardOptions) (*Routes, error) {
	d, r := drivers{simulator: sim}, new(Routes)
	var err error
	var errs []error
	r.Email, err = build(r, cfg, cfg.Routes.Email, true, guard, d.email)
	errs = append(errs, err)
	r.SMS, err = build(r, cfg, cfg.Routes.SMS, true, guard, d.sms)
	errs = append(errs, err)
	r.Business, err = build(r, cfg, cfg.Routes.Business, false, guard, d.business)
	errs = append(errs, err)
	r.Address, err = build(r, cfg, cfg.Routes.Address, false, guard, d.address)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func build[P any](r *Routes, cfg *config.Config, names []string, sends bool, base providers.GuardOptions,
	make func(config.Provider) (providers.Provider[P], error)) (*providers.Route[P], error) {
	var guards []*providers.Guard[P]
	for _, name := range names {
		p := cfg.Providers[name]
		driver, err := make(p)
		if err != nil {
			return nil, fmt.Errorf("providers.%s: %w", name, err)
		}
		r.keep(driver)
		options := base
		options.Sends, options.Mock, options.Timeout, options.OnUnknown = sends, p.Mock(), p.Timeout, providers.OnUnknown(p.OnUnknown)
		options.Breaker = resilience.BreakerOptions{Failures: p.Breaker.Failures, Cooldown: p.Breaker.Cooldown, Changed: base.Breaker.Changed}
		options.Limit, options.Driver = resilience.Limit{Rate: p.Rate, Burst: p.Burst, Quota: p.Quota}, p.Driver
		guard := providers.NewGuard(driver, options)
		guards = append(guards, guard)
		r.Checks = append(r.Checks, guard)
	}
	return providers.NewRoute(guards...), nil
}

// keep remembers how a driver lets go of its connections.
func (r *Routes) keep(driver any) {
	switch d := driver.(type) {
	case interface{ Close() error }:
		r.closers = append(r.closers, d.Close)
	case interface{ Close() }:
		r.closers = append(r.closers, func() error { d.Close(); return nil })
	}
}

// Close lets go of every connection, newest provider first.
func (r *Routes) Close() error {
	var errs []error
	for _, closer := range slices.Backward(r.closers) {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}
