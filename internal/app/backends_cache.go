package app

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/providers"
)

// fleetCache is the cache of the fleet, seen from outside of it.
type fleetCache struct {
	cfg  func() *config.Live // in force
	conn *broker.Conn
	pool *pgxpool.Pool // for the audit log
}

// Purge implements [cli.Cache].
func (c fleetCache) Purge(ctx context.Context, p cli.Purge) (int, error) {
	patterns, target := []string{p.Pattern}, p.Pattern
	switch kind := command.Kind(p.Pattern); {
	case p.RegistrationNumber != "":
		patterns = []string{providers.CachePattern(providers.Company{RegistrationNumber: p.RegistrationNumber})}
		target = string(p.Kind) + " " + p.RegistrationNumber
	case kind.Lookup():
		patterns = nil
		for _, name := range c.providers(kind.Route()) {
			patterns = append(patterns, name+".*")
		}
	}
	cache := resilience.NewCache(resilience.CacheOptions{Shared: broker.NewCacheKV(c.conn)})
	defer cache.Close()
	removed := 0
	for _, pattern := range patterns {
		n, err := cache.Purge(ctx, pattern)
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, postgres.NewOperator(c.pool, eventRow).Audit(ctx, p.By, "cache.purge", target, map[string]int{"purged": removed})
}

// providers are those of a route, and those that a worker with another
// configuration may have under their usual names.
func (c fleetCache) providers(route string) []string {
	names := slices.Clone(c.cfg().Routes.Of(route))
	for _, driver := range config.Drivers() {
		if config.RouteOf(driver) == route && !slices.Contains(names, driver) {
			names = append(names, driver)
		}
	}
	return names
}

// Stats implements [cli.Cache]. Entries are those of the shared tier; hits and
// misses are what the workers that run now have counted since they started.
func (c fleetCache) Stats(ctx context.Context) ([]cli.CacheStat, error) {
	sizes, err := broker.NewCacheKV(c.conn).Sizes(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]cli.CacheStat{}
	for name, n := range sizes {
		all[name] = cli.CacheStat{Cache: name, Entries: n}
	}
	var told []cacheStats
	if told, err = broker.ServiceStats[cacheStats](ctx, c.conn); err != nil {
		return nil, err
	}
	for _, worker := range told {
		for _, count := range worker.Caches {
			s := all[count.Cache]
			s.Cache, s.Hits, s.Stale, s.Misses = count.Cache, s.Hits+count.Hits, s.Stale+count.Stale, s.Misses+count.Misses
			all[count.Cache] = s
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b cli.CacheStat) int { return cmp.Compare(a.Cache, b.Cache) }), nil
}

// cache opens the backend of `publisher cache`.
func (c *connections) cache(ctx context.Context, s cli.Settings) (cli.Cache, error) {
	if _, err := c.nats(ctx, s); err != nil {
		return nil, err
	}
	pool, err := c.postgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return fleetCache{func() *config.Live { return &c.cfg.Live }, c.conn, pool}, nil
}

var _ cli.Cache = fleetCache{}
