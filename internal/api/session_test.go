package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// person is a browser before a gate.
type person struct {
	t      *testing.T
	gate   *Gate
	host   string
	site   string // Sec-Fetch-Site
	cookie *http.Cookie
}

func (p *person) do(method, path, body string) *httptest.ResponseRecorder {
	p.t.Helper()
	r := httptest.NewRequest(method, "http://"+p.host+path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:1000"
	r.Header.Set("Sec-Fetch-Site", p.site)
	if p.cookie != nil {
		r.AddCookie(p.cookie)
	}
	mux := http.NewServeMux()
	p.gate.Serve(mux)
	mux.Handle("/", p.gate.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Caller", CallerOf(r.Context()).Name)
	})))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		p.cookie = c
		if c.MaxAge < 0 {
			p.cookie = nil
		}
	}
	return w
}

func (p *person) want(status int, method, path, body string) *httptest.ResponseRecorder {
	p.t.Helper()
	w := p.do(method, path, body)
	if w.Code != status {
		p.t.Errorf("%s %s: %d %s, want %d", method, path, w.Code, w.Body, status)
	}
	return w
}

func newPerson(t *testing.T, tokens ...Token) *person {
	return &person{t: t, gate: NewGate(tokens), host: "gangway.internal:8081", site: "same-origin"}
}

func TestSession(t *testing.T) {
	p := newPerson(t, NewToken("ops", "right", true), NewToken("portal", "reads", false))
	p.want(401, "GET", "/session", "")
	p.want(401, "POST", "/session", `{"token":"wrong"}`)
	p.want(401, "POST", "/session", `{}`)
	p.want(422, "POST", "/session", `{"tokens":"right"}`)
	if w := p.want(200, "POST", "/session", `{"token":"right"}`); w.Body.String() != `{"name":"ops","write":true}` {
		t.Error(w.Body)
	}
	if c := p.cookie; c == nil || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, "right") || c.Name != "gangway_session_8081" {
		t.Fatalf("%+v", c)
	}
	if w := p.want(200, "POST", "/api/v1/x", ""); w.Header().Get("X-Caller") != "ops" {
		t.Errorf("it passes for %q", w.Header().Get("X-Caller"))
	}
	stolen := *p.cookie
	p.want(204, "DELETE", "/session", "")
	p.cookie = &stolen
	p.want(401, "GET", "/api/v1/x", "")
	p.want(200, "POST", "/session", `{"token":"reads"}`)
	p.want(200, "GET", "/api/v1/x", "")
	p.want(403, "POST", "/api/v1/x", "")
}

// A session is worth nothing to pages of other sites, under other names of the
// address, after its time and after its token.
func TestSessionEnds(t *testing.T) {
	p := newPerson(t, NewToken("ops", "right", true))
	now := time.Now()
	p.gate.sessions.now = func() time.Time { return now }
	p.want(200, "POST", "/session", `{"token":"right"}`)
	p.site = "cross-site"
	p.want(403, "POST", "/api/v1/x", "")
	p.want(403, "POST", "/session", `{"token":"right"}`)
	p.want(403, "DELETE", "/session", "")
	p.site, p.host = "same-origin", "rebound.example:8081"
	p.want(401, "GET", "/api/v1/x", "")
	p.host = "gangway.internal:8081"
	p.want(200, "GET", "/api/v1/x", "")
	p.gate.Replace([]Token{NewToken("ops", "newer", true)})
	p.want(401, "GET", "/api/v1/x", "")
	p.gate.Replace([]Token{NewToken("ops", "right", false)})
	p.want(403, "POST", "/api/v1/x", "") // what the token may holds, not what it might when it logged in
	now = now.Add(sessionTime)
	p.want(401, "GET", "/api/v1/x", "")
}

func TestSessionsAreBounded(t *testing.T) {
	p := newPerson(t, NewToken("ops", "right", true))
	now := time.Now()
	p.gate.sessions.now = func() time.Time { now = now.Add(time.Second); return now }
	p.want(200, "POST", "/session", `{"token":"right"}`)
	first := p.cookie
	for range mostSessions {
		p.want(200, "POST", "/session", `{"token":"right"}`)
	}
	if n := len(p.gate.sessions.open); n != mostSessions {
		t.Errorf("%d sessions are open", n)
	}
	p.want(200, "GET", "/session", "")
	p.cookie = first
	p.want(401, "GET", "/session", "") // the oldest made room
}

func TestSessionGuessingLocksOut(t *testing.T) {
	p := newPerson(t, NewToken("ops", "right", true))
	for i := range mostWrong {
		p.want(401, "POST", "/session", `{"token":"`+strings.Repeat("x", i+1)+`"}`)
	}
	p.want(429, "POST", "/session", `{"token":"right"}`)
}

func TestSessionWithoutTokens(t *testing.T) {
	p := newPerson(t)
	p.host = "127.0.0.1:8081"
	if w := p.want(200, "GET", "/session", ""); w.Body.String() != `{"name":"local","write":true}` {
		t.Error(w.Body)
	}
	p.want(200, "POST", "/api/v1/x", "")
	p.site = "cross-site"
	p.want(403, "POST", "/api/v1/x", "")
}
