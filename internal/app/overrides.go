package app

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/resilience"
)

// overrides are one version of what an operator tells the fleet. The newest stands
// under keyOverrides; each is kept under its number, to go back to.
type overrides struct {
	Version int       `json:"version"`
	Text    string    `json:"text"`
	By      string    `json:"by"`
	Note    string    `json:"note,omitzero"`
	At      time.Time `json:"at"`
}

const (
	keyOverrides = "config.current"
	// keptOverrides are the versions that can be gone back to.
	keptOverrides = 100
)

func keyOverridesOf(version int) string { return fmt.Sprintf("config.version.%d", version) }

func (o overrides) config() config.Overrides {
	return config.Overrides{Version: o.Version, Text: o.Text}
}

// readOverrides returns what stands under a key, and its revision; version 0 when
// nothing does.
func readOverrides(ctx context.Context, state *broker.State, key string) (o overrides, revision uint64, err error) {
	value, revision, _, err := state.Get(ctx, key)
	if err == nil && value != nil {
		err = json.Unmarshal(value, &o)
	}
	if err != nil {
		err = fmt.Errorf("app: overrides of the fleet: %w", err)
	}
	return o, revision, err
}

// begin loads the configuration with the overrides that the fleet has, before
// anything is made of it. Where they do not fit this worker it begins without, and
// says so.
func (r *reloader) begin(ctx context.Context, o *WorkerOptions, state *broker.State) {
	log := o.Telemetry.Logger()
	var err error
	if r.offered, _, err = readOverrides(ctx, state, keyOverrides); err != nil {
		log.Warn("overrides of the fleet cannot be read; they follow when they can", zap.Error(err))
		return
	}
	switch {
	case r.offered.Version == 0:
		return
	case r.load == nil:
		r.unfit = errFixed
		return
	}
	next, origins, err := r.load(r.offered.config())
	if err == nil {
		_, err = newInForce(next, origins)
	}
	if err != nil {
		log.Error("overrides of the fleet are not in force", zap.Int("version", r.offered.Version), zap.Error(err))
		r.unfit = refusal(err)
		return
	}
	o.Telemetry.prepare(&o.Config.Live, &next.Live).commit()
	o.Config, o.Origins, r.inForce = next, origins, r.offered.Version
	log.Info("overrides of the fleet are in force", zap.Int("version", r.inForce), zap.String("by", r.offered.By))
}

// heed puts the overrides of the fleet into force whenever they change, until ctx
// ends.
func (r *reloader) heed(ctx context.Context) error {
	return r.fleet.state.Watch(ctx, []string{keyOverrides}, func(_ string, value []byte, _ uint64, _ time.Time) {
		var offered overrides
		if value != nil && json.Unmarshal(value, &offered) != nil {
			return // written by a newer program
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if offered.Version == r.offered.Version {
			return
		}
		r.offered = offered
		_, _ = r.reloadLocked(ctx, byFleet, offered.By)
	}, func() {})
}

// report tells the fleet what is in force here, or why something is not.
func (r *reloader) report(refused error) {
	if refused == nil {
		r.inForce = r.offered.Version
	}
	report := resilience.ConfigReport{Digest: r.live.whole().Digest(), Overrides: r.inForce}
	if refused != nil {
		report.Offered, report.Refused = r.offered.Version, refused.Error()
	}
	if r.fleet != nil {
		r.fleet.SetConfig(report)
	}
}
