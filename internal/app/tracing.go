package app

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/telemetry"
	"github.com/gangwon-portal/gangway/providers"
)

// Spans carry what log lines carry, without anybody's address: ids, names, reasons.

// consumes encloses the processing of one message in a span that follows its
// producer's; when tracing is off it does nothing.
func consumes(tracing *telemetry.Tracing, do func(context.Context, *broker.Delivery) error) func(context.Context, *broker.Delivery) error {
	if tracing == nil {
		return do
	}
	return func(ctx context.Context, d *broker.Delivery) error {
		source := d.Source()
		if parent, ok := telemetry.ParseTrace(source.TraceParent, source.TraceState); ok {
			ctx = telemetry.WithTrace(ctx, parent)
		}
		kind, lane, _ := command.ParseSubject(d.Subject())
		ctx, span := tracing.Start(ctx, "process "+string(kind), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
			attribute.String("messaging.system", "nats"), attribute.String("messaging.operation.type", "process"),
			attribute.String("messaging.destination.name", kind.Subject(lane)), attribute.String("messaging.message.id", source.MsgID),
			attribute.Int("gangway.deliveries", d.Deliveries()),
		))
		defer span.End()
		err := do(ctx, d)
		if err != nil {
			span.SetStatus(codes.Error, "not settled")
		}
		return err
	}
}

// sends begins the span that each message's traceparent names, at the top of its
// trace; what it returns ends them, told what came of each (nil when all are stored).
func sends(tracing *telemetry.Tracing, messages []cli.Message) func([]error) {
	if tracing == nil {
		return func([]error) {}
	}
	spans := make([]trace.Span, len(messages))
	for i, m := range messages {
		parent, _ := telemetry.ParseTrace(m.TraceParent, "")
		spans[i] = tracing.Join(context.Background(), parent.TraceID, parent.SpanID, "send "+string(m.Kind), trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
			attribute.String("messaging.system", "nats"), attribute.String("messaging.operation.type", "send"),
			attribute.String("messaging.destination.name", m.Kind.Subject(m.Lane)), attribute.String("gangway.command_id", m.ID.String()),
		))
	}
	return func(errs []error) {
		for i, span := range spans {
			if errs != nil {
				_ = failedSpan(span, errs[i])
			}
			span.End()
		}
	}
}

// recognised gives the span of a message the id of its command.
func recognised(ctx context.Context, cmd *command.Command) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String("gangway.command_id", cmd.ID.String()))
	}
}

// traceCall makes the span of a finished provider call.
func (o *observer) traceCall(ctx context.Context, r providers.Report, outcome string, failure *fault.Error) {
	if o.Tracing == nil || r.Exchange.Endpoint == "" {
		return
	}
	_, span := o.Tracing.Start(ctx, r.Provider+" "+r.Exchange.Endpoint, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(r.Started),
		trace.WithAttributes(
			attribute.String("gangway.provider", r.Provider), attribute.String("gangway.endpoint", r.Exchange.Endpoint),
			attribute.String("gangway.command_id", r.CommandID.String()), attribute.Int("gangway.attempt", r.Attempt),
			attribute.String("gangway.outcome", outcome), attribute.Bool("gangway.mock", r.Mock),
			attribute.String("http.request.method", r.Exchange.Method), attribute.String("url.full", o.Redactor.URL(r.Exchange.URL)),
			attribute.String("gangway.status", o.Redactor.Text(r.Exchange.Status)),
		))
	if failure != nil {
		span.SetAttributes(attribute.String("error.type", string(failure.Reason)), attribute.String("gangway.error_code", o.Redactor.Text(failure.Code)))
		span.SetStatus(codes.Error, string(failure.Reason))
	}
	span.End(trace.WithTimestamp(r.Started.Add(r.Took)))
}

// traceSettled gives the span of a command its end. What a provider reports comes
// in a trace of its own: there it becomes a span of the command's trace too, the
// one that its event names.
func (o *observer) traceSettled(ctx context.Context, row delivery.Row) {
	if o.Tracing == nil {
		return
	}
	attributes := []attribute.KeyValue{
		attribute.String("gangway.command_id", row.ID.String()), attribute.String("gangway.status", string(row.Status)),
		attribute.String("gangway.provider", row.Provider), attribute.Int("gangway.attempts", row.Attempts), attribute.Int("gangway.replays", row.Replays),
	}
	if row.Reason != fault.None {
		attributes = append(attributes, attribute.String("error.type", string(row.Reason)))
	}
	here := trace.SpanFromContext(ctx)
	var id [16]byte
	if n, err := hex.Decode(id[:], []byte(row.TraceID)); err != nil || n != len(id) || here.SpanContext().TraceID() == id {
		here.SetAttributes(attributes...)
		return
	}
	o.Tracing.Join(ctx, id, broker.EventSpan(row), "report "+string(row.Status), trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(attributes...)).End()
}

// tracedStore shows what the database takes of a command's time.
type tracedStore struct {
	pipeline.Store
	tracing *telemetry.Tracing
}

// Claim implements [pipeline.Store].
func (s tracedStore) Claim(ctx context.Context, claim delivery.Claim) (claimed delivery.Claimed, err error) {
	err = s.in(ctx, "claim", func(ctx context.Context) error { claimed, err = s.Store.Claim(ctx, claim); return err })
	return claimed, err
}

// Record implements [pipeline.Store].
func (s tracedStore) Record(ctx context.Context, record *delivery.Record) (recorded delivery.Recorded, err error) {
	err = s.in(ctx, "record", func(ctx context.Context) error { recorded, err = s.Store.Record(ctx, record); return err })
	return recorded, err
}

func (s tracedStore) in(ctx context.Context, operation string, do func(context.Context) error) error {
	ctx, span := s.tracing.Start(ctx, "postgres "+operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "postgresql"), attribute.String("db.operation.name", operation),
	))
	defer span.End()
	return failedSpan(span, do(ctx))
}

// tracedOutlet shows what is published; an event names the span that published it.
type tracedOutlet struct {
	pipeline.Outlet
	tracing *telemetry.Tracing
}

// Event implements [pipeline.Outlet].
func (s tracedOutlet) Event(ctx context.Context, row delivery.Row) error {
	return s.in(ctx, "event "+string(row.Status), func(ctx context.Context) error { return s.Outlet.Event(ctx, row) })
}

// Schedule implements [pipeline.Outlet].
func (s tracedOutlet) Schedule(ctx context.Context, p delivery.Postponed) error {
	return s.in(ctx, "schedule", func(ctx context.Context) error { return s.Outlet.Schedule(ctx, p) })
}

// DeadLetter implements [pipeline.Outlet].
func (s tracedOutlet) DeadLetter(ctx context.Context, letter delivery.Letter) error {
	return s.in(ctx, "dead letter", func(ctx context.Context) error { return s.Outlet.DeadLetter(ctx, letter) })
}

func (s tracedOutlet) in(ctx context.Context, what string, do func(context.Context) error) error {
	ctx, span := s.tracing.Start(ctx, "publish "+what, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "nats"), attribute.String("messaging.operation.type", "send"),
	))
	defer span.End()
	return failedSpan(span, do(ctx))
}

func failedSpan(span trace.Span, err error) error {
	if err != nil {
		span.SetStatus(codes.Error, string(fault.Of(err)))
	}
	return err
}

// enclosed gives every request a trace, and a span when traces are exported. What
// is made of a request follows it: the header says so to whoever reads it. Probes
// and scrapes have none.
func enclosed(tracing *telemetry.Tracing, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/livez", "/readyz", "/metrics":
			next.ServeHTTP(w, r)
			return
		}
		parent, given := telemetry.ParseTrace(r.Header.Get("traceparent"), r.Header.Get("tracestate"))
		if tracing == nil {
			if !given {
				parent = telemetry.NewTrace()
			}
			r = r.WithContext(telemetry.WithTrace(r.Context(), parent))
			r.Header.Set("traceparent", parent.Traceparent())
			next.ServeHTTP(w, r)
			return
		}
		ctx := r.Context()
		if given {
			ctx = telemetry.WithTrace(ctx, parent)
		}
		ctx, span := tracing.Start(ctx, r.Method+" "+area(r.URL.Path), trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", r.Method)))
		defer span.End()
		r = r.WithContext(ctx)
		r.Header.Set("traceparent", telemetry.TraceFrom(ctx).Traceparent())
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		span.SetAttributes(attribute.Int("http.response.status_code", answer.status))
		if answer.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(answer.status))
		}
	})
}

// area is what a path is about, without ids: "/api/v1/deliveries", "/webhooks/ses".
func area(path string) string {
	parts := strings.SplitN(strings.TrimPrefix(path, "/"), "/", 4)
	most := 2
	if parts[0] == "api" {
		most = 3
	}
	return "/" + strings.Join(parts[:min(most, len(parts))], "/")
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Flush implements [http.Flusher].
func (w *statusWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap lets [http.ResponseController] reach what is beneath.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
