package resilience

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Choice is why a provider was chosen or skipped for one command.
type Choice struct {
	At      time.Time `json:"at"`
	Command string    `json:"command_id"`
	Chosen  bool      `json:"chosen"`
	Why     string    `json:"why"`
}

// choicesKept is how many of the last choices are remembered for each provider.
const choicesKept = 8

// choices are the last choices, oldest first.
type choices struct {
	mu   sync.Mutex
	ring [choicesKept]Choice
	next int
	full bool
}

// Note remembers why the provider was chosen or skipped for a command.
func (l *Live) Note(command string, chosen bool, why string) {
	c := &l.choices
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring[c.next] = Choice{At: l.fleet.options.Now().UTC().Truncate(time.Millisecond), Command: command, Chosen: chosen, Why: why}
	c.next = (c.next + 1) % choicesKept
	c.full = c.full || c.next == 0
}

// Choices lists the last choices in this worker, oldest first.
func (l *Live) Choices() []Choice {
	c := &l.choices
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.full {
		return append([]Choice(nil), c.ring[:c.next]...)
	}
	return append(append([]Choice(nil), c.ring[c.next:]...), c.ring[:c.next]...)
}

// newest joins two lists, oldest first, and keeps the last ones.
func newest(a, b []Choice) []Choice {
	all := slices.SortedStableFunc(slices.Values(append(slices.Clone(a), b...)), func(x, y Choice) int { return x.At.Compare(y.At) })
	return all[max(0, len(all)-choicesKept):]
}

func sorted(names map[string]bool) []string { return slices.Sorted(maps.Keys(names)) }
