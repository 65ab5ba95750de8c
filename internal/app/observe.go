package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/providers"
)

// observer writes the one wide line of each provider call and of each step of a
// command, and counts both.
type observer struct {
	log *zap.Logger
}

func newObserver(log *zap.Logger) *observer { return &observer{log: log} }

// Called implements [providers.Observer].
func (o *observer) Called(_ context.Context, r providers.Report) {
	log := o.log.Info
	fields := []zap.Field{
		zap.String("provider", r.Provider), zap.String("endpoint", r.Exchange.Endpoint), zap.String("method", r.Exchange.Method),
		zap.String("url", r.Exchange.URL), zap.String("status", r.Exchange.Status), zap.Duration("duration", r.Took),
		zap.Stringer("command_id", r.CommandID), zap.Int("attempt", r.Attempt),
	}
	if r.Mock {
		fields = append(fields, zap.Bool("mock", true))
	}
	if r.Err != nil {
		log = o.log.Warn
		fields = append(fields, zap.Error(r.Err))
	}
	log("provider call", fields...)
}

// Began implements [pipeline.Observer].
func (o *observer) Began(command.Kind) {}

// Ended implements [pipeline.Observer].
func (o *observer) Ended(command.Kind) {}

// Settled implements [pipeline.Observer].
func (o *observer) Settled(_ context.Context, row delivery.Row) {
	o.log.Info("command", zap.Stringer("command_id", row.ID), zap.String("kind", string(row.Kind)), zap.String("lane", string(row.Lane)),
		zap.String("status", string(row.Status)), zap.String("reason", string(row.Reason)), zap.String("provider", row.Provider),
		zap.Int("attempts", row.Attempts), zap.Duration("age", time.Since(row.RequestedAt)), zap.String("trace_id", row.TraceID))
}

// FailedOver implements [pipeline.Observer].
func (o *observer) FailedOver(_ context.Context, f delivery.Failover) {
	o.log.Warn("failover: another provider is called", zap.String("provider", f.From), zap.String("fallback", f.To),
		zap.String("reason", string(f.Reason)), zap.String("error_code", f.ErrorCode), zap.String("kind", string(f.Kind)),
		zap.Stringer("command_id", f.ID), zap.Int("attempt", f.Attempt), zap.String("trace_id", f.TraceID))
}

// Trouble implements [pipeline.Observer].
func (o *observer) Trouble(_ context.Context, cmd *command.Command, doing string, err error) {
	o.log.Error("command in trouble", zap.Stringer("command_id", cmd.ID), zap.String("kind", string(cmd.Kind)),
		zap.String("doing", doing), zap.Error(err))
}

var (
	_ providers.Observer = (*observer)(nil)
	_ pipeline.Observer  = (*observer)(nil)
)
