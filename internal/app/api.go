package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/docs"
	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// adminParts are what the API of the admin listener stands on in this worker.
type adminParts struct {
	live      *live
	reload    func(ctx context.Context, by string) (api.Reloaded, error)
	pool      *pgxpool.Pool
	conn      *broker.Conn
	fleet     *resilience.Fleet
	publisher *broker.Publisher
	looking   *lookups
	simulator *simulator.Simulator // nil outside of mock mode
	mask      func(recipient string) string
	seals     *letterSeals
	log       *zap.Logger
}

// newAPI returns the API over this worker's connections.
func (o adminParts) newAPI(listed *postgres.Suppressions) *api.API {
	operator := newOperator(o.pool).Sealed(o.seals)
	parts := api.Parts{
		Bus: apiBus{o.publisher}, Deliveries: apiDeliveries{operator.Reader}, Desk: desk{operator, o.conn},
		Letters: operator, Record: record{operator.Reader}, Suppressions: apiSuppressions{suppressions{listed}},
		Cache: apiCache{fleetCache{o.live.config, o.conn, o.pool}}, Providers: apiProviders{providerControl{o.fleet, operator}, o.live.config},
		Queues: apiQueues{o.conn, operator.Reader, o.fleet}, Businesses: apiBusinesses{o.looking, operator}, Alerts: apiAlerts{operator},
		Webhooks: postgres.NewSubscribers(o.pool),
		Settings: o.settings, Reload: o.reload, Document: docs.OpenAPI,
	}
	if o.simulator != nil {
		parts.Simulator = mocks{o.live.config, o.simulator, operator}
	}
	return api.New(parts, api.Options{Reason: reasonOf, Mask: o.mask, Log: o.log})
}

// liveAPI is the API, which has more operations once mock mode is switched on.
type liveAPI struct {
	parts   adminParts
	listed  *postgres.Suppressions
	current atomic.Pointer[api.API]
}

func newLiveAPI(parts adminParts, listed *postgres.Suppressions) *liveAPI {
	l := &liveAPI{parts: parts, listed: listed}
	l.current.Store(parts.newAPI(listed))
	return l
}

// ServeHTTP implements [http.Handler].
func (l *liveAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.current.Load().ServeHTTP(w, r) }

func (l *liveAPI) prepare(sim *simulator.Simulator) change {
	return change{commit: func() {
		if l.parts.simulator != sim {
			l.parts.simulator = sim
			l.current.Store(l.parts.newAPI(l.listed))
		}
	}}
}

// reasonOf knows that a database which cannot be reached is no mistake of ours.
func reasonOf(err error) fault.Reason {
	if reason := fault.Of(err); reason != fault.Internal {
		return reason
	}
	if _, unreachable := errors.AsType[*pgconn.ConnectError](err); unreachable || pgconn.SafeToRetry(err) {
		return fault.Unavailable
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && strings.HasPrefix(refused.Code, "57P") { // it shuts down or starts
		return fault.Unavailable
	}
	return fault.Internal
}

func (o adminParts) settings() []api.Setting {
	now := o.live.current.Load()
	found := now.cfg.Settings(now.origins)
	list := make([]api.Setting, len(found))
	for i, s := range found {
		list[i] = api.Setting(s)
		if now.origins == nil {
			list[i].Origin = ""
		}
	}
	return list
}

// apiBus publishes the API's commands.
type apiBus struct{ publisher *broker.Publisher }

// Publish implements [api.Bus].
func (b apiBus) Publish(ctx context.Context, m api.Message) error {
	headers := map[string][]string{"traceparent": {m.TraceParent}}
	if m.TraceState != "" {
		headers["tracestate"] = []string{m.TraceState}
	}
	return b.publisher.Send(ctx, broker.Outgoing{Subject: m.Kind.Subject(m.Lane), Headers: headers, Body: m.Body, MsgID: m.MsgID})
}

// apiDeliveries answers the API's questions about deliveries.
type apiDeliveries struct{ reader postgres.Reader }

// Find implements [api.Deliveries].
func (d apiDeliveries) Find(ctx context.Context, id uuid.UUID) (delivery.Row, bool, error) {
	rows, err := d.reader.Rows(ctx, []uuid.UUID{id})
	row, known := rows[id]
	return row, known, err
}

// List implements [api.Deliveries].
func (d apiDeliveries) List(ctx context.Context, f api.DeliveryFilter, page api.Page) ([]delivery.View, string, error) {
	return deliveries(d).List(ctx, cli.Filter{
		Kinds: f.Kinds, Statuses: f.Statuses, Reasons: f.Reasons, Since: f.Since, Recipient: f.Recipient,
	}, cli.Page(page))
}

// History implements [api.Deliveries].
func (d apiDeliveries) History(ctx context.Context, id uuid.UUID) ([]delivery.Attempt, []api.Event, error) {
	log, err := deliveries(d).Log(ctx, id)
	events := make([]api.Event, len(log.Events))
	for i, e := range log.Events {
		events[i] = api.Event(e)
	}
	return log.Attempts, events, err
}

// desk changes deliveries for callers of the API.
type desk struct {
	operator *postgres.Operator
	conn     *broker.Conn
}

// Cancel implements [api.Desk].
func (d desk) Cancel(ctx context.Context, id uuid.UUID, reason, by string) (string, delivery.Status, error) {
	outcome, status, err := canceller(d).Cancel(ctx, id, reason)
	if err != nil || outcome == string(postgres.CancelTooLate) {
		return outcome, status, err
	}
	return outcome, status, d.operator.Audit(ctx, by, "delivery.cancel", id.String(), map[string]string{"outcome": outcome, "reason": reason})
}

// SettleUnknown implements [api.Desk].
func (d desk) SettleUnknown(ctx context.Context, id uuid.UUID, sent bool, by, note string) (delivery.View, error) {
	row, err := d.operator.SettleUnknown(ctx, id, sent, by, note)
	return row.View, err
}

// record reads the audit log and the workers.
type record struct{ reader postgres.Reader }

// Audit implements [api.Record].
func (r record) Audit(ctx context.Context, f api.AuditFilter, below int64, most int) ([]api.AuditEntry, error) {
	found, err := r.reader.AuditLog(ctx, postgres.AuditFilter(f), below, most)
	entries := make([]api.AuditEntry, len(found))
	for i, e := range found {
		entries[i] = api.AuditEntry(e)
	}
	return entries, err
}

// workersWithin is how long a worker that is gone is still listed.
const workersWithin = 24 * time.Hour

// Workers implements [api.Record].
func (r record) Workers(ctx context.Context) ([]api.Worker, error) {
	found, err := r.reader.Workers(ctx, workersWithin)
	workers := make([]api.Worker, len(found))
	for i, w := range found {
		workers[i] = api.Worker(w)
	}
	return workers, err
}

// apiSuppressions is the suppression list as the API handles it.
type apiSuppressions struct{ list suppressions }

// List implements [api.Suppressions].
func (s apiSuppressions) List(ctx context.Context, containing string, page api.Page) ([]api.Suppression, string, error) {
	found, next, err := s.list.List(ctx, containing, cli.Page(page))
	list := make([]api.Suppression, len(found))
	for i, one := range found {
		list[i] = api.Suppression{
			Recipient: one.Recipient, List: one.List, Reason: one.Reason, Provider: one.Provider, Note: one.Note,
			CreatedAt: one.CreatedAt, ExpiresAt: one.ExpiresAt,
		}
	}
	return list, next, err
}

// Add implements [api.Suppressions].
func (s apiSuppressions) Add(ctx context.Context, add api.Suppression, by string) (api.Suppression, error) {
	add.Recipient = foldRecipient(add.Recipient)
	return add, s.list.Add(ctx, cli.Suppression{Recipient: add.Recipient, List: add.List, Reason: add.Reason, Note: add.Note, ExpiresAt: add.ExpiresAt}, by)
}

// Remove implements [api.Suppressions].
func (s apiSuppressions) Remove(ctx context.Context, recipient, list, by string) (bool, error) {
	return s.list.Remove(ctx, recipient, list, by)
}

// apiCache is the cache of the fleet as the API handles it.
type apiCache struct{ fleet fleetCache }

// Stats implements [api.Cache].
func (c apiCache) Stats(ctx context.Context) ([]api.CacheStat, error) {
	found, err := c.fleet.Stats(ctx)
	stats := make([]api.CacheStat, len(found))
	for i, s := range found {
		stats[i] = api.CacheStat(s)
	}
	return stats, err
}

// Purge implements [api.Cache].
func (c apiCache) Purge(ctx context.Context, pattern, by string) (int, error) {
	return c.fleet.Purge(ctx, cli.Purge{Pattern: pattern, By: by})
}

// admitted are the tokens of the admin listener. The configured secret is not
// kept: only its hash is.
func admitted(cfg *config.Live) []api.Token {
	var tokens []api.Token
	if !cfg.Admin.Token.IsZero() {
		tokens = append(tokens, api.NewToken("admin", cfg.Admin.Token.Reveal(), true))
	}
	for _, grant := range cfg.Admin.Grants() {
		tokens = append(tokens, api.Token(grant))
	}
	return tokens
}

var (
	_ api.Bus          = apiBus{}
	_ api.Deliveries   = apiDeliveries{}
	_ api.Desk         = desk{}
	_ api.Letters      = (*postgres.Operator)(nil)
	_ api.Record       = record{}
	_ api.Suppressions = apiSuppressions{}
	_ api.Cache        = apiCache{}
	_ api.Simulator    = mocks{}
)
