package resilience

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// What operators do goes to the shared state itself, from where every worker
// hears of it; it stands until it is undone, whatever is restarted.

// Pause keeps a provider from being called until Resume.
func (f *Fleet) Pause(ctx context.Context, provider, by, note string) error {
	return f.put(ctx, keyHold+provider+"."+string(ByOperator), Hold{By: by, Note: note, Since: f.stamp()})
}

// Resume lets a paused provider be called again.
func (f *Fleet) Resume(ctx context.Context, provider string) error {
	return f.remove(ctx, keyHold+provider+"."+string(ByOperator))
}

// PauseKind keeps every worker from taking commands of a kind until ResumeKind.
func (f *Fleet) PauseKind(ctx context.Context, kind, by, note string) error {
	return f.put(ctx, keyStop+kind, Hold{By: by, Note: note, Since: f.stamp()})
}

// ResumeKind lets the workers take commands of a kind again.
func (f *Fleet) ResumeKind(ctx context.Context, kind string) error {
	return f.remove(ctx, keyStop+kind)
}

// Reset closes a provider's breaker and forgets what held it back by itself; an
// operator's pause stays.
func (f *Fleet) Reset(ctx context.Context, provider string) error {
	keys := []string{keyTrip + provider, keyGate + provider}
	for _, cause := range []Cause{NoQuota, NoEntry, SlowedDown} {
		keys = append(keys, keyHold+provider+"."+string(cause))
	}
	for _, key := range keys {
		if err := f.remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// Tune changes the limit of a provider over what is configured; nil leaves a
// value as it is. It holds until the configured limit changes.
func (f *Fleet) Tune(ctx context.Context, provider string, rate *float64, burst *int, by string) error {
	report, known := f.Reported(provider)
	if !known {
		return fault.New(fault.NotFound, "providers", "no worker that runs now has a provider %q", provider)
	}
	f.mu.RLock()
	standing := f.tuned[provider]
	f.mu.RUnlock()
	tuned := tunedRecord{Rate: rate, Burst: burst, Over: report.Limit, By: by}
	if standing != nil && standing.Over == tuned.Over {
		if rate == nil {
			tuned.Rate = standing.Rate
		}
		if burst == nil {
			tuned.Burst = standing.Burst
		}
	}
	return f.put(ctx, keyTuned+provider, tuned)
}

// Limit is the limit in force for a provider that workers report.
func (f *Fleet) Limit(provider string) Limit {
	report, _ := f.Reported(provider)
	return f.tunedLimit(provider, report.Limit)
}

// Reports lists what the workers say of themselves, by worker. This worker's is
// what it knows now, not what came back from the shared state.
func (f *Fleet) Reports() map[string]WorkerReport {
	f.mu.RLock()
	reports := make(map[string]WorkerReport, len(f.workers)+1)
	maps.Copy(reports, f.workers)
	f.mu.RUnlock()
	if !f.options.Silent {
		reports[f.options.Worker] = f.Report()
	}
	return reports
}

// Reported joins what all workers say of one provider: the traffic of all, the
// newest choices, and else the word of the worker that started last.
func (f *Fleet) Reported(provider string) (ProviderReport, bool) {
	var joined ProviderReport
	var started time.Time
	known := false
	for _, report := range f.Reports() {
		p, has := report.Providers[provider]
		if !has {
			continue
		}
		traffic, waiting, choices := joined.Traffic.Plus(p.Traffic), joined.Waiting+p.Waiting, newest(joined.Choices, p.Choices)
		if !known || report.Started.After(started) {
			joined, started = p, report.Started
		}
		joined.Traffic, joined.Waiting, joined.Choices, known = traffic, waiting, choices, true
	}
	return joined, known
}

// Providers lists the providers that any worker has.
func (f *Fleet) Providers() []string {
	names := map[string]bool{}
	for _, report := range f.Reports() {
		for name := range report.Providers {
			names[name] = true
		}
	}
	return sorted(names)
}

// State is how a provider's breaker and holds stand across the fleet.
func (f *Fleet) State(provider string) (state State, holds map[Cause]Hold) {
	l := f.Live(provider)
	return l.breaker.State(), l.Holds()
}

// BreakerSince is when a provider's breaker left the state closed, by the clock of
// the worker that opened it; zero while it is closed.
func (f *Fleet) BreakerSince(provider string) time.Time {
	b := f.Live(provider).breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trip == nil {
		return time.Time{}
	}
	return b.trip.Since
}

// UsedToday counts a provider's calls on this day, Korean time, of the whole fleet;
// 0 where nothing limits it, for then nobody counts.
func (f *Fleet) UsedToday(provider string) int64 {
	b := f.Live(provider).throttle.bucket
	day := dayOf(f.serverTime())
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.known || b.record.Day != day {
		return b.unpaid
	}
	return b.record.Used + b.unpaid
}

func (f *Fleet) put(ctx context.Context, key string, record any) error {
	if f.options.State == nil {
		return fmt.Errorf("resilience: %s: this worker shares no state", key)
	}
	_, err := f.options.State.Put(ctx, key, encode(record), 0)
	return err
}

func (f *Fleet) remove(ctx context.Context, key string) error {
	if f.options.State == nil {
		return fmt.Errorf("resilience: %s: this worker shares no state", key)
	}
	_, err := f.options.State.Delete(ctx, key, 0)
	return err
}

func (f *Fleet) stamp() time.Time { return f.options.Now().UTC().Truncate(time.Millisecond) }
