package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/telemetry"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
)

// otlp is a receiver of traces, as a collector is.
type otlp struct {
	collector.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans []*tracepb.Span
	all   strings.Builder // everything, as text
}

// Export implements the service of OTLP over gRPC.
func (o *otlp) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all.WriteString(request.String())
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			o.spans = append(o.spans, scope.Spans...)
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// ServeHTTP is OTLP over HTTP.
func (o *otlp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collector.ExportTraceServiceRequest
	if r.URL.Path != "/v1/traces" || err != nil || proto.Unmarshal(body, &request) != nil {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	answer, _ := o.Export(r.Context(), &request)
	text, _ := proto.Marshal(answer)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(text)
}

// find returns the spans of a name, in a trace if one is given.
func (o *otlp) find(trace, name string) (found []*tracepb.Span) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, span := range o.spans {
		if span.Name == name && (trace == "" || hex.EncodeToString(span.TraceId) == trace) {
			found = append(found, span)
		}
	}
	return found
}

// linked is the processing of the webhook that a report is linked with, once its
// request is there too; nil before.
func (o *otlp) linked(report *tracepb.Span) *tracepb.Span {
	for _, w := range o.find("", "process webhook.process") {
		if len(report.Links) == 1 && string(report.Links[0].SpanId) == string(w.SpanId) &&
			len(o.find(hex.EncodeToString(w.TraceId), "POST /webhooks/ses")) > 0 {
			return w
		}
	}
	return nil
}

func (o *otlp) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// overGRPC serves a receiver on loopback.
func overGRPC(t *testing.T, o *otlp) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, o)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

func overHTTP(t *testing.T, o *otlp) string {
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	return server.URL
}

// TestOneTraceFromPublisherToEvent follows a command's trace through the real
// worker into a real receiver: the producer's span, the message, the database, the
// provider, the event, the webhook that reports, and the event of that.
func TestOneTraceFromPublisherToEvent(t *testing.T) {
	for protocol, serve := range map[string]func(*testing.T, *otlp) string{"http/protobuf": overHTTP, "grpc": overGRPC} {
		t.Run(strings.ReplaceAll(protocol, "/", " "), func(t *testing.T) {
			received := new(otlp)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", serve(t, received))
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
			t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
			t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
			o := newOffice(t, "ROUTES_EMAIL=ses", "PROVIDERS_SES_PASSWORD=hush-hush-hush")
			const traceID, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
			id := uuid.NewString()
			_, err := o.conn.JetStream().PublishMsg(t.Context(), &nats.Msg{
				Subject: "email.send", Data: []byte(`{"to":["minsu@example.kr"],"subject":"비밀","text":"secret text"}`),
				Header: nats.Header{"Nats-Msg-Id": {id}, "traceparent": {"00-" + traceID + "-" + parent + "-01"}},
			})
			o.check(err)
			o.await(command.ParseID(id), delivery.Delivered)
			names := []string{"process email.send", "postgres claim", "postgres record", "publish event sent", "report delivered"}
			var missing string
			testkit.Eventually(t, 30*time.Second, func() bool {
				i := slices.IndexFunc(names, func(name string) bool { return len(received.find(traceID, name)) == 0 })
				if i >= 0 {
					missing = names[i]
				}
				return i < 0 && received.linked(received.find(traceID, "report delivered")[0]) != nil
			}, "no span %s, or none that the report is linked with", &missing)
			process := received.find(traceID, "process email.send")[0]
			if hex.EncodeToString(process.ParentSpanId) != parent {
				t.Errorf("the worker's span follows %x", process.ParentSpanId)
			}
			calls := 0
			received.mu.Lock()
			for _, span := range received.spans {
				if span.Kind == tracepb.Span_SPAN_KIND_CLIENT && strings.HasPrefix(span.Name, "ses ") && string(span.TraceId) == string(process.TraceId) {
					calls++
					if string(span.ParentSpanId) != string(process.SpanId) || span.EndTimeUnixNano < span.StartTimeUnixNano {
						t.Errorf("%v", span)
					}
				}
			}
			received.mu.Unlock()
			if calls != 1 {
				t.Errorf("%d spans of provider calls", calls)
			}
			report := received.find(traceID, "report delivered")[0]
			webhook := received.linked(report)
			if string(webhook.TraceId) == string(process.TraceId) {
				t.Error("the webhook came in the command's trace")
			}
			posted := received.find(hex.EncodeToString(webhook.TraceId), "POST /webhooks/ses")
			if len(posted) == 0 || string(webhook.ParentSpanId) != string(posted[0].SpanId) {
				t.Errorf("the webhook's command does not follow its request: %v", posted)
			}
			sent := received.find(traceID, "publish event sent")[0]
			for _, m := range o.messages(broker.StreamEvents, "event.email.send.") {
				var event struct {
					Subject, Type string
					TraceParent   string `json:"traceparent"`
				}
				o.check(json.Unmarshal(m.Data, &event))
				want := sent
				if strings.HasSuffix(event.Type, "delivered") {
					want = report
				}
				if event.TraceParent != "00-"+traceID+"-"+hex.EncodeToString(want.SpanId)+"-01" || m.Header.Get("traceparent") != event.TraceParent {
					t.Errorf("%s has traceparent %q, its span is %x", event.Type, event.TraceParent, want.SpanId)
				}
			}
			text := received.text()
			for _, hidden := range []string{"minsu", "비밀", "secret text", "hush-hush"} {
				if strings.Contains(text, hidden) {
					t.Errorf("the traces show %q", hidden)
				}
			}
			for _, said := range []string{"gangway", "deployment.environment", "service.version"} {
				if !strings.Contains(text, said) {
					t.Errorf("the traces do not say %q", said)
				}
			}
		})
	}
}

// TestPublisherIsTheTopOfItsTraces: what the program publishes begins with a span of
// its own, one for each command, which the worker's follow.
func TestPublisherIsTheTopOfItsTraces(t *testing.T) {
	received := new(otlp)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", overHTTP(t, received))
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	o := newOffice(t)
	for _, to := range []string{"minsu@example.kr", "jisu@example.kr"} {
		if code, _, errs := o.publisher("email", "--to", to, "--subject", "비밀", "--text", "secret text", "--lane", "high", "--nats-url", o.nats.URL()); code != cli.ExitDone {
			t.Fatal(errs)
		}
	}
	var sent, processed []*tracepb.Span
	testkit.Eventually(t, 30*time.Second, func() bool {
		sent, processed = received.find("", "send email.send"), received.find("", "process email.send")
		return len(sent) == 2 && len(processed) == 2
	}, "sent: %v\nprocessed: %v", &sent, &processed)
	for _, span := range sent {
		follows := slices.ContainsFunc(processed, func(p *tracepb.Span) bool {
			return string(p.TraceId) == string(span.TraceId) && string(p.ParentSpanId) == string(span.SpanId)
		})
		if !follows || len(span.ParentSpanId) > 0 || span.Kind != tracepb.Span_SPAN_KIND_PRODUCER || !strings.Contains(span.String(), "email.send.high") {
			t.Errorf("nothing follows %v, or it is not the top", span)
		}
	}
	for _, hidden := range []string{"minsu", "jisu", "비밀", "secret text"} {
		if strings.Contains(received.text(), hidden) {
			t.Errorf("the traces show %q", hidden)
		}
	}
}

// TestTracesAreNoCondition runs a worker whose receiver is not there.
func TestTracesAreNoCondition(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9") // discard: nobody listens
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "200")
	o := newOffice(t)
	o.await(o.publish("email.send", mailTo("kim@example.kr")), delivery.Sent, delivery.Delivered)
	testkit.Eventually(t, 30*time.Second, func() bool { return strings.Contains(o.log.String(), "traces are not exported") }, "nobody is told: %s", o.log)
}

// TestEveryCommandHasATrace: also without an exporter and without a producer's.
func TestEveryCommandHasATrace(t *testing.T) {
	o := newOffice(t)
	row := o.await(o.publish("email.send", mailTo("kim@example.kr")), delivery.Delivered)
	if len(row.TraceID) != 32 || !strings.Contains(o.log.String(), `"trace_id":"`+row.TraceID+`"`) {
		t.Errorf("trace %q", row.TraceID)
	}
	for _, m := range o.messages(broker.StreamEvents, "event.email.send.") {
		if parent := m.Header.Get("traceparent"); !strings.HasPrefix(parent, "00-"+row.TraceID+"-") {
			t.Errorf("%s: traceparent %q", m.Subject, parent)
		}
	}
}

// TestTracingOffCostsNothing: nothing is allocated for spans that nobody gets.
func TestTracingOffCostsNothing(t *testing.T) {
	o := newObserver(quiet(t))
	if o.Tracing != nil {
		t.Fatal("traces are exported without an endpoint")
	}
	report := providers.Report{Provider: "ses", Exchange: &providers.Exchange{Endpoint: "send"}, Started: time.Now()}
	row := delivery.Row{View: delivery.View{ID: uuid.New(), Status: delivery.Sent, TraceID: strings.Repeat("a", 32)}}
	cmd := &command.Command{ID: row.ID}
	did := 0
	process := consumes(nil, func(context.Context, *broker.Delivery) error { did++; return nil })
	ctx := t.Context()
	allocated := testing.AllocsPerRun(100, func() {
		_ = process(ctx, nil)
		recognised(ctx, cmd)
		o.traceCall(ctx, report, "ok", nil)
		o.traceSettled(ctx, row)
	})
	if allocated != 0 || did == 0 {
		t.Errorf("%v allocations", allocated)
	}
}

// BenchmarkTracing is what the spans of one command cost: off, and exported.
func BenchmarkTracing(b *testing.B) {
	report := providers.Report{Provider: "ses", Exchange: &providers.Exchange{Endpoint: "send"}, Started: time.Now()}
	row := delivery.Row{View: delivery.View{ID: uuid.New(), Status: delivery.Sent}}
	for _, mode := range []string{"off", "on"} {
		b.Run(mode, func(b *testing.B) {
			shown := &Telemetry{Logs: new(telemetry.Logs)}
			shown.Redactor = telemetry.NewRedactor()
			if mode == "on" {
				server := httptest.NewServer(new(otlp))
				defer server.Close()
				b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
				var err error
				if shown.Tracing, err = telemetry.NewTracing(b.Context(), config.Traces{Export: true}, "", func(error) {}); err != nil {
					b.Fatal(err)
				}
				defer shown.Tracing.Close()
			}
			o := newObserver(shown)
			b.ReportAllocs()
			for b.Loop() {
				o.traceCall(b.Context(), report, "ok", nil)
				o.traceSettled(b.Context(), row)
			}
		})
	}
}
