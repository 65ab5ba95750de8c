package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/bounce"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/health"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

// healthKeep lets the record of a provider that is gone expire.
const healthKeep = 30 * 24 * time.Hour

// checkup checks the providers and shows how they are.
type checkup struct {
	fleet  *fleet
	live   *live
	routes *Routes
	pool   *pgxpool.Pool
	outlet *broker.Outlet
	log    *zap.Logger
	// mailboxes are where providers return mail to.
	mailboxes func() map[string]bounce.Mailbox
}

// monitor checks what the routes name now. Changes of health go to the event
// stream, the table and the log.
func (c *checkup) monitor() *health.Monitor {
	var providers []health.Provider
	for _, checker := range c.routes.Checks() {
		name := checker.Name()
		providers = append(providers, health.Provider{Name: name, Check: c.check(checker), Beside: func(ctx context.Context) string {
			return c.bounces(ctx, name, c.mailboxes()[name])
		}})
	}
	return health.New(health.Options{
		Providers: providers, Store: healthStore{c.fleet.state}, Signs: c.signs,
		Interval: func() time.Duration { return c.live.config().Health.Interval },
		Tell:     func(ctx context.Context, change health.Change) error { return c.tell(ctx, c.outlet, change) },
		Save: func(ctx context.Context, provider string, r health.Report) error {
			return postgres.SaveHealth(ctx, c.pool, postgres.ProviderHealth{
				Provider: provider, Status: string(r.Status), Since: r.Since, CheckedAt: r.CheckedAt, LatencyMS: r.LatencyMS, Reason: r.Reason,
			})
		},
		Trouble: func(provider string, err error) {
			c.log.Warn("health is not known for sure", zap.String("provider", provider), zap.Error(err))
		},
	})
}

// run checks the providers of the configuration in force until ctx ends.
func (c *checkup) run(ctx context.Context) error {
	return c.live.anew(func(ctx context.Context) error { return c.monitor().Run(ctx) })(ctx)
}

// check makes one check and draws its consequences: credentials that are not
// accepted keep commands away, and let them back when they are.
func (c *checkup) check(checker Checker) func(context.Context) (string, bool) {
	return func(ctx context.Context) (reason string, grave bool) {
		name := checker.Name()
		err := checker.Check(ctx)
		live := c.fleet.Known(name)
		failure := fault.As(err)
		if failure == nil {
			if live != nil {
				live.Lift(resilience.NoEntry)
			}
			return "", false
		}
		grave = failure.Reason == fault.Unauthorized
		if grave && live != nil {
			live.Refused(failure)
		}
		c.log.Info("check failed", zap.String("provider", name), zap.String("reason", string(failure.Reason)), zap.Error(err))
		return "the check failed: " + string(failure.Reason), grave
	}
}

// bounces checks the mailbox for a provider's bounces, if it has one.
func (c *checkup) bounces(ctx context.Context, provider string, mailbox bounce.Mailbox) (lacking string) {
	if mailbox.Host == "" {
		return ""
	}
	if err := mailbox.Check(ctx); err != nil {
		c.log.Info("check of the mailbox for bounces failed", zap.String("provider", provider), zap.Error(err))
		return "the mailbox for its bounces cannot be read: " + string(fault.Of(err))
	}
	return ""
}

// signs is how the calls of the whole fleet fare.
func (c *checkup) signs(provider string) health.Signs {
	report, _ := c.fleet.Reported(provider)
	state, holds := c.fleet.State(provider)
	signs := health.Signs{Calls: report.Traffic.Calls, Failures: report.Traffic.Failures, P95: report.Traffic.P95()}
	if hold, paused := holds[resilience.ByOperator]; paused {
		signs.Paused = "paused by " + hold.By
	}
	switch {
	case holdsAny(holds, resilience.NoEntry):
		signs.Blocked = "it does not accept our credentials"
	case holdsAny(holds, resilience.NoQuota):
		signs.Blocked = "its allowance is used up"
	case state != resilience.Closed:
		signs.Blocked = "its breaker is " + words(state)
	}
	return signs
}

func holdsAny(holds map[resilience.Cause]resilience.Hold, cause resilience.Cause) bool {
	_, held := holds[cause]
	return held
}

// tell makes a change of health known.
func (c *checkup) tell(ctx context.Context, outlet *broker.Outlet, change health.Change) error {
	err := outlet.Health(ctx, broker.ProviderHealth{
		Provider: change.Provider, Status: string(change.Status), Previous: string(change.Previous), Since: change.Since,
		CheckedAt: change.CheckedAt, LatencyMS: change.LatencyMS, Reason: change.Reason,
	}, change.Number)
	if err != nil {
		return err
	}
	log := c.log.Info
	if change.Status.Worse(change.Previous) {
		log = c.log.Warn
	}
	log("health of a provider has changed", zap.String("provider", change.Provider), zap.String("status", string(change.Status)),
		zap.String("previous", string(change.Previous)), zap.String("reason", change.Reason))
	return nil
}

// reports are how all configured providers are.
func (c *checkup) reports() map[string]health.Report {
	reports := map[string]health.Report{}
	for _, route := range c.names() {
		for _, name := range route {
			reports[name] = c.report(name)
		}
	}
	return reports
}

// report is the stored one, with what an operator did since.
func (c *checkup) report(name string) health.Report {
	report := health.Read(c.fleet.Health(name))
	if signs := c.signs(name); signs.Paused != "" && report.Status == health.Healthy {
		report.Reason = signs.Paused
	}
	return report
}

// names are the providers of each route.
func (c *checkup) names() [][]string {
	r := c.live.config().Routes
	return [][]string{r.Email, r.SMS, r.Business, r.Address}
}

// serve registers the endpoints of health: open ones that show, and one behind
// the token that checks at once.
func (c *checkup) serve(open, admin *http.ServeMux, cache *resilience.Cache) {
	open.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		summary := health.Summarize(c.reports(), c.names(), cacheHealth(cache), mocked(c.live.config()))
		healthAnswer(w, summary.Status, summary)
	})
	open.HandleFunc("GET /health/{provider}", func(w http.ResponseWriter, r *http.Request) {
		report, known := c.reports()[r.PathValue("provider")]
		if !known {
			answer(w, http.StatusNotFound, "no such provider")
			return
		}
		healthAnswer(w, report.Status, report)
	})
	admin.HandleFunc("POST /health/{provider}", func(w http.ResponseWriter, r *http.Request) {
		report, err := c.monitor().Check(r.Context(), r.PathValue("provider"))
		switch {
		case errors.Is(err, health.ErrUnknown):
			answer(w, http.StatusNotFound, "no such provider")
		case err != nil:
			c.log.Warn("check on demand", zap.String("provider", r.PathValue("provider")), zap.Error(err))
			answer(w, http.StatusServiceUnavailable, "the check could not be recorded")
		default:
			healthAnswer(w, report.Status, report)
		}
	})
}

func cacheHealth(cache *resilience.Cache) health.Cache {
	if since, err := cache.Away(); err != nil {
		return health.CacheAway(since)
	}
	return health.Cache{Status: health.Healthy}
}

func healthAnswer(w http.ResponseWriter, status health.Status, body any) {
	code := http.StatusOK
	if status == health.Unhealthy {
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// healthStore keeps the records where all workers see them.
type healthStore struct{ state *broker.State }

// Load implements [health.Store].
func (s healthStore) Load(ctx context.Context, provider string) ([]byte, uint64, error) {
	value, revision, _, err := s.state.Get(ctx, resilience.HealthKey(provider))
	return value, revision, err
}

// Swap implements [health.Store].
func (s healthStore) Swap(ctx context.Context, provider string, record []byte, revision uint64) (bool, error) {
	_, won, err := s.state.Swap(ctx, resilience.HealthKey(provider), record, revision, healthKeep)
	return won, err
}
