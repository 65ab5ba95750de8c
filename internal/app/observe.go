package app

import (
	"cmp"
	"context"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/stats"
	"github.com/gangwon-portal/gangway/internal/telemetry"
	"github.com/gangwon-portal/gangway/providers"
)

// observer writes the one wide line of each provider call and of each step of a
// command, and counts both. Everything it writes passes the redactor.
type observer struct{ *Telemetry }

func newObserver(t *Telemetry) *observer { return &observer{t} }

// loggedBytes bounds the bodies in debug lines.
const loggedBytes = 4 << 10

// Called implements [providers.Observer].
func (o *observer) Called(ctx context.Context, r providers.Report) {
	failure := fault.As(r.Err)
	outcome, reason := "ok", fault.None
	level := zapcore.InfoLevel
	if failure != nil {
		outcome, reason, level = "failed", failure.Reason, zapcore.WarnLevel
		if reason == fault.UnknownOutcome {
			outcome = "unknown"
		}
	}
	o.Metrics.ProviderCall(r.Provider, r.Exchange.Endpoint, outcome, string(reason), r.Took)
	o.Metrics.Attempt(r.Provider, outcome)
	o.count(r, reason)
	o.traceCall(ctx, r, outcome, failure)
	log := o.Provider(r.Provider)
	line := log.Check(level, "provider call")
	if line == nil {
		return
	}
	fields := []zap.Field{
		zap.String("provider", r.Provider), zap.String("endpoint", r.Exchange.Endpoint), zap.String("method", r.Exchange.Method),
		zap.String("url", o.Redactor.URL(r.Exchange.URL)), zap.String("status", r.Exchange.Status), zap.Duration("duration", r.Took),
		zap.String("outcome", outcome), zap.Stringer("command_id", r.CommandID), zap.Int("attempt", r.Attempt),
		telemetry.TraceFrom(ctx).Field(),
	}
	if r.Mock {
		fields = append(fields, zap.Bool("mock", true))
	}
	if failure != nil {
		fields = append(fields, zap.String("reason", string(reason)), zap.String("error_code", failure.Code), zap.Error(r.Err))
	}
	if log.Core().Enabled(zapcore.DebugLevel) {
		fields = append(fields,
			zap.Reflect("request", o.Redactor.Request(r.Exchange.Method, r.Exchange.URL, r.Exchange.RequestHeader, r.Exchange.Request, loggedBytes)),
			zap.Reflect("response", o.Redactor.Response(r.Exchange.Status, r.Exchange.ResponseHeader, r.Exchange.Response, loggedBytes)))
	}
	line.Write(fields...)
}

// count adds a call to the figures of the fleet: one that was made, and was not
// called off by us.
func (o *observer) count(r providers.Report, reason fault.Reason) {
	if r.Exchange.Endpoint == "" || reason == fault.Cancelled {
		return
	}
	if !reason.AgainstProvider() {
		reason = fault.None
	}
	o.Stats.Count(stats.Key{Scope: stats.Calls, Name: r.Provider, Part: r.Exchange.Endpoint}, r.Took, string(reason))
}

// Began implements [pipeline.Observer].
func (o *observer) Began(kind command.Kind) { o.Metrics.InFlight(string(kind), 1) }

// Ended implements [pipeline.Observer].
func (o *observer) Ended(kind command.Kind) { o.Metrics.InFlight(string(kind), -1) }

// Settled implements [pipeline.Observer].
func (o *observer) Settled(ctx context.Context, row delivery.Row) {
	o.traceSettled(ctx, row)
	took := time.Duration(-1)
	if row.Status.Final() {
		took = row.UpdatedAt.Sub(row.RequestedAt)
		o.countCommand(row, took)
	}
	o.Metrics.CommandDone(string(row.Kind), string(row.Lane), string(row.Status), took)
	if row.Status != delivery.Sent && row.Reason.Rule().Letter && row.Status == delivery.Ends(row.Reason) {
		o.Metrics.DeadLetter(string(row.Kind), string(row.Reason))
	}
	level := zapcore.InfoLevel
	if !row.Status.Good() && (row.Status.Final() || row.Status == delivery.Unknown) {
		level = zapcore.WarnLevel
	}
	line := o.Logger().Check(level, "command")
	if line == nil {
		return
	}
	fields := []zap.Field{
		zap.Stringer("command_id", row.ID), zap.String("kind", string(row.Kind)), zap.String("lane", string(row.Lane)),
		zap.String("status", string(row.Status)), zap.String("recipient", o.Redactor.Mask(row.Recipient)), zap.String("subject", row.Subject),
		zap.String("provider", row.Provider), zap.Int("attempts", row.Attempts), zap.Int("replays", row.Replays),
		zap.Duration("age", row.UpdatedAt.Sub(row.RequestedAt)), zap.String("trace_id", row.TraceID),
	}
	if row.Reason != fault.None {
		fields = append(fields, zap.String("reason", string(row.Reason)), zap.String("error_code", row.ErrorCode), zap.String("error", row.ErrorMessage))
	}
	line.Write(fields...)
}

// countCommand adds a command to the figures of the fleet when it is sent or ends;
// what a provider reports later does not count again.
func (o *observer) countCommand(row delivery.Row, took time.Duration) {
	if rank := row.Status.Rank(); rank > delivery.RankSent && row.Status != delivery.Completed {
		return
	}
	failed := ""
	if !row.Status.Good() {
		failed = string(row.Status)
	}
	o.Stats.Count(stats.Key{Scope: stats.Commands, Name: string(row.Kind), Part: cmp.Or(string(row.Lane), string(command.Normal))}, took, failed)
}

// FailedOver implements [pipeline.Observer].
func (o *observer) FailedOver(_ context.Context, f delivery.Failover) {
	o.Logger().Warn("failover: another provider is called", zap.String("provider", f.From), zap.String("fallback", f.To),
		zap.String("reason", string(f.Reason)), zap.String("error_code", f.ErrorCode), zap.String("kind", string(f.Kind)),
		zap.Stringer("command_id", f.ID), zap.Int("attempt", f.Attempt), zap.String("trace_id", f.TraceID))
}

// Trouble implements [pipeline.Observer].
func (o *observer) Trouble(ctx context.Context, cmd *command.Command, doing string, err error) {
	o.Logger().Error("command in trouble", zap.Stringer("command_id", cmd.ID), zap.String("kind", string(cmd.Kind)),
		zap.String("doing", doing), zap.Error(err), telemetry.TraceFrom(ctx).Field())
}

// enter continues the trace of a command's producer, or begins one, so that the
// log lines, the row and the events of one command share an id.
func enter(ctx context.Context, cmd *command.Command) context.Context {
	trace := telemetry.TraceFrom(ctx) // of the message's span, when traces are exported
	if trace.ID() == "" {
		trace = telemetry.Continue(cmd.TraceParent, cmd.TraceState)
	}
	recognised(ctx, cmd)
	if cmd.TraceParent == "" {
		cmd.TraceParent = trace.Traceparent()
	}
	return telemetry.WithTrace(ctx, trace)
}

var (
	_ providers.Observer = (*observer)(nil)
	_ pipeline.Observer  = (*observer)(nil)
)
