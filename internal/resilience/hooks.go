package resilience

import "time"

// hooks returns the hooks with nothing in the place of those that are not set.
func (f *Fleet) hooks() called { return called{f.options.Hooks} }

// called calls hooks that may be nil.
type called struct{ Hooks }

func (h called) tripped(provider string) {
	if h.Tripped != nil {
		h.Tripped(provider)
	}
}

func (h called) breaker(provider string, state State) {
	if h.Breaker != nil {
		h.Breaker(provider, state)
	}
}

func (h called) waited(provider string, waited time.Duration) {
	if h.Waited != nil {
		h.Waited(provider, waited)
	}
}

func (h called) limited(provider string) {
	if h.Limited != nil {
		h.Limited(provider)
	}
}

func (h called) throttled(provider string, waiting int, wait time.Duration) {
	if h.Throttled != nil {
		h.Throttled(provider, waiting, wait)
	}
}

func (h called) held(provider string, cause Cause, hold Hold) {
	if h.Held != nil {
		h.Held(provider, cause, hold)
	}
}

func (h called) lifted(provider string, cause Cause) {
	if h.Lifted != nil {
		h.Lifted(provider, cause)
	}
}

func (h called) changed() {
	if h.Changed != nil {
		h.Changed()
	}
}

func (h called) health(provider string, record []byte) {
	if h.Health != nil {
		h.Health(provider, record)
	}
}

func (h called) trouble(err error) {
	if h.Trouble != nil {
		h.Trouble(err)
	}
}
