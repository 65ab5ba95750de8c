package nicednb

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/gangwon-portal/gangway/internal/fault"
)

const (
	opToken = "token"
	// lifetime is assumed of a token whose reply does not say.
	lifetime = 30 * time.Minute
	// again is how long a failed early refresh waits for the next one.
	again = 30 * time.Second
)

// token is an access token. From refreshAt a fresh one is fetched while this
// one is still used; from expiresAt callers wait for it.
type token struct {
	value                string
	refreshAt, expiresAt time.Time
}

// tokens keeps one token for all callers.
type tokens struct {
	fetch   func(context.Context) (value string, expiresIn time.Duration, err error)
	timeout time.Duration
	now     func() time.Time
	flight  singleflight.Group

	// ctx outlives the callers: one that gives up must not take the token from
	// the others.
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	current token
	closed  bool
	running sync.WaitGroup
}

func newTokens(fetch func(context.Context) (string, time.Duration, error), timeout time.Duration, now func() time.Time) *tokens {
	t := &tokens{fetch: fetch, timeout: timeout, now: now}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// get returns a token that is still valid, fetching one when there is none.
// However many callers ask, one fetch runs.
func (t *tokens) get(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fault.Wrap(fault.Of(err), opToken, err)
	}
	t.mu.Lock()
	current := t.current
	t.mu.Unlock()
	now := t.now()
	if current.value != "" && now.Before(current.refreshAt) {
		return current.value, nil
	}
	fresh := t.flight.DoChan("", func() (any, error) { return t.refresh() })
	if current.value != "" && now.Before(current.expiresAt) {
		return current.value, nil
	}
	select {
	case result := <-fresh:
		if result.Err != nil {
			return "", result.Err
		}
		return result.Val.(string), nil
	case <-ctx.Done():
		return "", &fault.Error{Reason: fault.Of(ctx.Err()), Op: opToken, Message: "no token in time", Err: ctx.Err()}
	}
}

// invalidate forgets a token that the vendor refused, unless another caller has
// replaced it already.
func (t *tokens) invalidate(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.value == value {
		t.current = token{}
	}
}

// close ends a fetch that is under way and waits for it.
func (t *tokens) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel()
	t.running.Wait()
}

// refresh runs in the goroutine of the flight.
func (t *tokens) refresh() (string, error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return "", fault.New(fault.Cancelled, opToken, "the provider is closed")
	}
	t.running.Add(1)
	// A caller that looked just before the last flight ended starts another one.
	if now := t.now(); t.current.value != "" && now.Before(t.current.refreshAt) {
		defer t.mu.Unlock()
		t.running.Done()
		return t.current.value, nil
	}
	t.mu.Unlock()
	defer t.running.Done()

	ctx, cancel := context.WithTimeout(t.ctx, t.timeout)
	defer cancel()
	asked := t.now()
	value, expiresIn, err := t.fetchSafely(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		// The next early try waits a little, but never beyond the token's life.
		if t.current.refreshAt = asked.Add(again); t.current.refreshAt.After(t.current.expiresAt) {
			t.current.refreshAt = t.current.expiresAt
		}
		return "", err
	}
	t.current = token{value: value, refreshAt: asked.Add(expiresIn * 8 / 10), expiresAt: asked.Add(expiresIn)}
	return value, nil
}

// fetchSafely turns a crash into an error: this goroutine has no caller's stack
// below it to catch one.
func (t *tokens) fetchSafely(ctx context.Context) (value string, expiresIn time.Duration, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fault.New(fault.Internal, opToken, "driver crashed: %v", cause)
		}
	}()
	return t.fetch(ctx)
}
