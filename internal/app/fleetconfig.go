package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/config"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// FleetConfig tells every worker of a fleet at once what to change in its
// configuration.
type FleetConfig struct {
	conn    *broker.Conn
	pool    *pgxpool.Pool
	state   *broker.State
	control providerControl
}

// FleetOverrides are one version of what the fleet was told.
type FleetOverrides struct {
	Version int       `json:"version"`
	Text    string    `json:"text"` // YAML; "" overrides nothing
	By      string    `json:"by"`
	Note    string    `json:"note,omitzero"`
	At      time.Time `json:"at"`
}

// WorkerConfig is which configuration a worker runs with.
type WorkerConfig struct {
	Worker    string `json:"worker"`
	Host      string `json:"host"`
	PID       int    `json:"pid"`
	Config    string `json:"config"`    // tells configurations apart
	Overrides int    `json:"overrides"` // version in force
	// Refused is why the version that was offered last is not in force.
	Refused string `json:"refused,omitzero"`

	offered int
}

// OpenFleetConfig connects to the fleet of a configuration.
func OpenFleetConfig(ctx context.Context, cfg *config.Config) (*FleetConfig, error) {
	f := new(FleetConfig)
	var err error
	if f.conn, err = dialNATS(ctx, connectOptions(&cfg.Static, zap.NewNop())); err != nil {
		return nil, err
	}
	if f.pool, err = dialPostgres(ctx, cfg.Static.Postgres.URL.Reveal(), 2, mostDialled, dialWithin); err != nil {
		f.Close()
		return nil, err
	}
	if f.state, err = broker.OpenState(ctx, f.conn); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w; has a worker been started?", err)
	}
	if f.control, err = openProviders(ctx, f.conn, f.pool); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close ends the connections.
func (f *FleetConfig) Close() {
	if f.control.fleet != nil {
		f.control.fleet.Stop()
	}
	if f.pool != nil {
		f.pool.Close()
	}
	f.conn.Close()
}

// Current is what the fleet was told last; version 0 when it never was.
func (f *FleetConfig) Current(ctx context.Context) (FleetOverrides, error) {
	o, _, err := readOverrides(ctx, f.state, keyOverrides)
	return FleetOverrides(o), err
}

// At is an earlier version; 0 overrides nothing.
func (f *FleetConfig) At(ctx context.Context, version int) (FleetOverrides, error) {
	if version == 0 {
		return FleetOverrides{}, nil
	}
	o, _, err := readOverrides(ctx, f.state, keyOverridesOf(version))
	if err == nil && o.Version == 0 {
		err = fault.New(fault.NotFound, "config", "there is no version %d, or it is not among the last %d any more", version, keptOverrides)
	}
	return FleetOverrides(o), err
}

// Push tells the fleet: text, which has been validated, stands above the
// configuration of every worker from now on. The audit log has it, or it is not
// pushed.
func (f *FleetConfig) Push(ctx context.Context, text, by, note string) (FleetOverrides, error) {
	return f.write(ctx, "config.push", text, by, note, nil)
}

// Revert makes an earlier version the newest one.
func (f *FleetConfig) Revert(ctx context.Context, version int, by, note string) (FleetOverrides, error) {
	old, err := f.At(ctx, version)
	if err != nil {
		return FleetOverrides{}, err
	}
	return f.write(ctx, "config.revert", old.Text, by, note, map[string]any{"to": version})
}

func (f *FleetConfig) write(ctx context.Context, action, text, by, note string, detail map[string]any) (FleetOverrides, error) {
	before, revision, err := readOverrides(ctx, f.state, keyOverrides)
	if err != nil {
		return FleetOverrides{}, err
	}
	next := overrides{Version: before.Version + 1, Text: text, By: by, Note: note, At: time.Now().UTC().Truncate(time.Second)}
	value, err := json.Marshal(next)
	if err != nil {
		return FleetOverrides{}, fmt.Errorf("app: overrides of the fleet: %w", err)
	}
	if detail == nil {
		detail = map[string]any{}
	}
	detail["version"], detail["note"] = next.Version, note
	err = f.control.operator.Audited(ctx, by, action, "fleet", detail, func(ctx context.Context) error {
		// The copy first: what is in force can always be gone back to.
		if _, err := f.state.Put(ctx, keyOverridesOf(next.Version), value, 0); err != nil {
			return err
		}
		_, won, err := f.state.Swap(ctx, keyOverrides, value, revision, 0)
		if err == nil && !won {
			err = fault.New(fault.Refused, "config", "somebody else has pushed at the same time; look at theirs with worker config show")
		}
		return err
	})
	if err == nil && next.Version > keptOverrides {
		_, err = f.state.Delete(ctx, keyOverridesOf(next.Version-keptOverrides), 0)
	}
	return FleetOverrides(next), err
}

// Workers are the workers that run now, by host.
func (f *FleetConfig) Workers() []WorkerConfig { return f.control.workerConfigs() }

func (c providerControl) workerConfigs() []WorkerConfig {
	workers := []WorkerConfig{}
	for worker, r := range c.fleet.Reports() {
		workers = append(workers, WorkerConfig{
			Worker: worker, Host: r.Host, PID: r.PID, Config: r.Config.Digest, Overrides: r.Config.Overrides,
			Refused: r.Config.Refused, offered: r.Config.Offered,
		})
	}
	slices.SortFunc(workers, func(a, b WorkerConfig) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID), cmp.Compare(a.Worker, b.Worker))
	})
	return workers
}

// Await waits until every worker that runs has taken a version over or refused it,
// or ctx ends, and returns how they then stand.
func (f *FleetConfig) Await(ctx context.Context, version int) []WorkerConfig {
	for {
		workers := f.Workers()
		answered := !slices.ContainsFunc(workers, func(w WorkerConfig) bool { return w.Overrides < version && w.offered < version })
		if answered || !pause(ctx, 50*time.Millisecond) {
			return workers
		}
	}
}

// Has reports whether a worker has answered to a version: taken it over, or
// refused it.
func (w WorkerConfig) Has(version int) (inForce, refused bool) {
	return w.Overrides >= version && w.Refused == "", w.Refused != "" && w.offered >= version
}
