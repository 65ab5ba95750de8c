package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func ask(gate *Gate, method, from, token string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8081/api/v1/x", nil)
	r.RemoteAddr = from
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	gate.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Caller", CallerOf(r.Context()).Name)
	})).ServeHTTP(w, r)
	return w
}

func TestGuessingLocksOut(t *testing.T) {
	gate := NewGate([]Token{NewToken("ops", "right", true), NewToken("portal", "reads", false)})
	now := time.Now()
	gate.guesses.now = func() time.Time { return now }
	for range 2 * mostWrong { // the same old token is no guess
		if w := ask(gate, "GET", "192.0.2.1:1000", "old"); w.Code != http.StatusUnauthorized {
			t.Fatal(w.Code)
		}
	}
	for i := range mostWrong {
		if w := ask(gate, "GET", fmt.Sprintf("192.0.2.1:%d", 2000+i), fmt.Sprint("guess", i)); i < mostWrong-1 && w.Code != http.StatusUnauthorized {
			t.Fatal(i, w.Code)
		}
	}
	w := ask(gate, "GET", "192.0.2.1:1000", "right")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("a guesser is let in: %d %v", w.Code, w.Header())
	}
	if w := ask(gate, "GET", "192.0.2.2:1000", "right"); w.Code != http.StatusOK || w.Header().Get("X-Caller") != "ops" {
		t.Errorf("a neighbour is locked out: %d", w.Code)
	}
	now = now.Add(lockedFor + time.Second)
	if w := ask(gate, "GET", "192.0.2.1:1000", "right"); w.Code != http.StatusOK {
		t.Errorf("after the lock: %d", w.Code)
	}
}

func TestGuessesAreBounded(t *testing.T) {
	gate := NewGate([]Token{NewToken("ops", "right", true)})
	for i := range mostClients + 100 {
		ask(gate, "GET", fmt.Sprintf("10.%d.%d.1:1", i/256, i%256), "wrong")
	}
	if n := len(gate.guesses.clients); n > mostClients {
		t.Errorf("%d clients are remembered", n)
	}
	// One client has a whole network of IPv6.
	for i := range mostWrong {
		ask(gate, "GET", fmt.Sprintf("[2001:db8::%d]:1", i), fmt.Sprint("guess", i))
	}
	if w := ask(gate, "GET", "[2001:db8::ffff]:1", "right"); w.Code != http.StatusTooManyRequests {
		t.Error(w.Code)
	}
}

func TestReplacedTokens(t *testing.T) {
	gate := NewGate([]Token{NewToken("ops", "right", true)})
	gate.Replace([]Token{NewToken("ops", "newer", true)})
	if old, now := ask(gate, "GET", "192.0.2.1:1", "right"), ask(gate, "POST", "192.0.2.1:1", "newer"); old.Code != 401 || now.Code != 200 {
		t.Error(old.Code, now.Code)
	}
}

// TestWithoutTokens lets in programs of this machine, not pages in its browser.
func TestWithoutTokens(t *testing.T) {
	gate := NewGate(nil)
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	site := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	for _, c := range []struct {
		change func(*http.Request)
		status int
	}{
		{host("127.0.0.1:8081"), 200}, {host("localhost"), 200}, {host("[::1]:8081"), 200}, {host("evil.example:8081"), 403}, {site, 403},
	} {
		if w := ask(gate, "POST", "127.0.0.1:1", "", c.change); w.Code != c.status {
			t.Errorf("%d, want %d", w.Code, c.status)
		}
	}
}
