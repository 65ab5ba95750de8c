package providers

import (
	"sync"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// roster is what a route consists of between two changes of the configuration.
// Whoever calls a provider is counted in it, so that the connections of a
// provider that has left are closed when the last of its calls has ended.
type roster[P any] struct {
	guards []*Guard[P]

	mu       sync.Mutex
	users    int
	replaced bool
	unused   chan struct{} // closed when it is replaced and nobody is left in it
}

func newRoster[P any](guards []*Guard[P]) *roster[P] {
	return &roster[P]{guards: guards, unused: make(chan struct{})}
}

// enter counts one more user; false says that the roster is no longer the route's.
func (r *roster[P]) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.replaced {
		return false
	}
	r.users++
	return true
}

func (r *roster[P]) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users--
	r.settle()
}

func (r *roster[P]) replace() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replaced = true
	r.settle()
}

// settle tells when nobody uses the roster any more. The lock is held.
func (r *roster[P]) settle() {
	if r.replaced && r.users == 0 {
		close(r.unused)
	}
}

// from lists the providers to try: the pinned one alone, or all.
func (r *roster[P]) from(pinned string) ([]*Guard[P], error) {
	if len(r.guards) == 0 {
		return nil, fault.New(fault.Internal, "route", "no provider is configured")
	}
	if pinned == "" {
		return r.guards, nil
	}
	if g := r.find(pinned); g != nil {
		return []*Guard[P]{g}, nil
	}
	return nil, fault.InvalidField("provider", "%q is not in the route", pinned)
}

// find returns a provider of the route, or nil.
func (r *roster[P]) find(name string) *Guard[P] {
	for _, g := range r.guards {
		if g.Name() == name {
			return g
		}
	}
	return nil
}
