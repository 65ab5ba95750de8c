package postgres

import (
	"slices"
	"testing"

	"github.com/google/uuid"
)

// TestQueueHoldsAnIDOnce: a statement may not touch a row twice, and two flushers
// must not hold one id. What comes second waits, in its order; others pass it.
func TestQueueHoldsAnIDOnce(t *testing.T) {
	a, b := uuid.New(), uuid.New()
	q := newQueue(10)
	ops := map[string]*op{}
	push := func(name string, id uuid.UUID) {
		ops[name] = &op{ctx: t.Context(), id: id, done: make(chan struct{})}
		if err := q.push(ops[name]); err != nil {
			t.Fatal(err)
		}
	}
	take := func(want ...string) []*op {
		t.Helper()
		batch := q.take()
		var got []string
		for _, o := range batch {
			for name, known := range ops {
				if known == o {
					got = append(got, name)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("a batch of %v, want %v", got, want)
		}
		return batch
	}
	for _, name := range []string{"a1", "a2", "b1", "a3"} {
		push(name, map[byte]uuid.UUID{'a': a, 'b': b}[name[0]])
	}
	first := take("a1", "b1")
	push("c1", uuid.New())
	take("c1") // a second flusher, while the first one writes
	q.landed(first)
	q.landed(take("a2"))
	take("a3")
}
