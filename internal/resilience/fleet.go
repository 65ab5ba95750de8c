package resilience

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fleet is one worker's view of what all workers know about the providers, and
// its voice in it. What it holds outlives a reload of the configuration.
type Fleet struct {
	options FleetOptions

	mu        sync.RWMutex
	providers map[string]*Live
	stops     map[string]Hold // kinds that an operator paused
	tuned     map[string]*tunedRecord
	workers   map[string]WorkerReport
	reported  map[string]time.Time // when the server stored a worker's last report
	health    map[string][]byte
	config    ConfigReport
	clock     serverClock
	troubled  bool

	base    context.Context // of the goroutines of throttles
	cancel  context.CancelFunc
	tasks   chan struct{}
	news    chan struct{} // this worker's report is not what it was
	synced  chan struct{} // the whole state has been heard once
	sampled chan struct{} // the server's time is known
	once    [2]sync.Once
	run     sync.WaitGroup
}

// FleetOptions say who this worker is.
type FleetOptions struct {
	// Worker is this worker's name in the fleet.
	Worker string
	// State is shared with the other workers; nil for a worker that is alone.
	State SharedState
	// Silent is for those who look on: they are no worker.
	Silent bool
	// Presence is how long a worker counts as live after its last sign of life;
	// default 10 s.
	Presence time.Duration
	// About says what this worker is; it is shown beside its providers.
	About WorkerReport
	Hooks Hooks
	Now   func() time.Time
}

// Hooks are told of what happens, for metrics, log and events; nil ones are not.
// They return soon.
type Hooks struct {
	// Tripped: a breaker was opened by this worker. Breaker: a state as this worker
	// sees it has changed.
	Tripped func(provider string)
	Breaker func(provider string, state State)
	// Waited and Limited: a call had to wait for tokens, for so long. Throttled says
	// the same once a second at most, for the log.
	Waited    func(provider string, waited time.Duration)
	Limited   func(provider string)
	Throttled func(provider string, waiting int, wait time.Duration)
	// Held and Lifted: a provider is held back, or no more.
	Held   func(provider string, cause Cause, hold Hold)
	Lifted func(provider string, cause Cause)
	// Changed: something that decides whether providers or kinds may be used.
	Changed func()
	// Health: the record of a provider's health has changed; nil when it is gone.
	Health func(provider string, record []byte)
	// Trouble: the shared state could not be written; it is tried again.
	Trouble func(err error)
}

const (
	defaultPresence = 10 * time.Second
	fleetTick       = 250 * time.Millisecond
	syncWait        = 5 * time.Second
	goodbye         = 2 * time.Second
)

// StartFleet begins to listen and to report. It returns when the state of the
// fleet is known, so that the first call obeys an open breaker, or after a few
// seconds without it. Stop it after everything that calls providers.
func StartFleet(ctx context.Context, options FleetOptions) *Fleet {
	if options.Presence <= 0 {
		options.Presence = defaultPresence
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	f := &Fleet{
		options: options, providers: map[string]*Live{}, stops: map[string]Hold{}, tuned: map[string]*tunedRecord{},
		workers: map[string]WorkerReport{}, reported: map[string]time.Time{}, health: map[string][]byte{}, tasks: make(chan struct{}, 1),
		news: make(chan struct{}, 1), synced: make(chan struct{}), sampled: make(chan struct{}),
	}
	f.base, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	f.run.Go(func() { f.work(f.base) })
	if options.State == nil {
		return f
	}
	f.run.Go(func() {
		_ = options.State.Watch(f.base, watched(), f.heard, func() { f.once[0].Do(func() { close(f.synced) }) })
	})
	known := f.synced
	if !options.Silent {
		f.run.Go(func() { f.report(f.base) })
		known = f.sampled
	}
	timer := time.NewTimer(syncWait)
	defer timer.Stop()
	select {
	case <-known:
	case <-timer.C:
	case <-ctx.Done():
	}
	return f
}

// Stop says goodbye and ends everything that the fleet runs.
func (f *Fleet) Stop() {
	f.cancel()
	f.run.Wait()
	for _, l := range f.all() {
		l.throttle.wait()
	}
	if f.options.State != nil && !f.options.Silent {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		_, _ = f.options.State.Delete(ctx, keyWorker+f.options.Worker, 0)
	}
}

// Provider returns what is known of a provider, with settings in force from now.
func (f *Fleet) Provider(name string, settings Settings) *Live {
	l := f.Live(name)
	l.Configure(settings)
	return l
}

// tell has the report of this worker written soon.
func (f *Fleet) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// Live returns what is known of a provider, configured here or not yet. A nil
// fleet makes a provider of its own, with a breaker and no limit.
func (f *Fleet) Live(name string) *Live {
	if f == nil {
		f = &Fleet{options: FleetOptions{Now: time.Now}, providers: map[string]*Live{}}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.providers[name]
	if l == nil {
		l = newLive(name, f)
		f.providers[name] = l
	}
	return l
}

// Retain forgets the settings of every provider but these: the others are no
// longer this worker's. How they stand is still heard.
func (f *Fleet) Retain(names ...string) {
	for _, l := range f.all() {
		if !slices.Contains(names, l.name) {
			l.dismiss()
		}
	}
	f.tell()
}

// Known returns a provider that has been configured, or nil.
func (f *Fleet) Known(name string) *Live {
	f.mu.RLock()
	l := f.providers[name]
	f.mu.RUnlock()
	if l == nil || !l.isConfigured() {
		return nil
	}
	return l
}

// Workers counts the live workers, this one included.
func (f *Fleet) Workers() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n := len(f.workers)
	if _, counted := f.workers[f.options.Worker]; !counted && !f.options.Silent {
		n++
	}
	return n
}

// heardSince is the part of the live workers, this one included, that has been
// heard of since then.
func (f *Fleet) heardSince(since time.Time) float64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	known, heard := 1, 1
	for name := range f.workers {
		if name == f.options.Worker {
			continue
		}
		if known++; !f.reported[name].Before(since) {
			heard++
		}
	}
	return float64(heard) / float64(known)
}

// heardOf is when the server stored this worker's own last report.
func (f *Fleet) heardOf() time.Time {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.reported[f.options.Worker]
}

// Stopped returns the hold of a kind that an operator paused.
func (f *Fleet) Stopped(kind string) (Hold, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	hold, ok := f.stops[kind]
	return hold, ok
}

// Health returns what the last check of a provider left; nil when there is none.
func (f *Fleet) Health(provider string) []byte {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.health[provider]
}

// serverTime is the time by the server's clock, or ours while none is known.
func (f *Fleet) serverTime() time.Time {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.clock.at(f.options.Now())
}

// wake has what breakers want shared written soon.
func (f *Fleet) wake() {
	select {
	case f.tasks <- struct{}{}:
	default:
	}
}

// work writes what is to be shared, and looks after what time alone changes.
func (f *Fleet) work(ctx context.Context) {
	ticker := time.NewTicker(fleetTick)
	defer ticker.Stop()
	for {
		select {
		case <-f.tasks:
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for _, l := range f.all() {
			l.tidy()
			task, cancel := context.WithTimeout(ctx, 2*stateTimeout)
			if err := errors.Join(l.breaker.sync(task), l.sync(task)); err != nil {
				f.trouble(err)
			}
			cancel()
		}
	}
}

func (f *Fleet) all() []*Live {
	f.mu.RLock()
	defer f.mu.RUnlock()
	all := make([]*Live, 0, len(f.providers))
	for _, l := range f.providers {
		all = append(all, l)
	}
	return all
}

// heard takes in one change of the shared state.
func (f *Fleet) heard(key string, value []byte, revision uint64, at time.Time) {
	f.sample(at)
	prefix, name, _ := strings.Cut(key, ".")
	switch prefix + "." {
	case keyBucket:
		f.Live(name).throttle.heard(decode[bucketRecord](value), revision)
		return
	case keyTrip:
		f.Live(name).breaker.heardTrip(decode[tripRecord](value))
	case keyGate:
		f.Live(name).breaker.heardGate(decode[gateRecord](value))
	case keyHold:
		name, cause, _ := named(key, keyHold)
		f.Live(name).heardHold(Cause(cause), decode[Hold](value))
	case keyStop:
		keep(f, f.stops, name, value)
	case keyTuned:
		f.mu.Lock()
		f.tuned[name] = decode[tunedRecord](value)
		f.mu.Unlock()
		f.Live(name).retune()
	case keyWorker:
		keep(f, f.workers, name, value)
		f.mu.Lock()
		f.reported[name] = at
		f.mu.Unlock()
		return
	case keyHealth:
		f.mu.Lock()
		f.health[name] = value
		f.mu.Unlock()
		f.hooks().health(name, value)
		return
	}
	f.hooks().changed()
}

// sample learns the server's time from what has just been stored; what stood
// there before we listened is old news.
func (f *Fleet) sample(stored time.Time) {
	select {
	case <-f.synced:
	default:
		return
	}
	if stored.IsZero() {
		return
	}
	f.mu.Lock()
	f.clock.sample(stored, f.options.Now())
	f.mu.Unlock()
	f.once[1].Do(func() { close(f.sampled) })
}

// keep puts a record into one of the fleet's maps, or takes it out.
func keep[R any](f *Fleet, records map[string]R, name string, value []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(records, name)
	if record := decode[R](value); record != nil {
		records[name] = *record
	}
}

func (f *Fleet) tunedLimit(name string, configured Limit) Limit {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.tuned[name].over(configured)
}
