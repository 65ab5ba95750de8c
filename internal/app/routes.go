package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// Routes are the guarded providers of every kind, in the order of failover. They
// may change while they are used.
type Routes struct {
	Email    *providers.Route[providers.Email]
	SMS      *providers.Route[providers.SMS]
	Business *providers.Route[providers.Company]
	Address  *providers.Route[providers.Address]

	guard    providers.GuardOptions
	inUse    map[string]usedDriver // by the provider's name
	checks   atomic.Pointer[[]Checker]
	retiring sync.WaitGroup
	// trouble is told of a provider that could not be let go of; nil for nobody.
	trouble func(provider string, err error)
}

// usedDriver is the driver of a provider and the settings that it was made from.
type usedDriver struct {
	driver any
	from   config.Provider
}

// Checker is a provider that can be checked: the harmless call that shows it to be
// usable.
type Checker interface {
	Name() string
	Check(ctx context.Context) error
}

// BuildRoutes makes every provider that a route names. It opens no connection.
func BuildRoutes(cfg *config.Live, sim *simulator.Simulator, guard providers.GuardOptions) (*Routes, error) {
	guard.Later = true
	r := &Routes{
		Email: providers.NewRoute[providers.Email](), SMS: providers.NewRoute[providers.SMS](),
		Business: providers.NewRoute[providers.Company](), Address: providers.NewRoute[providers.Address](), guard: guard,
	}
	first, err := r.prepare(cfg, sim)
	if err != nil {
		return nil, err
	}
	first.commit()
	return r, nil
}

// Checks are the checks of every provider of a route.
func (r *Routes) Checks() []Checker { return *r.checks.Load() }

// prepare makes the drivers of another configuration. A driver whose own settings
// are the same goes on with its connections.
func (r *Routes) prepare(cfg *config.Live, sim *simulator.Simulator) (change, error) {
	d, n := drivers{simulator: sim}, &nextRoutes{before: r.inUse, inUse: map[string]usedDriver{}, guard: r.guard}
	replacements := []func() <-chan struct{}{
		build(n, cfg, cfg.Routes.Email, r.Email, true, d.email), build(n, cfg, cfg.Routes.SMS, r.SMS, true, d.sms),
		build(n, cfg, cfg.Routes.Business, r.Business, false, d.business), build(n, cfg, cfg.Routes.Address, r.Address, false, d.address),
	}
	undo := func() {
		for name, driver := range n.made {
			r.letGo(name, driver)
		}
	}
	if err := errors.Join(n.errs...); err != nil {
		undo()
		return change{}, err
	}
	return change{undo: undo, commit: func() {
		var unused []<-chan struct{}
		for _, replace := range replacements {
			unused = append(unused, replace())
		}
		r.checks.Store(&n.checks)
		if r.guard.Fleet != nil {
			r.guard.Fleet.Retain(slices.Collect(maps.Keys(n.inUse))...)
		}
		before := r.inUse
		r.inUse = n.inUse
		r.retiring.Go(func() { r.retire(before, n.inUse, unused) })
	}}, nil
}

// retire lets go of the drivers that are no longer used, after the last call that
// began with the routes before.
func (r *Routes) retire(before, now map[string]usedDriver, unused []<-chan struct{}) {
	for _, route := range unused {
		<-route
	}
	for name, used := range before {
		if now[name].driver != used.driver {
			r.letGo(name, used.driver)
		}
	}
}

// letGo closes the connections of a driver.
func (r *Routes) letGo(name string, driver any) {
	var err error
	switch d := driver.(type) {
	case interface{ Close() error }:
		err = d.Close()
	case interface{ Close() }:
		d.Close()
	}
	if err != nil && r.trouble != nil {
		r.trouble(name, err)
	}
}

// Close lets go of every connection. Calls must have ended before.
func (r *Routes) Close() error {
	r.retiring.Wait()
	var errs []error
	r.trouble = func(name string, err error) { errs = append(errs, fmt.Errorf("providers.%s: %w", name, err)) }
	for name, used := range r.inUse {
		r.letGo(name, used.driver)
	}
	return errors.Join(errs...)
}

// nextRoutes is what is prepared for another configuration.
type nextRoutes struct {
	before, inUse map[string]usedDriver
	made          map[string]any // that were not in use before
	guard         providers.GuardOptions
	checks        []Checker
	errs          []error
}

// build prepares one route and returns what puts it into force.
func build[P any](n *nextRoutes, cfg *config.Live, names []string, route *providers.Route[P], sends bool,
	make func(config.Provider) (providers.Provider[P], error)) (replace func() <-chan struct{}) {
	var guards []*providers.Guard[P]
	for _, name := range names {
		p := cfg.Providers[name]
		driver, kept := n.before[name].driver.(providers.Provider[P])
		if !kept || !sameDriver(n.before[name].from, p) {
			var err error
			if driver, err = make(p); err != nil {
				n.errs = append(n.errs, fmt.Errorf("providers.%s: %w", name, err))
				continue
			}
			if n.made == nil {
				n.made = map[string]any{}
			}
			n.made[name] = driver
		}
		n.inUse[name] = usedDriver{driver, p}
		options := n.guard
		options.Sends, options.Mock, options.Timeout, options.OnUnknown = sends, p.Mock(), p.Timeout, providers.OnUnknown(p.OnUnknown)
		options.Breaker = resilience.BreakerOptions{Failures: p.Breaker.Failures, Cooldown: p.Breaker.Cooldown, Changed: options.Breaker.Changed}
		options.Limit, options.Driver = resilience.Limit{Rate: p.Rate, Burst: p.Burst, Quota: p.Quota}, p.Driver
		guards = append(guards, providers.NewGuard(driver, options))
		n.checks = append(n.checks, routeCheck{name, func(ctx context.Context) error { return route.Check(ctx, name) }})
	}
	return func() <-chan struct{} { return route.Replace(guards...) }
}

// sameDriver reports whether two settings of a provider make the same driver: what
// its guard, its log lines and its webhooks follow does not count.
func sameDriver(a, b config.Provider) bool {
	for _, p := range []*config.Provider{&a, &b} {
		p.Rate, p.Burst, p.Quota, p.LogLevel, p.OnUnknown = 0, 0, 0, "", ""
		p.Breaker, p.Webhook = config.Breaker{}, config.Webhook{}
	}
	return reflect.DeepEqual(a, b)
}

// routeCheck checks a provider as long as it is in its route.
type routeCheck struct {
	name  string
	check func(context.Context) error
}

func (c routeCheck) Name() string                    { return c.name }
func (c routeCheck) Check(ctx context.Context) error { return c.check(ctx) }
