package resilience

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// tripKeep is how long a trip outlives its cooldown when nobody calls the
// provider any more.
const tripKeep = time.Hour

// probeMargin is how much longer than its call the lease of a probe lives.
const probeMargin = 2 * time.Second

// shareTask is what a breaker wants written to the shared state. A later one
// replaces an earlier one that has not been written yet.
type shareTask struct {
	trip    *tripRecord
	gate    *gateRecord
	closed  bool
	release uint64 // revision of a gate that is given back
}

func (s shareTask) none() bool { return s.trip == nil && !s.closed && s.release == 0 }

// later has task written soon, in the order that must hold. The lock is held.
func (b *Breaker) later(task shareTask) {
	if b.fleet == nil || b.fleet.options.State == nil {
		return
	}
	b.share = task
	b.fleet.wake()
}

// sync writes what is to be shared and tells of changes that time alone makes.
// The fleet calls it soon after every later, and regularly.
func (b *Breaker) sync(ctx context.Context) error {
	b.fallBack()
	b.note()
	b.mu.Lock()
	task := b.share
	b.mu.Unlock()
	if task.none() {
		return nil
	}
	if err := b.write(ctx, task); err != nil {
		return err // still the task, unless a later one has come
	}
	b.mu.Lock()
	if b.share == task {
		b.share = shareTask{}
	}
	b.mu.Unlock()
	return nil
}

func (b *Breaker) write(ctx context.Context, task shareTask) error {
	state := b.fleet.options.State
	switch {
	case task.trip != nil:
		// The gate comes first: a trip without one would be half-open.
		cooldown := time.Duration(task.gate.ForMS) * time.Millisecond
		if _, err := state.Put(ctx, keyGate+b.provider, encode(task.gate), cooldown); err != nil {
			return err
		}
		_, err := state.Put(ctx, keyTrip+b.provider, encode(task.trip), cooldown+tripKeep)
		return err
	case task.closed:
		if _, err := state.Delete(ctx, keyTrip+b.provider, 0); err != nil {
			return err
		}
		_, err := state.Delete(ctx, keyGate+b.provider, 0)
		return err
	default:
		_, err := state.Delete(ctx, keyGate+b.provider, task.release)
		return err
	}
}

// fallBack gives back a probe that was reserved and not used.
func (b *Breaker) fallBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.probe; p != nil && !p.calling && !b.now().Before(p.until) {
		b.probe, b.gate = nil, nil
		if p.revision > 0 {
			b.later(shareTask{release: p.revision})
		}
	}
}

// alonePatience is how long a worker waits for a server that does not answer
// before it probes for itself. A server that is merely slow may have given the
// lease to another.
const alonePatience = 2 * time.Second

// seek takes the lease of the probe. A worker that is alone, or whose server
// stays away, probes for itself.
func (b *Breaker) seek(ctx context.Context, probeFor time.Duration) (revision uint64, won bool) {
	if b.fleet == nil || b.fleet.options.State == nil {
		return 0, true
	}
	asked, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	state := b.fleet.options.State
	standing, revision, _, err := state.Get(asked, keyGate+b.provider)
	if err == nil && standing == nil {
		life := probeFor + probeMargin
		gate := gateRecord{ForMS: life.Milliseconds(), Probes: b.fleet.options.Worker, ID: uuid.NewString()}
		revision, won, err = state.Swap(asked, keyGate+b.provider, encode(gate), revision, life)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		b.unanswered = time.Time{}
		return revision, won
	case ctx.Err() != nil:
		return 0, false // the caller left; that says nothing about the server
	case b.unanswered.IsZero():
		b.unanswered = b.now()
	}
	return 0, b.now().Sub(b.unanswered) >= alonePatience
}

// heardTrip takes over what the fleet says; nil closes.
func (b *Breaker) heardTrip(trip *tripRecord) {
	defer b.note()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case trip == nil && b.share.trip != nil:
		// Ours is not written yet: what ended was an earlier one.
	case trip == nil && b.trip != nil:
		b.close()
	case trip != nil && b.share.closed:
		// Closed here, and not written yet: what was heard is older.
	case trip != nil && b.trip == nil:
		b.trip = trip
		if b.gate == nil {
			// Its gate was heard of before it, or has ended already: half-open.
			b.gateUntil = b.now()
		}
	case trip != nil:
		b.trip = trip
	}
}

// heardGate takes over who keeps the way to the probe closed; nil opens it.
func (b *Breaker) heardGate(gate *gateRecord) {
	defer b.note()
	b.mu.Lock()
	defer b.mu.Unlock()
	if gate == nil {
		if b.share.trip == nil && b.probe == nil {
			b.gate = nil
		}
		return
	}
	if b.gate != nil && b.gate.ID == gate.ID || b.share.trip != nil {
		return // our own, come back
	}
	b.gate = gate
	b.gateUntil = b.now().Add(time.Duration(gate.ForMS) * time.Millisecond)
}
