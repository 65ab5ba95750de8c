package app

import (
	"context"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/stats"
	"github.com/gangwon-portal/gangway/internal/telemetry"
	"github.com/gangwon-portal/gangway/providers"
)

// Telemetry is how a program shows what it does.
type Telemetry struct {
	*telemetry.Logs
	Metrics *telemetry.Metrics
	// Stats counts for the figures of the whole fleet.
	Stats *stats.Recorder
	// Tracing is nil while traces are not exported.
	Tracing *telemetry.Tracing

	secrets []string // of every configuration since the start
}

// NewTelemetry opens the log at out and registers the metrics.
func NewTelemetry(cfg *config.Config, out io.Writer) (*Telemetry, error) {
	redactor := telemetry.NewRedactor(textsOf(cfg.Secrets())...)
	logs, err := telemetry.New(telemetry.Options{Level: cfg.Live.Log.Level, Format: cfg.Static.Log.Format, Output: out, Redactor: redactor})
	if err != nil {
		return nil, err
	}
	for name, p := range cfg.Providers {
		if p.LogLevel != "" {
			if err := logs.SetProviderLevel(name, p.LogLevel); err != nil {
				return nil, err
			}
		}
	}
	tracing, err := telemetry.NewTracing(context.Background(), cfg.Traces, Version(), func(err error) {
		logs.Logger().Warn("traces are not exported; what does not fit is dropped", zap.Error(err))
	})
	if err != nil {
		return nil, err
	}
	return &Telemetry{Logs: logs, Metrics: telemetry.NewMetrics(labels(&cfg.Live)), Stats: stats.NewRecorder(), Tracing: tracing, secrets: textsOf(cfg.Secrets())}, nil
}

// prepare hides the secrets of another configuration from now on, beside those
// that were in force before: what is under way may still show them.
func (t *Telemetry) prepare(before, next *config.Live) change {
	for _, secret := range textsOf(next.Secrets()) {
		if !slices.Contains(t.secrets, secret) {
			t.secrets = append(t.secrets, secret)
		}
	}
	t.Redactor.SetSecrets(t.secrets...)
	return change{commit: func() {
		t.Metrics.SetProviders(labels(next).Providers...)
		_ = t.SetLevel(next.Log.Level) // validated, as are those of providers
		for name := range before.Providers {
			_ = t.SetProviderLevel(name, "")
		}
		for name, p := range next.Providers {
			_ = t.SetProviderLevel(name, p.LogLevel)
		}
	}}
}

func textsOf(secrets []config.Secret) []string {
	var texts []string
	for _, secret := range secrets {
		texts = append(texts, secret.Reveal())
	}
	return texts
}

func labels(cfg *config.Live) telemetry.Labels {
	l := telemetry.Labels{
		Kinds: texts(command.Kinds()), Laned: texts(command.ProducerKinds()), Lanes: texts(command.Lanes()),
		Statuses: texts(delivery.Statuses()), Reasons: texts(fault.Reasons()), Version: Version(),
		Alerts: texts(alert.Names()), Causes: texts(resilience.Causes()),
	}
	for _, route := range [][]string{cfg.Routes.Email, cfg.Routes.SMS, cfg.Routes.Business, cfg.Routes.Address} {
		l.Providers = append(l.Providers, route...)
	}
	slices.Sort(l.Providers)
	l.Providers = slices.Compact(l.Providers)
	return l
}

func texts[T ~string](words []T) []string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = string(word)
	}
	return list
}

// keptBytes bounds the body that an attempt row keeps of a request or answer.
const keptBytes = 2 << 10

// kept makes what an attempt row keeps of an exchange: redacted and bounded.
func (t *Telemetry) kept(e *providers.Exchange) (request, response jsontext.Value) {
	if e.Endpoint == "" {
		return nil, nil // no call was made
	}
	return t.Redactor.Request(e.Method, e.URL, e.RequestHeader, e.Request, keptBytes),
		t.Redactor.Response(e.Status, e.ResponseHeader, e.Response, keptBytes)
}
