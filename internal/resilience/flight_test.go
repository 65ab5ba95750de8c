package resilience

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestFlightsShareOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var flights Flights[int]
		var calls, sharers atomic.Int32
		release := make(chan struct{})
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				value, shared, err := flights.Do(t.Context(), "key", func() (int, bool) {
					<-release
					return int(calls.Add(1)), true
				})
				if value != 1 || err != nil {
					t.Errorf("got %d, %v", value, err)
				}
				if shared {
					sharers.Add(1)
				}
			})
		}
		synctest.Wait()
		close(release)
		wait.Wait()
		if calls.Load() != 1 || sharers.Load() != 49 {
			t.Errorf("%d calls, %d shared one", calls.Load(), sharers.Load())
		}
		if _, shared, _ := flights.Do(t.Context(), "key", func() (int, bool) { return 2, true }); shared {
			t.Error("a call that has ended is shared")
		}
	})
}

// What is about the first caller alone must not become the others' answer.
func TestFlightsNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var flights Flights[error]
		first, leave := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() {
			_, _, _ = flights.Do(first, "key", func() (error, bool) { <-first.Done(); return first.Err(), false })
		})
		synctest.Wait()
		for range 3 {
			wait.Go(func() {
				if failure, _, err := flights.Do(t.Context(), "key", func() (error, bool) { return nil, true }); failure != nil || err != nil {
					t.Errorf("got %v, %v", failure, err)
				}
			})
		}
		synctest.Wait()
		leave()
		wait.Wait()

		// A crash of the first: the second calls for itself.
		began, crash := make(chan struct{}), make(chan struct{})
		wait.Go(func() {
			defer func() { _ = recover() }()
			_, _, _ = flights.Do(t.Context(), "key", func() (error, bool) { close(began); <-crash; panic("crash") })
		})
		<-began
		wait.Go(func() {
			if _, shared, err := flights.Do(t.Context(), "key", func() (error, bool) { return nil, true }); shared || err != nil {
				t.Errorf("shared %v, %v", shared, err)
			}
		})
		synctest.Wait()
		close(crash)
		wait.Wait()

		// A follower who leaves does not wait for the first.
		began, done := make(chan struct{}), make(chan struct{})
		wait.Go(func() {
			_, _, _ = flights.Do(t.Context(), "key", func() (error, bool) { close(began); <-done; return nil, true })
		})
		<-began
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, _, err := flights.Do(gone, "key", func() (error, bool) { return nil, true }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		close(done)
		wait.Wait()
	})
}
