package app

import (
	"context"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/health"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

// fleet is this worker's place among the others: what they share about the
// providers, and what follows from it here.
type fleet struct {
	*resilience.Fleet
	state     *broker.State
	worker    string
	telemetry *Telemetry
	changed   chan struct{}
}

// joinFleet begins to share. It returns when the state of the fleet is known, so
// that the first call obeys an open breaker.
func joinFleet(ctx context.Context, cfg *config.Static, state *broker.State, worker string, telemetry *Telemetry) *fleet {
	f := &fleet{state: state, worker: worker, telemetry: telemetry, changed: make(chan struct{}, 1)}
	host, _ := os.Hostname()
	f.Fleet = resilience.StartFleet(ctx, resilience.FleetOptions{
		Worker: worker, State: state, Presence: cfg.Worker.LeaderLease, Hooks: f.hooks(), Now: testClock(),
		About: resilience.WorkerReport{Host: host, PID: os.Getpid(), Version: Version(), Started: time.Now().UTC()},
	})
	return f
}

// hooks turns what happens to providers into metrics and log lines.
func (f *fleet) hooks() resilience.Hooks {
	metrics, log := f.telemetry.Metrics, f.telemetry.Logger()
	provider := func(name string) zap.Field { return zap.String("provider", name) }
	return resilience.Hooks{
		Tripped: func(name string) {
			metrics.BreakerTrip(name)
			log.Warn("breaker opened: the provider keeps failing and is not called for a while", provider(name))
		},
		Breaker: func(name string, state resilience.State) {
			metrics.Breaker(name, string(state))
			log.Info("breaker", provider(name), zap.String("state", string(state)))
		},
		Waited:  metrics.ThrottleWait,
		Limited: metrics.ThrottleLimited,
		Throttled: func(name string, waiting int, wait time.Duration) {
			log.Warn("rate limit reached: calls wait", provider(name), zap.Int("waiting", waiting), zap.Duration("next", wait))
		},
		Held: func(name string, cause resilience.Cause, hold resilience.Hold) {
			log.Warn("provider is held back", provider(name), zap.String("cause", string(cause)), zap.String("by", hold.By),
				zap.String("note", hold.Note), zap.String("error_code", hold.Detail), zap.Int64("for_ms", hold.ForMS))
		},
		Lifted: func(name string, cause resilience.Cause) {
			log.Info("provider is no longer held back", provider(name), zap.String("cause", string(cause)))
		},
		Changed: func() {
			select {
			case f.changed <- struct{}{}:
			default:
			}
		},
		Health: func(name string, record []byte) {
			metrics.Health(name, string(health.Read(record).Status))
		},
		Trouble: func(err error) {
			log.Warn("the shared state cannot be written; this worker goes on by itself", zap.Error(err))
		},
	}
}

// puller is what can be told to take no commands of a kind.
type puller interface {
	Hold(topic string)
	Release(topic string)
}

// gateEvery is how often is looked whether a route has opened or closed by time
// alone.
const gateEvery = 250 * time.Millisecond

// guardRoutes stops the pull of a kind while nobody could be called for it, and
// starts it again, until ctx ends. What is not pulled waits in the stream: it
// holds no slot and is not handed out over and over. Look-ups are never held
// back by a closed route, because the cache may answer; an operator's pause of a
// kind holds back whatever it names.
func (f *fleet) guardRoutes(routes *Routes, pull puller, log *zap.Logger) func(context.Context) error {
	closed := map[command.Kind]func() bool{
		command.EmailSend: func() bool { return routes.Email.Closed() },
		command.SMSSend:   func() bool { return routes.SMS.Closed() },
	}
	return func(ctx context.Context) error {
		ticker := time.NewTicker(gateEvery)
		defer ticker.Stop()
		held := map[command.Kind]bool{}
		for {
			for _, kind := range command.Kinds() {
				hold, stopped := f.Stopped(string(kind))
				because := "paused by " + hold.By
				if route, has := closed[kind]; has && !stopped && route() {
					stopped, because = true, "every provider of its route is open, paused or out of quota"
				}
				if stopped == held[kind] {
					continue
				}
				if held[kind] = stopped; stopped {
					pull.Hold(string(kind))
					log.Warn("commands of a kind wait in the stream", zap.String("kind", string(kind)), zap.String("because", because))
				} else {
					pull.Release(string(kind))
					log.Info("commands of a kind are taken again", zap.String("kind", string(kind)))
				}
			}
			select {
			case <-f.changed:
			case <-ticker.C:
			case <-ctx.Done():
				return nil
			}
		}
	}
}
