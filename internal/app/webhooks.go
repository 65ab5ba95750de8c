package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/bounce"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/webhook"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// webhooks are where providers report to this worker, and what is made of it.
type webhooks struct {
	pool      *pgxpool.Pool
	observer  *observer
	reports   *postgres.Reports
	receiver  atomic.Pointer[webhook.Receiver] // once it serves
	endpoints atomic.Pointer[reporting]
	base      atomic.Pointer[string] // URL of the public listener, once it is known
}

// reporting is what one configuration makes of it.
type reporting struct {
	cfg       *config.Live
	sim       *simulator.Simulator // nil when nothing is mocked
	endpoints map[string]webhook.Endpoint
	trackers  map[string]webhook.Tracker
	mailboxes map[string]bounce.Mailbox
	closers   []func()
}

// newWebhooks reads the configuration; serve makes the endpoints reachable.
func newWebhooks(cfg *config.Live, sim *simulator.Simulator, pool *pgxpool.Pool, o *observer) (*webhooks, error) {
	w := &webhooks{pool: pool, observer: o, reports: postgres.NewReports(pool, eventRow, o.Redactor.Body)}
	first, err := w.prepare(cfg, sim)
	if err != nil {
		return nil, err
	}
	first.commit()
	return w, nil
}

// prepare makes the endpoints of another configuration.
func (w *webhooks) prepare(cfg *config.Live, sim *simulator.Simulator) (change, error) {
	next := &reporting{cfg: cfg, sim: sim, endpoints: map[string]webhook.Endpoint{}, trackers: map[string]webhook.Tracker{}, mailboxes: map[string]bounce.Mailbox{}}
	var errs []error
	for name, p := range cfg.Providers {
		if err := next.mailbox(p, drivers{simulator: sim}); err != nil {
			errs = append(errs, err)
		}
		endpoint, err := next.endpoint(p, sources{drivers{simulator: sim}, w.observer})
		if err != nil {
			errs = append(errs, fmt.Errorf("providers.%s.webhook: %w", name, err))
			continue
		}
		next.endpoints[name] = endpoint
	}
	if err := errors.Join(errs...); err != nil {
		next.close()
		return change{}, err
	}
	return change{undo: next.close, commit: func() {
		before := w.endpoints.Swap(next)
		if receiver := w.receiver.Load(); receiver != nil {
			receiver.SetEndpoints(next.endpoints)
		}
		if base := w.base.Load(); base != nil {
			next.announce(*base)
		}
		if before != nil {
			before.close() // idle connections alone: a question that is under way is answered
		}
	}}, nil
}

// endpoint is where one provider reports.
func (r *reporting) endpoint(p config.Provider, s sources) (webhook.Endpoint, error) {
	e := webhook.Endpoint{Accepted: http.StatusAccepted, MaxBody: webhook.MaxBody}
	for _, text := range p.Webhook.AllowFrom {
		prefix, err := network(text)
		if err != nil {
			return e, fmt.Errorf("allow_from: %q is neither an address nor a network", text)
		}
		e.AllowFrom = append(e.AllowFrom, prefix)
	}
	var err error
	switch vendorOf(p) {
	case "sendgrid":
		e.MaxBody = webhook.MaxBodySendGrid
		e.Source, err = s.sendGrid(p)
	case "ses":
		e.Accepted = http.StatusOK
		e.Source, err = s.ses(p)
	case "solapi":
		e.Accepted = http.StatusOK
		e.Source, err = s.solapi(r, p)
	case "nhncloud":
		e.Accepted = http.StatusOK
		e.Source, err = s.nhncloud(r, p)
	case "sens":
		err = s.sens(r, p)
		e.Source = s.standard(p)
	default:
		e.Source = s.standard(p)
	}
	return e, err
}

func (r *reporting) close() {
	for _, closer := range r.closers {
		closer()
	}
}

// source finds the endpoint of a provider for an event that was received before.
func (w *webhooks) source(provider string) (webhook.Source, bool) {
	endpoint, ok := w.endpoints.Load().endpoints[provider]
	return endpoint.Source, ok
}

// purger drops cached answers by a pattern of their keys.
type purger interface {
	Purge(ctx context.Context, pattern string) (int, error)
}

// handle adds the handler of webhook.process. Answers that an event makes out of
// date are dropped from cache.
func (w *webhooks) handle(all map[command.Kind]pipeline.Handler, cache purger) map[command.Kind]pipeline.Handler {
	all[command.WebhookProcess] = webhook.NewProcessor(w.source, w.reports, webhook.ProcessorOptions{
		Settled: w.observer.Settled,
		Invalidate: func(ctx context.Context, named delivery.Invalidation) (int, error) {
			return invalidate(ctx, cache, named)
		},
	})
	return all
}

func invalidate(ctx context.Context, cache purger, named delivery.Invalidation) (total int, err error) {
	patterns := named.Patterns
	for _, text := range named.RegistrationNumbers {
		if digits, err := command.RegistrationNumber(text); err == nil {
			patterns = append(patterns, providers.CachePattern(providers.Company{RegistrationNumber: digits}))
		}
	}
	for _, keyword := range named.Keywords {
		patterns = append(patterns, providers.CachePattern(providers.Address{Keyword: keyword}))
	}
	for _, pattern := range patterns {
		n, err := cache.Purge(ctx, pattern)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// serve opens POST /webhooks/{provider}.
func (w *webhooks) serve(mux *http.ServeMux, publisher *broker.Publisher) {
	receiver := webhook.New(webhookBus{publisher}, webhook.Options{Observer: w.received})
	receiver.SetEndpoints(w.endpoints.Load().endpoints)
	w.receiver.Store(receiver)
	mux.Handle("POST /webhooks/{provider}", receiver)
}

// announce tells the simulator where its vendors report, at the base URL of the
// public listener. A provider that bears its vendor's name goes before others.
func (w *webhooks) announce(base string) {
	w.base.Store(&base)
	w.endpoints.Load().announce(base)
}

func (r *reporting) announce(base string) {
	if r.sim == nil {
		return
	}
	taken := map[string]string{}
	for name, p := range r.cfg.Providers {
		if vendor := vendorOf(p); p.Mock() && (taken[vendor] == "" || name == vendor) {
			taken[vendor] = name
		}
	}
	for vendor, name := range taken {
		r.sim.ReportTo(vendor, base+"/webhooks/"+name)
	}
}

// close lets go of the connections that ask vendors.
func (w *webhooks) close() error {
	w.endpoints.Load().close()
	return nil
}

// received writes the one line of each webhook and counts it.
func (w *webhooks) received(_ context.Context, r webhook.Receipt) {
	w.observer.Metrics.Webhook(r.Provider, string(r.Outcome))
	level := zapcore.InfoLevel
	switch r.Outcome {
	case webhook.Refused:
		level = zapcore.WarnLevel
	case webhook.Failed:
		level = zapcore.ErrorLevel
	case webhook.Accepted, webhook.Duplicate:
	}
	line := w.observer.Provider(r.Provider).Check(level, "webhook")
	if line == nil {
		return
	}
	fields := []zap.Field{
		zap.String("provider", r.Provider), zap.String("outcome", string(r.Outcome)), zap.Int("status", r.Status),
		zap.String("client", r.Client), zap.Int("events", r.Events), zap.Int("bytes", r.Bytes), zap.Duration("duration", r.Took),
	}
	if r.Err != nil {
		fields = append(fields, zap.Error(r.Err))
	}
	line.Write(fields...)
}

// start adds what one worker of the fleet does for all to the tasks.
func (w *webhooks) start(b *background, singletons *Singletons, live *live, publisher *broker.Publisher) {
	lead := func(name string, run func(context.Context) error) {
		b.start(name, func(ctx context.Context) error { return singletons.Lead(ctx, name, run) })
	}
	log := w.observer.Logger()
	lead("polls", live.anew(func(ctx context.Context) error {
		return webhook.NewPoller(postgres.NewPolls(w.pool), w.reports, w.endpoints.Load().trackers, webhook.PollerOptions{
			Settled: w.observer.Settled,
			Trouble: func(err error) { log.Warn("polling for results", zap.Error(err)) },
		}).Run(ctx)
	}))
	lead("bounces", live.anew(func(ctx context.Context) error { return w.readBounces(ctx, publisher) }))
}

// webhookBus puts events on the command stream.
type webhookBus struct{ publisher *broker.Publisher }

// Store implements [webhook.Bus].
func (b webhookBus) Store(ctx context.Context, messages []webhook.Message) error {
	outgoing := make([]broker.Outgoing, len(messages))
	for i, m := range messages {
		headers := map[string][]string{}
		if m.TraceParent != "" {
			headers[broker.HeaderTraceParent] = []string{m.TraceParent}
		}
		outgoing[i] = broker.Outgoing{Subject: string(command.WebhookProcess), Headers: headers, Body: m.Body, MsgID: m.ID}
	}
	return b.publisher.Send(ctx, outgoing...)
}

var _ webhook.Bus = webhookBus{}
