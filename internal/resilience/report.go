package resilience

import (
	"context"
	"time"
)

// WorkerReport is what a worker tells the fleet of itself, every few seconds. Its
// key expires with the worker.
type WorkerReport struct {
	Host      string                    `json:"host,omitzero"`
	PID       int                       `json:"pid,omitzero"`
	Version   string                    `json:"version,omitzero"`
	Started   time.Time                 `json:"started,omitzero"`
	Providers map[string]ProviderReport `json:"providers,omitzero"`
	Config    ConfigReport              `json:"config,omitzero"`
}

// ConfigReport is which configuration a worker runs with.
type ConfigReport struct {
	// Digest tells configurations apart.
	Digest string `json:"digest"`
	// Overrides is the version of the fleet's overrides that is in force.
	Overrides int `json:"overrides"`
	// Refused is why another version is not, when Offered is another.
	Offered int    `json:"offered,omitzero"`
	Refused string `json:"refused,omitzero"`
}

// SetConfig tells the fleet which configuration this worker runs with.
func (f *Fleet) SetConfig(config ConfigReport) {
	f.mu.Lock()
	f.config = config
	f.mu.Unlock()
	f.tell()
}

// ProviderReport is how one worker sees one provider.
type ProviderReport struct {
	Driver  string   `json:"driver,omitzero"`
	Mode    string   `json:"mode,omitzero"`
	Breaker State    `json:"breaker"`
	Limit   Limit    `json:"limit"` // as configured
	Traffic Traffic  `json:"traffic"`
	Waiting int      `json:"waiting,omitzero"` // calls that wait for tokens
	Choices []Choice `json:"choices,omitzero"`
}

// reportEvery bounds how old the news of a worker is. One that could not be told
// follows soon: the others wait for it.
const (
	reportEvery = 2 * time.Second
	reportAgain = 200 * time.Millisecond
	// reportSoon follows a configured provider, and lets others join it.
	reportSoon = 50 * time.Millisecond
)

// report keeps this worker's key alive. The first report follows the state of the
// others: its echo is then what tells the server's time.
func (f *Fleet) report(ctx context.Context) {
	every := min(f.options.Presence/3, reportEvery)
	timer := time.NewTimer(every)
	defer timer.Stop()
	select {
	case <-f.synced:
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	for {
		put, cancel := context.WithTimeout(ctx, stateTimeout)
		_, err := f.options.State.Put(put, keyWorker+f.options.Worker, encode(f.Report()), f.options.Presence)
		cancel()
		f.trouble(err)
		if timer.Reset(every); err != nil {
			timer.Reset(min(every, reportAgain))
		}
		select {
		case <-timer.C:
		case <-f.news:
			timer.Reset(reportSoon)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// Report is what this worker tells of itself.
func (f *Fleet) Report() WorkerReport {
	report := f.options.About
	f.mu.RLock()
	report.Config = f.config
	f.mu.RUnlock()
	report.Providers = map[string]ProviderReport{}
	now := f.options.Now()
	for _, l := range f.all() {
		if !l.isConfigured() {
			continue
		}
		l.mu.Lock()
		settings := l.settings
		l.mu.Unlock()
		report.Providers[l.name] = ProviderReport{
			Driver: settings.Driver, Mode: settings.Mode, Breaker: l.breaker.State(), Limit: settings.Limit,
			Traffic: l.recent.traffic(now), Waiting: l.throttle.Waiting(), Choices: l.Choices(),
		}
	}
	return report
}

// trouble tells of a failure of the shared state once, until it works again.
func (f *Fleet) trouble(err error) {
	f.mu.Lock()
	first := err != nil && !f.troubled
	f.troubled = err != nil
	f.mu.Unlock()
	if first && f.base.Err() == nil {
		f.hooks().trouble(err)
	}
}
