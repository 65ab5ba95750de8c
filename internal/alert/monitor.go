package alert

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Probe looks at the figures behind some alerts.
type Probe struct {
	Alerts []Name
	Look   func(ctx context.Context) ([]Reading, error)
}

// Store keeps the alerts of the fleet.
type Store interface {
	// OpenAlerts returns those that are not over, the pending ones too.
	OpenAlerts(ctx context.Context) ([]Alert, error)
	// Silences returns those that last.
	Silences(ctx context.Context) ([]Silence, error)
	// ChangeAlerts stores changes, each with the event and the notices that tell of
	// it, and returns those that it did store: not what another worker changed first.
	ChangeAlerts(ctx context.Context, changes []Change) ([]Change, error)
}

// Options are what a monitor works with.
type Options struct {
	Probes []Probe
	Store  Store
	// Interval between two looks, and the patience in force.
	Interval func() time.Duration
	Patience func() Patience
	// Told is told of each stored change that people are told of; Trouble of what
	// did not work and is tried again.
	Told    func(Change)
	Trouble func(doing string, err error)
	Now     func() time.Time
}

// Monitor raises and resolves alerts.
type Monitor struct{ options Options }

// lookFor bounds one look of one probe.
const lookFor = 10 * time.Second

// NewMonitor returns a monitor; Run runs it.
func NewMonitor(options Options) *Monitor {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Monitor{options: options}
}

// Run looks again and again until ctx ends. One worker of the fleet runs it.
func (m *Monitor) Run(ctx context.Context) error {
	for {
		if err := m.Look(ctx); err != nil && ctx.Err() == nil {
			m.options.Trouble("the alerts", err)
		}
		timer := time.NewTimer(m.options.Interval())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// Look looks once. Where a probe cannot look, its alerts stay as they are: not to
// know is no reason to say that all is well.
func (m *Monitor) Look(ctx context.Context) error {
	open, err := m.options.Store.OpenAlerts(ctx)
	if err != nil {
		return err
	}
	silences, err := m.options.Store.Silences(ctx)
	if err != nil {
		return err
	}
	var found []Reading
	looked := map[Name]bool{}
	for _, probe := range m.options.Probes {
		readings, err := m.look(ctx, probe)
		if err != nil {
			if ctx.Err() == nil {
				m.options.Trouble(fmt.Sprint(probe.Alerts), err)
			}
			continue
		}
		found = append(found, readings...)
		for _, name := range probe.Alerts {
			looked[name] = true
		}
	}
	// What nobody looks at any more, such as a rule of another version, ends.
	for _, a := range open {
		if !slices.ContainsFunc(m.options.Probes, func(p Probe) bool { return slices.Contains(p.Alerts, a.Alert) }) {
			looked[a.Alert] = true
		}
	}
	changes := judge(m.options.Now().UTC().Truncate(time.Millisecond), open, silences, found, looked, m.options.Patience())
	if len(changes) == 0 {
		return nil
	}
	stored, err := m.options.Store.ChangeAlerts(ctx, changes)
	for _, change := range stored {
		if change.What.Told() {
			m.options.Told(change)
		}
	}
	return err
}

func (m *Monitor) look(ctx context.Context, probe Probe) ([]Reading, error) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	return probe.Look(ctx)
}
