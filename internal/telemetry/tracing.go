package telemetry

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/gangwon-portal/gangway/config"
)

// Tracing exports what happens as spans, to an OTLP receiver. A nil Tracing is off
// and costs nothing; trace ids are there all the same.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// tracingEnd bounds the last export when the program ends.
const tracingEnd = 5 * time.Second

// NewTracing exports as the configuration says, nil for not at all. Where to, with
// which headers, certificates, sampler and resource, is as OpenTelemetry's variables
// have it. trouble is told of what could not be exported.
func NewTracing(ctx context.Context, traces config.Traces, version string, trouble func(error)) (*Tracing, error) {
	if !traces.Export {
		return nil, nil
	}
	client := otlptracehttp.NewClient()
	if traces.Protocol == config.TracesOverGRPC {
		client = otlptracegrpc.NewClient()
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("telemetry: traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(
		attribute.String("service.name", "gangway"), attribute.String("service.version", version),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("telemetry: OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(trouble))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about), sdk.WithIDGenerator(identities{}))
	return &Tracing{provider: provider, tracer: provider.Tracer("github.com/gangwon-portal/gangway")}, nil
}

// Close exports what is left, for a while: a receiver that is away keeps no program
// from ending.
func (t *Tracing) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tracingEnd)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}

// Start begins a span under the span or else the [Trace] that ctx carries; the
// context that it returns carries its own. Call it only when tracing is on.
func (t *Tracing) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if parent := TraceFrom(ctx); parent.TraceID != ([16]byte{}) && !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent.context())
	}
	ctx, span := t.tracer.Start(ctx, name, options...)
	return WithTrace(ctx, traceOf(span.SpanContext())), span
}

// Join begins a span at the top of a trace that is known only by its id, as the
// given span, linked with the one that ctx carries: what happens here belongs to
// both. Call it only when tracing is on.
func (t *Tracing) Join(ctx context.Context, traceID [16]byte, spanID [8]byte, name string, options ...trace.SpanStartOption) trace.Span {
	options = append(options, trace.WithNewRoot())
	if here := trace.SpanContextFromContext(ctx); here.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: here}))
	}
	_, span := t.tracer.Start(context.WithValue(ctx, identityKey{}, identity{traceID, spanID}), name, options...)
	return span
}

// context is t as a parent that came from elsewhere.
func (t Trace) context() trace.SpanContext {
	state, _ := trace.ParseTraceState(t.State) // an invalid one is left out
	config := trace.SpanContextConfig{TraceID: t.TraceID, SpanID: t.SpanID, TraceState: state, Remote: true}
	if t.Sampled {
		config.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(config)
}

func traceOf(c trace.SpanContext) Trace {
	return Trace{TraceID: c.TraceID(), SpanID: c.SpanID(), Sampled: c.IsSampled(), State: c.TraceState().String()}
}

type identityKey struct{}

// identity is the one that the next span is to have.
type identity struct {
	trace [16]byte
	span  [8]byte
}

// identities makes ids at random, but for spans that are to have a known one.
type identities struct{}

// NewIDs implements [sdk.IDGenerator].
func (identities) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if wanted, ok := ctx.Value(identityKey{}).(identity); ok {
		return wanted.trace, wanted.span
	}
	t := NewTrace()
	return t.TraceID, t.SpanID
}

// NewSpanID implements [sdk.IDGenerator].
func (identities) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	for !id.IsValid() {
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
