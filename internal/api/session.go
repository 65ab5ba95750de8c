package api

import (
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

const (
	// sessionTime is how long a person stays logged in: a working day.
	sessionTime = 12 * time.Hour
	// mostSessions bounds the memory that logging in takes.
	mostSessions = 256
)

// sessions are the people logged in to the dashboard of this worker. A browser
// holds a random text in a cookie that no script can read, instead of the token;
// here only the text's hash is kept.
type sessions struct {
	now func() time.Time

	mu   sync.Mutex
	open map[[sha256.Size]byte]session
}

type session struct {
	token [sha256.Size]byte // of the token that opened it: without it, it is over
	host  string            // a page under another name for this address is another site
	until time.Time
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, open: map[[sha256.Size]byte]session{}}
}

// begin returns the secret of a new session.
func (s *sessions) begin(token [sha256.Size]byte, host string) (secret string) {
	secret = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if len(s.open) >= mostSessions {
		s.forget(now)
	}
	s.open[sha256.Sum256([]byte(secret))] = session{token: token, host: host, until: now.Add(sessionTime)}
	return secret
}

// forget makes room: all that is over, else the one that is over first.
func (s *sessions) forget(now time.Time) {
	var first [sha256.Size]byte
	for key, one := range s.open {
		if !one.until.After(now) {
			delete(s.open, key)
		} else if one.until.Before(s.open[first].until) || s.open[first].until.IsZero() {
			first = key
		}
	}
	if len(s.open) >= mostSessions {
		delete(s.open, first)
	}
}

// find returns the session of a secret.
func (s *sessions) find(secret, host string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.open[sha256.Sum256([]byte(secret))]
	return one, ok && one.host == host && one.until.After(s.now())
}

func (s *sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(secret)))
}

// cookieName holds the port: cookies, unlike origins, do not tell two workers on
// one machine apart.
func cookieName(r *http.Request) string {
	name := "gangway_session"
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		name += "_" + port
	}
	if r.TLS != nil {
		return "__Host-" + name
	}
	return name
}

// cookie is the session cookie of r's site with a value, "" to take it back.
func cookie(r *http.Request, value string) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/", MaxAge: int(sessionTime.Seconds()),
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// visitor returns the holder of the session that r's cookie belongs to.
func (g *Gate) visitor(r *http.Request) (Caller, bool) {
	c, err := r.Cookie(cookieName(r))
	if err != nil {
		return Caller{}, false
	}
	one, open := g.sessions.find(c.Value, r.Host)
	if !open {
		return Caller{}, false
	}
	return g.holder(one.token)
}

// who is what a page is told of the person before it.
type who struct {
	Name  string `json:"name"`
	Write bool   `json:"write"`
}

// Serve registers how a person logs in to the dashboard with a token, and out.
// These paths stand in no gate: they are one.
func (g *Gate) Serve(mux *http.ServeMux) {
	handle := func(pattern string, do func(w http.ResponseWriter, r *http.Request) (answer, *Problem)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r = r.WithContext(traced(r.Context(), w, r))
			out, problem := do(w, r)
			if problem != nil {
				writeProblem(w, r, *problem)
				return
			}
			_ = out.write(w, r) // it is plain, and the client may be gone
		})
	}
	handle("GET /session", func(_ http.ResponseWriter, r *http.Request) (answer, *Problem) {
		caller, problem := g.identify(r)
		return answer{body: who(caller)}, problem
	})
	handle("POST /session", g.login)
	handle("DELETE /session", func(w http.ResponseWriter, r *http.Request) (answer, *Problem) {
		if problem := g.foreign(r); problem != nil {
			return answer{}, problem
		}
		if c, err := r.Cookie(cookieName(r)); err == nil {
			g.sessions.end(c.Value)
		}
		http.SetCookie(w, cookie(r, ""))
		return answer{status: http.StatusNoContent}, nil
	})
}

func (g *Gate) login(w http.ResponseWriter, r *http.Request) (answer, *Problem) {
	if problem := g.foreign(r); problem != nil {
		return answer{}, problem
	}
	if len(*g.tokens.Load()) == 0 {
		caller, problem := g.local(r)
		return answer{body: who(caller)}, problem
	}
	var body struct {
		Token string `json:"token"`
	}
	if err := decode(r, &body); err != nil {
		return answer{}, &Problem{Status: http.StatusUnprocessableEntity, Code: fault.Invalid, Detail: err.Error()}
	}
	caller, problem := g.bearer(r, body.Token)
	if problem != nil {
		return answer{}, problem
	}
	http.SetCookie(w, cookie(r, g.sessions.begin(sha256.Sum256([]byte(body.Token)), r.Host)))
	return answer{body: who(caller)}, nil
}

// foreign refuses what a page of another site asks for.
func (g *Gate) foreign(r *http.Request) *Problem {
	if g.origins.Check(r) == nil {
		return nil
	}
	return &Problem{Status: http.StatusForbidden, Code: fault.Unauthorized, Detail: "A page of another site asks for this; only the dashboard's own may."}
}
