package providertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// answers are the bad answers: the vendor may have acted on the request.
func (s Suite[P]) answers() []step[P] {
	unreadable := func(t *testing.T, b *bench[P]) {
		_, err := b.do(t, context.Background(), nil)
		b.compare(t, Case[P]{Want: s.lost(fault.Unavailable)}, err)
		b.once(t, 1)
	}
	return []step[P]{
		{name: "oversized answer", run: unreadable, vendor: s.altered(func(body string) string {
			return body + strings.Repeat(" ", providers.MaxAnswer+1)
		})},
		{name: "truncated answer", run: unreadable, vendor: s.altered(func(body string) string {
			return body[:len(body)/2]
		})},
		{name: "empty answer", run: unreadable, vendor: s.altered(func(string) string { return "" })},
		{name: "wrong content type", run: unreadable, vendor: page(http.StatusOK)},
		{name: "cut in the answer", run: unreadable, vendor: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			drain(r)
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"a":`))
			panic(http.ErrAbortHandler)
		})},
		{name: "answer echoes the request", vendor: http.HandlerFunc(echo), run: func(t *testing.T, b *bench[P]) {
			_, err := b.do(t, context.Background(), nil)
			if err == nil {
				t.Fatal("no error")
			}
			b.compare(t, Case[P]{Want: fault.Of(err)}, err) // any reason, no secret
		}},
		s.redirect(),
	}
}

// altered is the good answer with another body.
func (s Suite[P]) altered(alter func(string) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		good := httptest.NewRecorder()
		s.Success.ServeHTTP(good, r)
		for name, values := range good.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(good.Code)
		_, _ = w.Write([]byte(alter(good.Body.String())))
	})
}

// page is what a proxy or a login wall says instead of the vendor.
func page(status int) http.Handler {
	return Reply{Status: status, Header: map[string]string{"Content-Type": "text/html"}, Body: "<html><title>Welcome</title></html>"}
}

// echo refuses with everything that was sent, as a debugging vendor would.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	var said strings.Builder
	fmt.Fprintf(&said, "%s %s", r.Method, r.URL)
	for name, values := range r.Header {
		fmt.Fprintf(&said, " %s=%s", name, values)
	}
	body := make([]byte, 64<<10)
	n, _ := r.Body.Read(body)
	said.Write(body[:n])
	text := strconv.Quote(said.String())
	_, _ = fmt.Fprintf(w, `{"message":%s,"errorMessage":%s,"error":%s}`, text, text, text)
}

// redirect points elsewhere. Following it would carry credentials there.
func (s Suite[P]) redirect() step[P] {
	var elsewhere atomic.Int64
	var other *httptest.Server
	return step[P]{
		name: "redirect",
		vendor: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}),
		run: func(t *testing.T, b *bench[P]) {
			other = httptest.NewServer(counted(&elsewhere, s.Success))
			defer other.Close()
			_, err := b.do(t, context.Background(), nil)
			if err == nil {
				t.Error("a redirect was taken for success")
			}
			if n := elsewhere.Load(); n != 0 {
				t.Errorf("a redirect was followed: %d requests", n)
			}
		},
	}
}

// concurrent makes 50 calls at once over one driver.
func (s Suite[P]) concurrent(t *testing.T, b *bench[P]) {
	const callers = 50
	var done sync.WaitGroup
	errs := make(chan error, callers)
	for range callers {
		done.Go(func() {
			_, err := b.do(t, context.Background(), nil)
			errs <- err
		})
	}
	done.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Errorf("Do: %v", err)
		}
	}
	if n := b.requests.Load(); n != callers {
		t.Errorf("the vendor got %d requests, want %d", n, callers)
	}
	if n := b.preludes.Load(); n > 1 {
		t.Errorf("%d token calls for %d callers, want one", n, callers)
	}
}
