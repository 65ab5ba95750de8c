package nts

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// reply is what one question got out of a shared call.
type reply[A any] struct {
	answer   A
	exchange providers.Exchange // with this question's part only
	err      error
}

// ask puts questions to the vendor in one call and has a reply for each.
type ask[Q comparable, A any] func(context.Context, []Q) map[Q]reply[A]

// batcher gathers questions for a short time, so that they share one call.
//
//	the first question opens a batch and starts its goroutine;
//	the batch leaves when the window is over or it is full;
//	a caller that gives up leaves it to the others, the last one cancels it.
type batcher[Q comparable, A any] struct {
	op      string
	window  time.Duration
	most    int
	timeout time.Duration
	ask     ask[Q, A]

	mu      sync.Mutex
	open    *batch[Q, A]    // takes questions; nil when the next one has to open one
	life    context.Context // ended by close, under the lock
	end     context.CancelFunc
	running sync.WaitGroup
}

// batch is one shared call in the making. Its fields belong to the batcher's
// lock until done is closed; then replies is read only.
type batch[Q comparable, A any] struct {
	questions []Q // each once
	callers   int
	full      chan struct{}
	ctx       context.Context
	cancel    context.CancelFunc
	done      chan struct{}
	replies   map[Q]reply[A]
}

func newBatcher[Q comparable, A any](op string, options Options, ask ask[Q, A]) *batcher[Q, A] {
	b := &batcher[Q, A]{op: op, window: options.BatchWindow, most: options.BatchMost, timeout: options.Timeout, ask: ask}
	b.life, b.end = context.WithCancel(context.Background())
	return b
}

// do asks one question and waits for its own reply.
func (b *batcher[Q, A]) do(ctx context.Context, question Q) (A, error) {
	var none A
	if err := ctx.Err(); err != nil {
		return none, fault.Wrap(fault.Of(err), b.op, err)
	}
	if b.window == 0 {
		return b.alone(ctx, question)
	}
	shared, err := b.join(ctx, question)
	if err != nil {
		return none, err
	}
	select {
	case <-shared.done:
	case <-ctx.Done():
		b.leave(shared)
		*providers.ExchangeFrom(ctx) = providers.Exchange{Endpoint: b.op, Method: http.MethodPost}
		return none, &fault.Error{Reason: fault.Of(ctx.Err()), Op: b.op, Message: "no answer in time", Err: ctx.Err()}
	}
	own := shared.replies[question]
	*providers.ExchangeFrom(ctx) = own.exchange
	return own.answer, own.err
}

// close ends what is under way and waits for it.
func (b *batcher[Q, A]) close() {
	b.mu.Lock()
	b.end()
	b.mu.Unlock()
	b.running.Wait()
}

// alone makes the call in the caller's own time.
func (b *batcher[Q, A]) alone(ctx context.Context, question Q) (A, error) {
	own := b.ask(ctx, []Q{question})[question]
	*providers.ExchangeFrom(ctx) = own.exchange
	return own.answer, own.err
}

func (b *batcher[Q, A]) join(ctx context.Context, question Q) (*batch[Q, A], error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.life.Err() != nil {
		return nil, fault.New(fault.Cancelled, b.op, "the provider is closed")
	}
	if b.open == nil {
		shared := &batch[Q, A]{full: make(chan struct{}), done: make(chan struct{})}
		// The call belongs to every caller, so it keeps the values of the first
		// one's context (its trace) but neither its deadline nor its end.
		shared.ctx, shared.cancel = context.WithCancel(context.WithoutCancel(ctx))
		b.open = shared
		b.running.Go(func() { b.run(shared) })
	}
	shared := b.open
	shared.callers++
	if !slices.Contains(shared.questions, question) {
		shared.questions = append(shared.questions, question)
	}
	if len(shared.questions) >= b.most {
		close(shared.full)
		b.open = nil
	}
	return shared, nil
}

// leave is called by a caller that no longer waits.
func (b *batcher[Q, A]) leave(shared *batch[Q, A]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if shared.callers--; shared.callers > 0 {
		return
	}
	shared.cancel()
	if b.open == shared {
		b.open = nil // nobody may join a cancelled call
	}
}

// run is the goroutine of one batch.
func (b *batcher[Q, A]) run(shared *batch[Q, A]) {
	defer close(shared.done)
	defer shared.cancel()
	defer func() { // no caller's stack is below this goroutine to catch a crash
		if cause := recover(); cause != nil {
			shared.replies = failAll[Q, A](shared.questions, providers.Exchange{}, fault.New(fault.Internal, b.op, "driver crashed: %v", cause))
		}
	}()
	defer context.AfterFunc(b.life, shared.cancel)()
	timer := time.NewTimer(b.window)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-shared.full:
	case <-shared.ctx.Done():
	}
	b.mu.Lock()
	if b.open == shared {
		b.open = nil
	}
	questions := shared.questions
	b.mu.Unlock()

	ctx, cancel := context.WithTimeout(shared.ctx, b.timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		shared.replies = failAll[Q, A](questions, providers.Exchange{}, fault.Wrap(fault.Of(err), b.op, err))
		return
	}
	shared.replies = b.ask(ctx, questions)
}

// failAll gives every question the same error.
func failAll[Q comparable, A any](questions []Q, exchange providers.Exchange, err error) map[Q]reply[A] {
	replies := make(map[Q]reply[A], len(questions))
	for _, question := range questions {
		replies[question] = reply[A]{exchange: exchange, err: err}
	}
	return replies
}
