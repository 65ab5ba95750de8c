package providertest

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// faults are the failures of time and connection.
func (s Suite[P]) faults() []step[P] {
	steps := []step[P]{
		{name: "cancelled before", vendor: s.Success, run: s.endedBefore(context.Canceled, fault.Cancelled)},
		{name: "expired before", vendor: s.Success, run: s.endedBefore(context.DeadlineExceeded, fault.Timeout)},
		{name: "connection refused", vendor: s.Success, run: func(t *testing.T, b *bench[P]) {
			b.server.Close()
			exchange, err := b.do(t, context.Background(), nil)
			b.compare(t, Case[P]{Want: fault.Unavailable}, err)
			if exchange.Left {
				t.Error("exchange: Left is true, but there was no connection")
			}
		}},
		{name: "time-out before the request left", https: true, run: func(t *testing.T, b *bench[P]) {
			s.endsDuring(t, b, context.DeadlineExceeded, fault.Timeout)
		}},
		s.silent("time-out after the request left", context.DeadlineExceeded, fault.Timeout),
		s.silent("cancel after the request left", context.Canceled, fault.Cancelled),
		{name: "cut after the request left", vendor: http.HandlerFunc(cut), run: func(t *testing.T, b *bench[P]) {
			exchange, err := b.do(t, context.Background(), nil)
			b.compare(t, Case[P]{Want: s.lost(fault.Unavailable)}, err)
			if !exchange.Left {
				t.Error("exchange: Left is false, but the vendor had the request")
			}
			b.once(t, 1)
		}},
		s.keptConnection(),
	}
	if s.Prelude != nil {
		steps = append(steps, s.preludes()...)
	}
	return steps
}

// endedBefore calls with a context that is over: nothing may reach the vendor.
func (s Suite[P]) endedBefore(cause error, want fault.Reason) func(*testing.T, *bench[P]) {
	return func(t *testing.T, b *bench[P]) {
		ctx := NewExpiring(cause)
		ctx.Expire()
		exchange, err := b.do(t, ctx, nil)
		b.compare(t, Case[P]{Want: want}, err)
		if exchange.Left {
			t.Error("exchange: Left is true")
		}
		if n := b.requests.Load(); n != 0 {
			t.Errorf("the vendor got %d requests, want none", n)
		}
	}
}

// silent takes the request and never answers; the context ends once it is there.
func (s Suite[P]) silent(name string, cause error, lookup fault.Reason) step[P] {
	arrived := make(chan struct{}, 16)
	return step[P]{
		name: name,
		vendor: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			drain(r)
			arrived <- struct{}{}
			<-r.Context().Done()
		}),
		run: func(t *testing.T, b *bench[P]) {
			b.arrived = arrived
			s.endsDuring(t, b, cause, s.lost(lookup))
			b.once(t, 1)
		},
	}
}

// endsDuring ends the context when the server has seen the call.
func (s Suite[P]) endsDuring(t *testing.T, b *bench[P], cause error, want fault.Reason) {
	t.Helper()
	ctx := NewExpiring(cause)
	result := make(chan error, 1)
	go func() {
		_, err := b.do(t, ctx, nil)
		result <- err
	}()
	within(t, b.arrived, "the vendor seeing the call")
	ctx.Expire()
	done := make(chan struct{})
	var err error
	go func() {
		err = <-result
		close(done)
	}()
	within(t, done, "Do returning after its context ended")
	b.compare(t, Case[P]{Want: want}, err)
}

// keptConnection cuts a connection that served a call before. Transports repeat
// requests then; one that reaches a person must not be repeated.
func (s Suite[P]) keptConnection() step[P] {
	var calls atomic.Int64
	return step[P]{
		name: "cut on a kept connection",
		vendor: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) == 1 {
				s.Success.ServeHTTP(w, r)
				return
			}
			cut(w, r)
		}),
		run: func(t *testing.T, b *bench[P]) {
			if _, err := b.do(t, context.Background(), nil); err != nil {
				t.Fatalf("first call: %v", err)
			}
			_, err := b.do(t, context.Background(), nil)
			b.compare(t, Case[P]{Want: s.lost(fault.Unavailable)}, err)
			if s.Sends {
				b.once(t, 2)
			}
		},
	}
}

// preludes are failures of the token call. It reaches nobody, so its loss is
// never an unknown outcome.
func (s Suite[P]) preludes() []step[P] {
	arrived := make(chan struct{}, 16)
	hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		drain(r)
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	return []step[P]{
		{name: "prelude: time-out", vendor: s.Success, prelude: hang, run: func(t *testing.T, b *bench[P]) {
			b.arrived = arrived
			s.endsDuring(t, b, context.DeadlineExceeded, fault.Timeout)
		}},
		{name: "prelude: cut", vendor: s.Success, prelude: http.HandlerFunc(cut), run: func(t *testing.T, b *bench[P]) {
			_, err := b.do(t, context.Background(), nil)
			b.compare(t, Case[P]{Want: fault.Unavailable}, err)
			b.once(t, 0)
		}},
		{name: "prelude: unreadable", vendor: s.Success, prelude: page(http.StatusOK), run: func(t *testing.T, b *bench[P]) {
			_, err := b.do(t, context.Background(), nil)
			b.compare(t, Case[P]{Want: fault.Unavailable}, err)
			b.once(t, 0)
		}},
	}
}

// once fails when the vendor did not get exactly so many requests of a send. A
// look-up may be repeated, but not without bound.
func (b *bench[P]) once(t *testing.T, want int64) {
	t.Helper()
	got := b.requests.Load()
	if b.suite.Sends && got != want {
		t.Errorf("the vendor got %d requests, want exactly %d", got, want)
	}
	if !b.suite.Sends && (got < want || got > 2*want) {
		t.Errorf("the vendor got %d requests, want %d", got, want)
	}
}
