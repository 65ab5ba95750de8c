package config

import "cmp"

// Traces says whether spans are exported, as OpenTelemetry's own variables have it;
// the exporter reads the rest of them.
type Traces struct {
	Export   bool
	Protocol string // http/protobuf or grpc
}

// The values of [Traces.Protocol].
const (
	TracesOverHTTP = "http/protobuf"
	TracesOverGRPC = "grpc"
)

// traces reads OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_PROTOCOL, and what
// goes before them.
func (l *loader) traces() Traces {
	endpoint := cmp.Or(l.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], l.environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
	t := Traces{
		Export:   endpoint != "" && l.environ["OTEL_SDK_DISABLED"] != "true",
		Protocol: cmp.Or(l.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"], l.environ["OTEL_EXPORTER_OTLP_PROTOCOL"], TracesOverHTTP),
	}
	if t.Export && t.Protocol != TracesOverHTTP && t.Protocol != TracesOverGRPC {
		l.problems.add("OTEL_EXPORTER_OTLP_PROTOCOL", t.Protocol, "allowed: %s, %s", TracesOverHTTP, TracesOverGRPC)
	}
	return t
}
