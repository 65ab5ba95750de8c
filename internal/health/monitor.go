package health

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Provider is one that can be checked.
type Provider struct {
	Name string
	// Check is a real, harmless call; its reason is "" when the provider answered
	// as it should.
	Check func(ctx context.Context) (reason string, grave bool)
	// Beside checks what belongs to the provider and its calls do not need, such as
	// the mailbox for its bounces: without it the provider is degraded, however
	// often that is found. nil for nothing.
	Beside func(ctx context.Context) (lacking string)
}

// Store keeps the records of the fleet.
type Store interface {
	// Load returns a provider's record, nil for none, and the revision at which
	// Swap expects it.
	Load(ctx context.Context, provider string) (record []byte, revision uint64, err error)
	Swap(ctx context.Context, provider string, record []byte, revision uint64) (won bool, err error)
}

// Change is a change of status, to be told.
type Change struct {
	Provider string
	Previous Status // "" for the first report
	Report
	// Number counts the changes of this provider, so that a repetition can be told
	// from another change.
	Number int
}

// Options are what a monitor works with.
type Options struct {
	Providers []Provider
	Store     Store
	// Signs returns how real calls of a provider fare.
	Signs func(provider string) Signs
	// Interval between two checks of one provider.
	Interval func() time.Duration
	// Tell makes a change known; it is called again when it fails. Save keeps a
	// report where it can be queried.
	Tell func(ctx context.Context, change Change) error
	Save func(ctx context.Context, provider string, report Report) error
	// Trouble is told of what did not work and is tried again.
	Trouble func(provider string, err error)
	Now     func() time.Time
}

// Monitor checks providers and judges them.
type Monitor struct{ options Options }

// ErrUnknown reports a provider that is not configured.
var ErrUnknown = errors.New("health: no such provider")

const (
	// lookEvery is how often the signs are looked at.
	lookEvery = 5 * time.Second
	// doubtful is how soon a check that failed is repeated, at most.
	doubtful = 20 * time.Second
	// changeTries bounds a race with others who check the same provider.
	changeTries = 5
)

// New returns a monitor.
func New(options Options) *Monitor {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Monitor{options: options}
}

// Run checks every provider each interval, give or take a tenth, and looks at
// the signs in between, until ctx ends. One worker of the fleet runs it.
func (m *Monitor) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, p := range m.options.Providers {
		wg.Go(func() { m.watch(ctx, p) })
	}
	wg.Wait()
	return ctx.Err()
}

// Check checks one provider now and returns how it is.
func (m *Monitor) Check(ctx context.Context, provider string) (Report, error) {
	for _, p := range m.options.Providers {
		if p.Name == provider {
			record, err := m.check(ctx, p)
			return record.Report, err
		}
	}
	return Report{}, fmt.Errorf("%w: %s", ErrUnknown, provider)
}

// watch looks after one provider.
func (m *Monitor) watch(ctx context.Context, p Provider) {
	next := m.first(ctx, p)
	for {
		wait := min(lookEvery, max(0, next.Sub(m.options.Now())))
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		due := !m.options.Now().Before(next)
		var record Record
		var err error
		if due {
			record, err = m.check(ctx, p)
			next = m.options.Now().Add(m.until(record))
		} else {
			_, err = m.change(ctx, p.Name, func(*Record) {})
		}
		if err != nil && ctx.Err() == nil {
			m.options.Trouble(p.Name, err)
		}
	}
}

// first is when the first check is due: one interval after the last one that
// another worker made, or at once.
func (m *Monitor) first(ctx context.Context, p Provider) time.Time {
	now := m.options.Now()
	value, _, err := m.options.Store.Load(ctx, p.Name)
	if err != nil || value == nil {
		return now
	}
	var record Record
	if json.Unmarshal(value, &record) != nil || record.CheckedAt.IsZero() {
		return now
	}
	return record.CheckedAt.Add(m.until(record))
}

// until is the time to the next check: sooner where the last one left a doubt.
func (m *Monitor) until(record Record) time.Duration {
	interval := m.options.Interval()
	if record.Check != Healthy && record.Check != "" {
		interval = min(interval, doubtful)
	}
	return interval*9/10 + rand.N(interval/5+1)
}

func (m *Monitor) check(ctx context.Context, p Provider) (Record, error) {
	began := m.options.Now()
	reason, grave := p.Check(ctx)
	outcome := Checked{At: m.options.Now(), Took: m.options.Now().Sub(began), Reason: reason, Grave: grave}
	if reason == "" && p.Beside != nil {
		outcome.Lacking = p.Beside(ctx)
	}
	if ctx.Err() != nil {
		return Record{}, context.Cause(ctx) // it says nothing about the provider
	}
	return m.change(ctx, p.Name, func(r *Record) { r.checked(outcome) })
}

// change brings a record up to date and tells of a change of status. The change
// is stored first, as one that has not been told: if this worker dies now, the
// next one tells it.
func (m *Monitor) change(ctx context.Context, provider string, edit func(*Record)) (Record, error) {
	for range changeTries {
		value, revision, err := m.options.Store.Load(ctx, provider)
		if err != nil {
			return Record{}, err
		}
		var record Record
		if value != nil && json.Unmarshal(value, &record) != nil {
			record = Record{} // written by another version: begin again
		}
		before := record
		edit(&record)
		record.judge(m.options.Now(), m.options.Signs(provider))
		if record == before && !record.Untold {
			return record, nil
		}
		if record, err = m.settle(ctx, provider, record, revision); !errors.Is(err, errLost) {
			return record, err
		}
	}
	return Record{}, fmt.Errorf("health: %s: too many others check it at once", provider)
}

// errLost: somebody else changed the record meanwhile.
var errLost = errors.New("health: the record was changed meanwhile")

func (m *Monitor) settle(ctx context.Context, provider string, record Record, revision uint64) (Record, error) {
	if err := m.swap(ctx, provider, record, revision); err != nil {
		return record, err
	}
	if err := m.options.Save(ctx, provider, record.Report); err != nil {
		return record, err
	}
	if !record.Untold {
		return record, nil
	}
	change := Change{Provider: provider, Previous: record.Previous, Report: record.Report, Number: record.Changes}
	if err := m.options.Tell(ctx, change); err != nil {
		return record, err
	}
	value, revision, err := m.options.Store.Load(ctx, provider)
	var now Record
	if err != nil || value == nil || json.Unmarshal(value, &now) != nil || now.Changes != record.Changes {
		return record, err // told again, or overtaken by another change
	}
	now.Untold = false
	if err := m.swap(ctx, provider, now, revision); err != nil && !errors.Is(err, errLost) {
		return record, err
	}
	return now, nil
}

func (m *Monitor) swap(ctx context.Context, provider string, record Record, revision uint64) error {
	value, err := json.Marshal(record)
	if err != nil {
		return err
	}
	won, err := m.options.Store.Swap(ctx, provider, value, revision)
	if err == nil && !won {
		return errLost
	}
	return err
}
