package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// buffer collects lines of many goroutines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

func newLogs(t *testing.T, options Options) (*Logs, *buffer) {
	t.Helper()
	out := &buffer{}
	options.Output = out
	logs, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return logs, out
}

type object struct{ password, to string }

func (o object) MarshalLogObject(encoder zapcore.ObjectEncoder) error {
	encoder.AddString("password", o.password)
	encoder.AddString("to", o.to)
	encoder.AddInt("n", 5)
	return nil
}

type nilStringer struct{ text string }

func (n *nilStringer) String() string { return n.text }

// TestNoFieldGoesAround puts a marked secret and marked personal data into every
// sort of field, into the message, and into fields given beforehand.
func TestNoFieldGoesAround(t *testing.T) {
	const hush = "hush-hush-hush"
	for _, format := range []string{"json", "console"} {
		logs, out := newLogs(t, Options{Level: "debug", Format: format, Redactor: NewRedactor(hush)})
		person := "minsu@example.kr 010-9876-5432 " + hush
		failure := fmt.Errorf("send: %w", errors.New(person))
		logger := logs.Logger().With(zap.String("with", person), zap.Error(failure)).Named("x")
		logger.Error("message "+person,
			zap.String("text", person), zap.String("password", "p4ss"), zap.String("recipient", "minsu@example.kr"),
			zap.ByteString("bytes", []byte(person)), zap.Binary("binary", []byte(person)), zap.Error(failure), zap.NamedError("cause", failure),
			zap.Errors("errors", []error{failure, failure}), zap.Stringer("stringer", &nilStringer{person}), zap.Stringer("nil", (*nilStringer)(nil)),
			zap.Any("map", map[string]any{"authorization": "p4ss", "deep": map[string]string{"x": person}}), zap.Any("struct", struct{ Token, Other string }{"p4ss", person}),
			zap.Any("header", http.Header{"Authorization": {"p4ss"}}), zap.Strings("list", []string{person}), zap.Strings("to", []string{"minsu@example.kr"}),
			zap.Object("object", object{"p4ss", person}), zap.Inline(object{"p4ss", person}), zap.Dict("dict", zap.String("secret", "p4ss"), zap.String("x", person)),
			zap.Reflect("reflect", []any{person, map[string]string{"api_key": "p4ss"}}), zap.Stringp("pointer", &person), zap.Any("channel", make(chan int)),
			zap.Namespace("namespace"), zap.String("inside", person), zap.Stack("stack"), zap.Duration("duration", 1500*time.Millisecond), zap.Int("status", 200),
		)
		line := out.take()
		for _, part := range []string{hush, "minsu", "9876", "p4ss", "aHVzaC"} {
			if strings.Contains(line, part) {
				t.Errorf("%s: %q is in the line: %s", format, part, line)
			}
		}
		for _, part := range []string{"m***@example.kr", "***5432", Redacted, "200"} {
			if !strings.Contains(line, part) {
				t.Errorf("%s: %q is not in the line: %s", format, part, line)
			}
		}
		if format == "json" {
			var fields map[string]any
			if err := json.Unmarshal([]byte(strings.ReplaceAll(line, `"error":`, fmt.Sprintf(`"e%d":`, len(line)))), &fields); err != nil && !strings.Contains(err.Error(), "duplicate") {
				t.Errorf("line is no JSON: %v: %s", err, line)
			}
		}
	}
}

func TestLinesAreStructured(t *testing.T) {
	logs, out := newLogs(t, Options{})
	logs.Logger().Debug("not at info")
	logs.Logger().Info("provider call", zap.String("provider", "ses"), zap.Duration("duration", 1500*time.Millisecond), zap.String("command_id", "0190a1b2-7c3d-7e4f-8a5b-0c1d2e3f4a5b"), NewTrace().Field())
	var line struct {
		Time     time.Time `json:"time"`
		Level    string    `json:"level"`
		Msg      string    `json:"msg"`
		Provider string    `json:"provider"`
		Duration float64   `json:"duration"`
		Command  string    `json:"command_id"`
		Trace    string    `json:"trace_id"`
	}
	if err := json.Unmarshal([]byte(out.take()), &line, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	if line.Level != "info" || line.Msg != "provider call" || line.Duration != 1.5 || line.Command != "0190a1b2-7c3d-7e4f-8a5b-0c1d2e3f4a5b" ||
		len(line.Trace) != 32 || time.Since(line.Time) > time.Minute {
		t.Errorf("%+v", line)
	}
}

func TestLevelsChangeLive(t *testing.T) {
	logs, out := newLogs(t, Options{Level: "warn"})
	program, ses, kept := logs.Logger(), logs.Provider("ses"), logs.Provider("ses").With(zap.String("kept", "x"))
	lines := func() string {
		for name, logger := range map[string]*zap.Logger{"program": program, "ses": ses, "kept": kept, "sns": logs.Provider("sns")} {
			logger.Debug("debug " + name + " ")
			logger.Warn("warn " + name + " ")
		}
		return out.take()
	}
	expect := func(debug ...string) {
		t.Helper()
		text := lines()
		for _, name := range []string{"program", "ses", "kept", "sns"} {
			want := false
			for _, d := range debug {
				want = want || d == name
			}
			if strings.Contains(text, "debug "+name+" ") != want || !strings.Contains(text, "warn "+name+" ") {
				t.Errorf("%s: debug is not %v:\n%s", name, want, text)
			}
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	expect()
	must(logs.SetProviderLevel("ses", "debug"))
	expect("ses", "kept")
	must(logs.SetLevel("debug"))
	expect("program", "ses", "kept", "sns")
	must(logs.SetProviderLevel("ses", "warn"))
	expect("program", "sns")
	must(logs.SetProviderLevel("ses", ""))
	expect("program", "ses", "kept", "sns")
	if logs.SetLevel("loud") == nil || logs.SetProviderLevel("ses", "loud") == nil {
		t.Error("a level that does not exist is taken")
	}
	for _, options := range []Options{{Level: "loud"}, {Format: "xml"}} {
		if _, err := New(options); err == nil {
			t.Errorf("%+v is taken", options)
		}
	}
}

func TestSamplingKeepsErrors(t *testing.T) {
	logs, out := newLogs(t, Options{Level: "debug", Sample: 5})
	for range 100 {
		logs.Logger().Info("often")
		logs.Logger().Warn("trouble")
		logs.Logger().Error("failure")
	}
	text := out.take()
	if n := strings.Count(text, `"often"`); n < 5 || n > 20 {
		t.Errorf("%d lines below warn", n)
	}
	if strings.Count(text, `"trouble"`) != 100 || strings.Count(text, `"failure"`) != 100 {
		t.Error("a warning or an error was dropped")
	}
}

func BenchmarkText(b *testing.B) {
	r := NewRedactor("a-known-secret-of-some-length", "another-known-secret")
	for name, text := range map[string]string{
		"plain":  "smtp: data: 250 2.0.0 Ok: queued as 4XyZ0l for command 0190a1b2-7c3d-7e4f-8a5b-0c1d2e3f4a5b in 3.25ms",
		"short":  "ses",
		"masked": "sent to kim@example.kr and 010-1234-5678 with token=abcdef",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Text(text)
			}
		})
	}
}

// BenchmarkLine compares a provider's line with and without the choke point.
func BenchmarkLine(b *testing.B) {
	fields := []zap.Field{
		zap.String("provider", "ses"), zap.String("endpoint", "send"), zap.String("method", "POST"), zap.String("url", "https://api.example.kr/messages/v4/send"),
		zap.String("status", "200"), zap.Duration("duration", time.Millisecond), zap.String("reason", ""), zap.Int("attempt", 1),
		zap.String("command_id", "0190a1b2-7c3d-7e4f-8a5b-0c1d2e3f4a5b"), zap.String("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"), zap.String("recipient", "k***@example.kr"),
	}
	discard := zapcore.AddSync(&nothing{})
	encoder, _ := newEncoder("json", &nothing{})
	plain := zap.New(zapcore.NewCore(encoder, discard, zapcore.DebugLevel))
	logs, err := New(Options{Output: &nothing{}, Redactor: NewRedactor("a-known-secret-of-some-length", "another-known-secret")})
	if err != nil {
		b.Fatal(err)
	}
	for name, logger := range map[string]*zap.Logger{"zap alone": plain, "redacted": logs.Logger()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				logger.Info("provider call", fields...)
			}
		})
	}
}

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
