package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/lookup"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/telemetry"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// lookups are the look-ups of one worker, queued and waited for, and their cache.
type lookups struct {
	live     *live
	log      *zap.Logger
	cache    *resilience.Cache
	business *handlers.Business
	address  *handlers.Address
	complete handlers.Complete
	public   *lookup.Public // once it serves
}

func newLookups(live *live, routes *Routes, operator *postgres.Operator, conn *broker.Conn, t *Telemetry) (*lookups, error) {
	l := &lookups{live: live, log: t.Logger()}
	var err error
	if l.cache, err = openCache(live.whole(), conn, t); err != nil {
		return nil, err
	}
	manual := manualEntries{operator}
	companies := providers.NewLookups(routes.Business, l.cache, l.lives)
	l.business = handlers.NewBusiness(func() *providers.Lookups[providers.Company] { return companies }, handlers.BusinessOptions{
		Fallback: func() jsontext.Value { return live.current.Load().business }, Register: func() string { return registerOf(live.config()) }, Manual: manual,
		Trouble: func(_ context.Context, err error) {
			l.log.Error("an answer was not compared with manual entries", zap.Error(err))
		},
	})
	addresses := providers.NewLookups(routes.Address, l.cache, l.lives)
	l.address = handlers.NewAddress(func() *providers.Lookups[providers.Address] { return addresses },
		func() jsontext.Value { return live.current.Load().address })
	l.complete = handlers.NewComplete(manual)
	return l, nil
}

// handle adds the handlers of the commands.
func (l *lookups) handle(all map[command.Kind]pipeline.Handler) map[command.Kind]pipeline.Handler {
	all[command.BusinessVerify], all[command.AddressSearch], all[command.BusinessComplete] = l.business, l.address, l.complete
	return all
}

// serve answers look-ups that somebody waits for, on the public listener and as a
// NATS micro service, until stop is called.
func (l *lookups) serve(mux *http.ServeMux, conn *broker.Conn, sim *simulator.Simulator) (stop func() error, err error) {
	public, err := lookup.NewPublic(l, publicOptions(l.live.config(), sim))
	if err != nil {
		return nil, err
	}
	l.public = public
	public.Routes(mux)
	service, err := lookup.StartService(conn.NATS(), l, lookup.ServiceOptions{
		Stats:   l.stats,
		Trouble: func(err error) { l.log.Warn("look-up service", zap.Error(err)) },
	})
	if err != nil {
		public.Close()
		return nil, err
	}
	return func() error {
		defer public.Close()
		return service.Close()
	}, nil
}

// prepare makes what the look-ups have to take over of another configuration; it
// needs to serve already.
func (l *lookups) prepare(cfg *config.Live, sim *simulator.Simulator) (change, error) {
	apply, err := l.public.Prepare(publicOptions(cfg, sim))
	if err != nil {
		return change{}, err
	}
	sealer, err := cacheSealer(cfg)
	if err != nil {
		return change{}, err
	}
	return change{commit: func() {
		apply()
		l.cache.SetSealer(sealer)
	}}, nil
}

func publicOptions(cfg *config.Live, sim *simulator.Simulator) lookup.Options {
	return lookup.Options{
		Rate: cfg.HTTP.ClientRate, Burst: cfg.HTTP.ClientBurst, Origins: cfg.Postcode.Origins, Scripts: widgetScripts(cfg, sim),
	}
}

// Answer implements [lookup.Answerer].
func (l *lookups) Answer(ctx context.Context, payload command.Payload) (jsontext.Value, error) {
	if telemetry.TraceFrom(ctx).ID() == "" { // asked over NATS
		ctx = telemetry.WithTrace(ctx, telemetry.NewTrace())
	}
	switch body := payload.(type) {
	case *command.Address:
		return l.address.Answer(ctx, body)
	case *command.Business:
		return l.business.Answer(ctx, body)
	}
	return nil, errors.New("app: no look-up answers this kind")
}

// stats is what this worker shows of the caches of a kind.
func (l *lookups) stats(kind command.Kind) any {
	counts := slices.DeleteFunc(l.cache.Counts(), func(c resilience.CacheCount) bool {
		provider, _, _ := strings.Cut(c.Cache, ".")
		return !slices.Contains(l.live.config().Routes.Of(kind.Route()), provider)
	})
	return cacheStats{Caches: counts}
}

// cacheStats travels from the workers to `publisher cache stats`.
type cacheStats struct {
	Caches []resilience.CacheCount `json:"caches"`
}

func (l *lookups) lives(provider, call string) providers.Lives {
	rule := l.live.config().Cache.Of(provider, call)
	return providers.Lives{TTL: rule.TTL, Stale: rule.Stale, Negative: rule.Negative}
}

// openCache returns the cache over the shared bucket.
func openCache(cfg *config.Config, conn *broker.Conn, t *Telemetry) (*resilience.Cache, error) {
	options := resilience.CacheOptions{
		Entries: cfg.Static.Cache.Entries, Shared: broker.NewCacheKV(conn), Counted: t.Metrics.CacheRequest,
		Trouble: func(err error) {
			if err != nil {
				t.Logger().Warn("the shared cache is away; look-ups are answered from memory and from providers", zap.Error(err))
				return
			}
			t.Logger().Info("the shared cache is back")
		},
	}
	var err error
	if options.Sealer, err = cacheSealer(&cfg.Live); err != nil {
		return nil, err
	}
	return resilience.NewCache(options), nil
}

// cacheSealer seals what is kept in the shared bucket; nil without a secrets key.
func cacheSealer(cfg *config.Live) (*resilience.Sealer, error) { return newSealer(cfg, "cache v1") }

// fallbackOf checks the configured answer of last resort; nil when there is none.
func fallbackOf[R any](cfg *config.Live, kind command.Kind) (jsontext.Value, error) {
	value := jsontext.Value(cfg.Fallback[string(kind)].Default)
	if len(value) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(value, new(R), json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("app: fallback.%s.default is not in the shape of the result: %w", kind, err)
	}
	return value, nil
}

// registerOf is the provider that decides whether a company is active.
func registerOf(cfg *config.Live) string {
	for _, name := range cfg.Routes.Business {
		if cfg.Providers[name].Driver == "nts" {
			return name
		}
	}
	return ""
}

// widgetScripts are where the postcode widget is loaded from: the configured
// address, then the vendor's older host. In mock mode the simulator serves it.
func widgetScripts(cfg *config.Live, sim *simulator.Simulator) []string {
	const older = "https://t1.daumcdn.net/mapjsapi/bundle/postcode/prod/postcode.v2.js"
	if cfg.Postcode.ScriptURL != defaultScript() {
		return []string{cfg.Postcode.ScriptURL}
	}
	if cfg.Mock && sim != nil {
		return []string{sim.URL("postcode") + "/postcode.v2.js"}
	}
	return []string{cfg.Postcode.ScriptURL, older}
}

func defaultScript() string {
	for _, key := range config.Keys() {
		if key.Path == "postcode.script_url" {
			return key.Default
		}
	}
	return ""
}

var _ lookup.Answerer = (*lookups)(nil)
