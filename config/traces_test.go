package config

import (
	"strings"
	"testing"
)

func TestTracesFollowOpenTelemetrysVariables(t *testing.T) {
	for _, c := range []struct {
		environ []string
		want    Traces
		problem string
	}{
		{nil, Traces{Protocol: TracesOverHTTP}, ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"}, Traces{true, TracesOverHTTP}, ""},
		{[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, Traces{true, TracesOverGRPC}, ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", "OTEL_SDK_DISABLED=true"}, Traces{Protocol: TracesOverHTTP}, ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"}, Traces{true, "http/json"}, "http/json"},
	} {
		cfg, _, err := Load(Options{Env: Dev, Dir: t.TempDir(), Environ: append(c.environ, "GANGWAY_MOCK=true")})
		if cfg.Traces != c.want || (err != nil) != (c.problem != "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%v: %+v, %v", c.environ, cfg.Traces, err)
		}
	}
}
