package nts

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// vendor answers a question with its double, after a second; odd thousands fail.
type vendor struct {
	mu    sync.Mutex
	calls [][]int
	ended []error // of the context, when a call was cut short
	crash bool
}

func (v *vendor) ask(ctx context.Context, questions []int) map[int]reply[int] {
	v.mu.Lock()
	v.calls = append(v.calls, questions)
	crash := v.crash
	v.mu.Unlock()
	if crash {
		panic("boom")
	}
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		v.mu.Lock()
		v.ended = append(v.ended, ctx.Err())
		v.mu.Unlock()
		return failAll[int, int](questions, providers.Exchange{Endpoint: "ask"}, fault.Wrap(fault.Of(ctx.Err()), "ask", ctx.Err()))
	}
	replies := map[int]reply[int]{}
	for _, q := range questions {
		own := reply[int]{answer: 2 * q, exchange: providers.Exchange{Endpoint: fmt.Sprint("ask ", q)}}
		if q/1000%2 == 1 {
			own.err = fault.New(fault.Unavailable, "ask", "no %d", q)
		}
		replies[q] = own
	}
	return replies
}

// bubble opens a batcher over a vendor inside a bubble of synctest.
func bubble(t *testing.T, options Options, run func(*testing.T, *vendor, *batcher[int, int])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if options.Timeout == 0 {
			options.Timeout = 10 * time.Second
		}
		v := new(vendor)
		b := newBatcher("ask", options, v.ask)
		run(t, v, b)
		b.close()
	})
}

// pass lets time pass inside a bubble.
func pass(d time.Duration) { <-time.After(d) }

// question asks in a goroutine of its own.
func question(t *testing.T, done *sync.WaitGroup, b *batcher[int, int], q int) {
	done.Go(func() {
		ctx, exchange := providers.WithExchange(t.Context())
		got, err := b.do(ctx, q)
		if q/1000%2 == 1 {
			if fault.Of(err) != fault.Unavailable {
				t.Errorf("%d: error = %v", q, err)
			}
		} else if err != nil || got != 2*q {
			t.Errorf("%d: answer = %d, %v", q, got, err)
		}
		if exchange.Endpoint != fmt.Sprint("ask ", q) {
			t.Errorf("%d: exchange = %+v", q, exchange)
		}
	})
}

func TestBatchShares(t *testing.T) {
	bubble(t, Options{BatchWindow: 20 * time.Millisecond, BatchMost: 100}, func(t *testing.T, v *vendor, b *batcher[int, int]) {
		var done sync.WaitGroup
		for q := range 30 {
			question(t, &done, b, q)
			question(t, &done, b, 1000+q) // each its own error
		}
		question(t, &done, b, 7) // asked once for both
		pass(15 * time.Millisecond)
		question(t, &done, b, 90) // still in the window of the first
		pass(10 * time.Millisecond)
		question(t, &done, b, 91) // too late
		done.Wait()
		if len(v.calls) != 2 || len(v.calls[0]) != 61 || len(v.calls[1]) != 1 {
			t.Errorf("%d calls: %v", len(v.calls), v.calls)
		}
	})
}

func TestBatchIsBounded(t *testing.T) {
	bubble(t, Options{BatchWindow: time.Hour, BatchMost: 100}, func(t *testing.T, v *vendor, b *batcher[int, int]) {
		started := time.Now()
		var done sync.WaitGroup
		for q := range 300 {
			question(t, &done, b, 2000+q)
		}
		done.Wait()
		if len(v.calls) != 3 || time.Since(started) != time.Second {
			t.Errorf("%d calls after %s: a full batch does not wait", len(v.calls), time.Since(started))
		}
	})
}

// TestBatchCallers: who gives up leaves the call to the others, the last one
// ends it, and nobody joins a call that has ended.
func TestBatchCallers(t *testing.T) {
	bubble(t, Options{BatchWindow: 20 * time.Millisecond, BatchMost: 100}, func(t *testing.T, v *vendor, b *batcher[int, int]) {
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { _, err := b.do(ctx, 1); errs <- err }()
		synctest.Wait()
		var done sync.WaitGroup
		question(t, &done, b, 2)
		synctest.Wait()
		cancel() // the one whose context opened the batch
		if err := <-errs; fault.Of(err) != fault.Cancelled {
			t.Errorf("cancelled caller: %v", err)
		}
		done.Wait()
		if len(v.calls) != 1 || len(v.ended) != 0 {
			t.Errorf("calls %v, ended %v", v.calls, v.ended)
		}

		// All leave while the call is under way.
		short, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer stop()
		for q := range 2 {
			go func() { _, err := b.do(short, q); errs <- err }()
		}
		for range 2 {
			if err := <-errs; fault.Of(err) != fault.Timeout {
				t.Errorf("expired caller: %v", err)
			}
		}
		synctest.Wait()
		if len(v.calls) != 2 || len(v.ended) != 1 {
			t.Errorf("calls %v, ended %v", v.calls, v.ended)
		}

		// All leave before it is made: it never is.
		early, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		if _, err := b.do(early, 5); fault.Of(err) != fault.Timeout {
			t.Errorf("early caller: %v", err)
		}
		question(t, &done, b, 6)
		done.Wait()
		if len(v.calls) != 3 || len(v.calls[2]) != 1 || v.calls[2][0] != 6 {
			t.Errorf("calls %v", v.calls)
		}
	})
}

func TestBatchTimesOut(t *testing.T) {
	bubble(t, Options{BatchWindow: 20 * time.Millisecond, BatchMost: 100, Timeout: 100 * time.Millisecond}, func(t *testing.T, _ *vendor, b *batcher[int, int]) {
		if _, err := b.do(t.Context(), 1); fault.Of(err) != fault.Timeout {
			t.Errorf("error = %v", err)
		}
	})
}

func TestBatchOff(t *testing.T) {
	bubble(t, Options{BatchMost: 100}, func(t *testing.T, v *vendor, b *batcher[int, int]) {
		var done sync.WaitGroup
		for q := range 5 {
			question(t, &done, b, q)
		}
		done.Wait()
		if len(v.calls) != 5 {
			t.Errorf("calls %v", v.calls)
		}
	})
}

func TestBatchCloses(t *testing.T) {
	bubble(t, Options{BatchWindow: time.Hour, BatchMost: 2}, func(t *testing.T, v *vendor, b *batcher[int, int]) {
		errs := make(chan error, 3)
		for q := range 3 { // two are under way, one waits for its window
			go func() { _, err := b.do(context.Background(), q); errs <- err }()
			synctest.Wait()
		}
		started := time.Now()
		b.close()
		for range 3 {
			if err := <-errs; fault.Of(err) != fault.Cancelled {
				t.Errorf("caller at close: %v", err)
			}
		}
		if _, err := b.do(t.Context(), 9); fault.Of(err) != fault.Cancelled || time.Since(started) != 0 {
			t.Errorf("after close: %v, %s", err, time.Since(started))
		}
	})
}

func TestBatchCrashes(t *testing.T) {
	bubble(t, Options{BatchWindow: time.Millisecond, BatchMost: 2}, func(t *testing.T, v *vendor, b *batcher[int, int]) {
		v.crash = true
		if _, err := b.do(t.Context(), 1); fault.Of(err) != fault.Internal {
			t.Errorf("error = %v", err)
		}
	})
}
