package resilience

import (
	"context"
	"sync"
)

// Flights lets callers who want the same at the same time share one call. The
// zero value is ready for use.
type Flights[V any] struct {
	mu      sync.Mutex
	flights map[string]*flight[V]
}

type flight[V any] struct {
	done  chan struct{}
	value V
	share bool
}

// Do runs call for the first caller of key and hands its value to all who came
// meanwhile; shared reports that the value is another caller's. A value that call
// says not to share, because it is about that caller alone, makes the others call
// for themselves, as does a call that panics. The error is that of a ctx which
// ended before.
func (f *Flights[V]) Do(ctx context.Context, key string, call func() (value V, share bool)) (value V, shared bool, err error) {
	for {
		own, other := f.join(key)
		if own != nil {
			defer f.land(key, own)
			own.value, own.share = call()
			return own.value, false, nil
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return value, false, ctx.Err()
		}
		if other.share {
			return other.value, true, nil
		}
	}
}

func (f *Flights[V]) join(key string) (own, other *flight[V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if other := f.flights[key]; other != nil {
		return nil, other
	}
	if f.flights == nil {
		f.flights = map[string]*flight[V]{}
	}
	own = &flight[V]{done: make(chan struct{})}
	f.flights[key] = own
	return own, nil
}

func (f *Flights[V]) land(key string, own *flight[V]) {
	f.mu.Lock()
	delete(f.flights, key)
	f.mu.Unlock()
	close(own.done)
}
