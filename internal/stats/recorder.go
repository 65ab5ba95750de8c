package stats

import (
	"context"
	"sync"
	"time"
)

// Scope is what is counted.
type Scope string

// The scopes: calls of a provider's endpoints, and commands of a kind's lanes.
const (
	Calls    Scope = "call"
	Commands Scope = "command"
)

// Key names one thing that is counted.
type Key struct {
	Scope Scope
	Name  string // the provider; the kind
	Part  string // its endpoint; the lane
}

// Figures are what was counted in a span of time.
type Figures struct {
	Key
	At       time.Time // when the span began
	Count    int64
	Failures int64 // of them
	Times    Sketch
	// The last failure; "" and zero when there was none.
	FailedReason string
	FailedAt     time.Time
}

// FailedShare is the part that failed, from 0 to 1.
func (f Figures) FailedShare() float64 {
	if f.Count == 0 {
		return 0
	}
	return float64(f.Failures) / float64(f.Count)
}

// Merge adds other figures; the key and the beginning stay.
func (f *Figures) Merge(other Figures) {
	f.Count, f.Failures = f.Count+other.Count, f.Failures+other.Failures
	if f.Times == nil {
		f.Times = Sketch{}
	}
	f.Times.Merge(other.Times)
	if other.FailedAt.After(f.FailedAt) {
		f.FailedReason, f.FailedAt = other.FailedReason, other.FailedAt
	}
}

// Save stores minutes whole. Storing one again replaces it.
type Save func(ctx context.Context, minutes []Figures) error

const (
	// flushEvery is how old the figures of a live worker are at most.
	flushEvery = 5 * time.Second
	// flushFor bounds one write.
	flushFor = 5 * time.Second
	// minutesKept bounds what waits while the database is away; older ones are lost.
	minutesKept = 30
	// keysMost bounds what is counted in one minute; more goes to Other.
	keysMost = 512
	// Other stands for the parts beyond that.
	Other = "other"
)

// Recorder counts in one worker.
type Recorder struct {
	now func() time.Time

	mu      sync.Mutex
	minutes []*minute // oldest first
}

type minute struct {
	at      time.Time
	figures map[Key]*Figures
	dirty   bool
}

// NewRecorder returns a recorder that counts from now; nothing is stored until
// Run runs.
func NewRecorder() *Recorder { return &Recorder{now: time.Now} }

// Count counts one call or command. reason is "" for one that did not fail.
func (r *Recorder) Count(key Key, took time.Duration, reason string) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.minute(now.Truncate(time.Minute))
	f := m.figures[key]
	if f == nil && len(m.figures) >= keysMost {
		key = Key{Scope: key.Scope, Name: Other, Part: Other}
		f = m.figures[key]
	}
	if f == nil {
		f = &Figures{Key: key, At: m.at, Times: Sketch{}}
		m.figures[key] = f
	}
	m.dirty = true
	f.Count++
	f.Times.Add(took)
	if reason != "" {
		f.Failures++
		f.FailedReason, f.FailedAt = reason, now
	}
}

// minute is the running one. A clock that was set back counts on in the newest.
func (r *Recorder) minute(at time.Time) *minute {
	if n := len(r.minutes); n > 0 && !at.After(r.minutes[n-1].at) {
		return r.minutes[n-1]
	}
	m := &minute{at: at, figures: map[Key]*Figures{}}
	r.minutes = append(r.minutes, m)
	if over := len(r.minutes) - minutesKept; over > 0 {
		clear(r.minutes[:over])
		r.minutes = r.minutes[over:]
	}
	return m
}

// Run stores what is counted every few seconds until ctx ends, then once more.
// What could not be stored is stored next time; trouble is told why.
func (r *Recorder) Run(ctx context.Context, save Save, trouble func(error)) error {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := r.flush(ctx, save); err != nil && ctx.Err() == nil {
				trouble(err)
			}
		case <-ctx.Done():
			return r.flush(context.WithoutCancel(ctx), save)
		}
	}
}

// flush stores the minutes that have changed, and forgets those that are over.
func (r *Recorder) flush(ctx context.Context, save Save) error {
	r.mu.Lock()
	var changed []*minute
	var copies []Figures
	for _, m := range r.minutes {
		if !m.dirty {
			continue
		}
		changed = append(changed, m)
		m.dirty = false
		for _, f := range m.figures {
			one := *f
			one.Times = Sketch{}
			one.Times.Merge(f.Times)
			copies = append(copies, one)
		}
	}
	r.mu.Unlock()
	if len(copies) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushFor)
	defer cancel()
	err := save(ctx, copies)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		for _, m := range changed {
			m.dirty = true
		}
		return err
	}
	for len(r.minutes) > 1 && !r.minutes[0].dirty {
		r.minutes = r.minutes[1:]
	}
	return nil
}
