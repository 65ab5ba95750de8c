package telemetry

import (
	"context"
	"strings"
	"testing"
)

func TestTraceparents(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	trace, ok := ParseTrace(good, "a=b,c=d")
	if !ok || trace.Traceparent() != good || trace.ID() != "4bf92f3577b34da6a3ce929d0e0e4736" || !trace.Sampled || trace.State != "a=b,c=d" {
		t.Errorf("%+v, %v", trace, ok)
	}
	child := Continue(good, "")
	if child.ID() != trace.ID() || child.SpanID == trace.SpanID || !child.Sampled {
		t.Errorf("%+v does not continue %+v", child, trace)
	}
	for _, test := range []struct {
		text string
		ok   bool
	}{
		{"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true},
		{"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", true},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true},
		{"", false},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", false},
		{"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01later", false},
		{"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
		{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false},
		{"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false},
		{"00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01", false},
		{"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", false},
		{"zz-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
	} {
		if _, ok := ParseTrace(test.text, ""); ok != test.ok {
			t.Errorf("%q: %v", test.text, ok)
		}
	}
	if trace, _ := ParseTrace(good, strings.Repeat("a", 600)); trace.State != "" {
		t.Error("a tracestate without end is kept")
	}
	if trace, _ := ParseTrace(good, "a=b\r\nX: y"); trace.State != "" {
		t.Error("a tracestate with a line break is kept")
	}
}

func TestTraceIsMadeWhenNoneCame(t *testing.T) {
	a, b := Continue("", ""), Continue("nonsense", "x")
	if a.ID() == b.ID() || len(a.ID()) != 32 || a.State != "" || b.State != "" {
		t.Errorf("%v, %v", a, b)
	}
	if parsed, ok := ParseTrace(a.Traceparent(), ""); !ok || parsed != a {
		t.Errorf("%+v does not come back: %+v", a, parsed)
	}
	ctx := WithTrace(context.Background(), a)
	if TraceFrom(ctx) != a || TraceFrom(context.Background()).ID() != "" || (Trace{}).Traceparent() != "" {
		t.Error("contexts do not carry the trace")
	}
}

func FuzzTrace(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=b")
	f.Fuzz(func(t *testing.T, parent, state string) {
		trace, ok := ParseTrace(parent, state)
		if ok != (trace.ID() != "") {
			t.Errorf("%q: %v, %q", parent, ok, trace.ID())
		}
		if ok && strings.HasPrefix(parent, "00") && trace.Traceparent()[:53] != parent[:53] {
			t.Errorf("%q becomes %q", parent, trace.Traceparent())
		}
	})
}
