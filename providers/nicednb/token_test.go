package nicednb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// bank gives out numbered tokens that live 100 s, after a second of work.
type bank struct {
	fetches atomic.Int64
	err     atomic.Pointer[fault.Error]
}

func (b *bank) fetch(ctx context.Context) (string, time.Duration, error) {
	n := b.fetches.Add(1)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return "", 0, fault.Wrap(fault.Of(ctx.Err()), opToken, ctx.Err())
	}
	if err := b.err.Load(); err != nil {
		return "", 0, err
	}
	return fmt.Sprint("t", n), 100 * time.Second, nil
}

func (b *bank) open() *tokens { return newTokens(b.fetch, 10*time.Second, time.Now) }

// pass lets time pass inside a bubble of synctest.
func pass(d time.Duration) { <-time.After(d) }

// all asks n times at once.
func all(t *testing.T, tokens *tokens, n int, want string) {
	t.Helper()
	var done sync.WaitGroup
	for range n {
		done.Go(func() {
			if got, err := tokens.get(t.Context()); err != nil || got != want {
				t.Errorf("token = %q, %v, want %s", got, err, want)
			}
		})
	}
	done.Wait()
}

func TestTokenIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bank)
		tokens := b.open()
		defer tokens.close()
		all(t, tokens, 50, "t1")
		pass(78 * time.Second) // 79 s after the question
		all(t, tokens, 50, "t1")
		if n := b.fetches.Load(); n != 1 {
			t.Errorf("%d fetches before 80 %% of the life, want 1", n)
		}
		pass(2 * time.Second)
		all(t, tokens, 50, "t1") // nobody waits while the old one is valid
		synctest.Wait()
		pass(2 * time.Second)
		all(t, tokens, 50, "t2")
		if n := b.fetches.Load(); n != 2 {
			t.Errorf("%d fetches after 80 %% of the life, want 2", n)
		}
	})
}

func TestTokenRefreshFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bank)
		tokens := b.open()
		defer tokens.close()
		all(t, tokens, 1, "t1")
		b.err.Store(fault.New(fault.Unauthorized, opToken, "no"))
		pass(80 * time.Second)
		for range 10 { // the old one serves on, and a failure is not repeated at once
			all(t, tokens, 5, "t1")
			pass(time.Second)
		}
		if n := b.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
		pass(20 * time.Second)
		if _, err := tokens.get(t.Context()); fault.Of(err) != fault.Unauthorized {
			t.Errorf("after the end of its life: %v", err)
		}
		b.err.Store(nil)
		all(t, tokens, 5, fmt.Sprint("t", b.fetches.Load()+1))
	})
}

func TestTokenInvalidated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bank)
		tokens := b.open()
		defer tokens.close()
		all(t, tokens, 1, "t1")
		var done sync.WaitGroup
		for range 50 { // every call got 401 with the same token
			done.Go(func() { tokens.invalidate("t1"); all(t, tokens, 1, "t2") })
		}
		done.Wait()
		tokens.invalidate("t1") // a late one
		all(t, tokens, 1, "t2")
		if n := b.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// TestTokenCallers: who gives up does not take the token from the others.
func TestTokenCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bank)
		tokens := b.open()
		ctx, cancel := context.WithCancel(t.Context())
		impatient := make(chan error, 1)
		go func() { _, err := tokens.get(ctx); impatient <- err }()
		synctest.Wait()
		patient := make(chan error, 1)
		go func() { _, err := tokens.get(t.Context()); patient <- err }()
		synctest.Wait()
		cancel()
		if err := <-impatient; fault.Of(err) != fault.Cancelled {
			t.Errorf("cancelled caller: %v", err)
		}
		if err := <-patient; err != nil || b.fetches.Load() != 1 {
			t.Errorf("other caller: %v after %d fetches", err, b.fetches.Load())
		}
		tokens.close()
		tokens.invalidate("t1")
		if _, err := tokens.get(t.Context()); fault.Of(err) != fault.Cancelled {
			t.Errorf("after close: %v", err)
		}
	})
}

func TestTokenCloseEndsFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bank)
		tokens := b.open()
		waiting := make(chan error, 1)
		go func() { _, err := tokens.get(context.Background()); waiting <- err }()
		synctest.Wait()
		start := time.Now()
		tokens.close()
		if err := <-waiting; fault.Of(err) != fault.Cancelled || time.Since(start) > 0 {
			t.Errorf("close took %s, the caller got %v", time.Since(start), err)
		}
	})
}

func TestTokenFetchCrashes(t *testing.T) {
	tokens := newTokens(func(context.Context) (string, time.Duration, error) { panic("boom") }, time.Second, time.Now)
	defer tokens.close()
	if _, err := tokens.get(t.Context()); fault.Of(err) != fault.Internal {
		t.Errorf("error = %v", err)
	}
}

// TestUnauthorizedOnce: the vendor forgets its tokens while callers use them.
func TestUnauthorizedOnce(t *testing.T) {
	var given, searches atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/nice/oauth/v1.0/accesstoken" {
			_, _ = fmt.Fprintf(w, `{"accessToken":"t%d","expiresIn":86400}`, given.Add(1))
			return
		}
		searches.Add(1)
		if r.Header.Get("Authorization") == "Bearer t1" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(sampleFound))
	})
	p := newProvider(t, Options{BaseURL: server.URL})
	defer p.Close()
	var done sync.WaitGroup
	for range 20 {
		done.Go(func() {
			if _, err := p.Do(t.Context(), providers.Call[providers.Company]{Request: company}); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if given.Load() != 2 || searches.Load() > 40 {
		t.Errorf("%d tokens and %d searches for 20 calls, want 2 tokens and at most 40 searches", given.Load(), searches.Load())
	}
}

// TestTokenRefused: wrong credentials are the operator's matter, and neither
// error nor exchange shows them.
func TestTokenRefused(t *testing.T) {
	for status, want := range map[int]fault.Reason{
		400: fault.Unauthorized, 401: fault.Unauthorized, 403: fault.Unauthorized, 429: fault.RateLimited, 500: fault.Unavailable,
	} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		p := newProvider(t, Options{BaseURL: server.URL})
		ctx, exchange := providers.WithExchange(t.Context())
		_, err := p.Do(ctx, providers.Call[providers.Company]{Request: company})
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Reason != want || e.Op != opToken {
			t.Errorf("%d: %v, want %s", status, err, want)
		}
		if exchange.Endpoint != "token" || exchange.Request != nil || exchange.URL == "" {
			t.Errorf("exchange = %+v", exchange)
		}
		p.Close()
	}
}
