package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Token lets somebody in. Only its hash is kept.
type Token struct {
	Name  string // stands in the audit log
	Write bool   // whether it may change anything
	Hash  [sha256.Size]byte
}

// NewToken returns the token of a secret text.
func NewToken(name, secret string, write bool) Token {
	return Token{Name: name, Write: write, Hash: sha256.Sum256([]byte(secret))}
}

// Caller is who makes a request.
type Caller struct {
	Name  string
	Write bool
}

// Gate lets the bearers of tokens and those who logged in with one through to the
// admin listener and keeps those who guess outside.
type Gate struct {
	tokens   atomic.Pointer[[]Token]
	guesses  *guesses
	sessions *sessions
	origins  *http.CrossOriginProtection
}

// NewGate returns a gate for tokens. Without any, which is possible on loopback
// only, whoever calls from this machine by a loopback name is let in.
func NewGate(tokens []Token) *Gate {
	g := &Gate{guesses: newGuesses(time.Now), sessions: newSessions(time.Now), origins: http.NewCrossOriginProtection()}
	g.Replace(tokens)
	return g
}

// Replace puts other tokens into force.
func (g *Gate) Replace(tokens []Token) { g.tokens.Store(&tokens) }

// Protect serves next to those who may. Reading takes any token, all else one
// that may write.
func (g *Gate) Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(traced(r.Context(), w, r))
		caller, problem := g.admit(r)
		if problem != nil {
			if problem.Status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="gangway"`)
			}
			writeProblem(w, r, *problem)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
	})
}

// Find returns whose token a secret text is. Its time tells nothing of the tokens.
func (g *Gate) Find(secret string) (Caller, bool) { return g.holder(sha256.Sum256([]byte(secret))) }

// holder returns whose token has a hash.
func (g *Gate) holder(hash [sha256.Size]byte) (Caller, bool) {
	var caller Caller
	found := 0
	for _, token := range *g.tokens.Load() {
		same := subtle.ConstantTimeCompare(hash[:], token.Hash[:])
		found |= same
		if same == 1 {
			caller = Caller{Name: token.Name, Write: token.Write}
		}
	}
	return caller, found == 1
}

// CallerOf returns who makes a request that came through a gate.
func CallerOf(ctx context.Context) Caller {
	caller, _ := ctx.Value(callerKey{}).(Caller)
	return caller
}

type callerKey struct{}

// admit identifies who makes a request that changes something or reads.
func (g *Gate) admit(r *http.Request) (Caller, *Problem) {
	caller, problem := g.identify(r)
	if problem == nil && !caller.Write && !reads(r) {
		problem = &Problem{Status: http.StatusForbidden, Code: fault.Unauthorized, Detail: "The token " + caller.Name + " may read only; this needs one that may write."}
	}
	return caller, problem
}

func (g *Gate) identify(r *http.Request) (Caller, *Problem) {
	if len(*g.tokens.Load()) == 0 {
		return g.local(r)
	}
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, secret, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			secret = ""
		}
		return g.bearer(r, secret)
	}
	if caller, ok := g.visitor(r); ok {
		return caller, g.foreign(r)
	}
	return g.bearer(r, "")
}

// bearer returns whose token a client shows.
func (g *Gate) bearer(r *http.Request, secret string) (Caller, *Problem) {
	client := clientOf(r)
	if wait := g.guesses.locked(client); wait > 0 {
		return Caller{}, &Problem{
			Status: http.StatusTooManyRequests, Code: fault.RateLimited, retryAfter: wait,
			Detail: fmt.Sprintf("Too many wrong tokens came from this address; it may try again in %s.", wait.Round(time.Second)),
		}
	}
	if secret == "" {
		return Caller{}, &Problem{Status: http.StatusUnauthorized, Code: fault.Unauthorized, Detail: "This needs a bearer token in the header Authorization."}
	}
	caller, known := g.Find(secret)
	if !known {
		g.guesses.wrong(client, secret)
		return Caller{}, &Problem{Status: http.StatusUnauthorized, Code: fault.Unauthorized, Detail: "This bearer token is not known; see admin.token and admin.tokens."}
	}
	return caller, nil
}

// local admits without a token. A page in a browser on the same machine must not
// pass for its user: it sends an origin, or has given a name of its own to a
// loopback address.
func (g *Gate) local(r *http.Request) (Caller, *Problem) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	loopback := host == "localhost" || err == nil && address.IsLoopback()
	if !loopback || g.origins.Check(r) != nil {
		return Caller{}, &Problem{Status: http.StatusForbidden, Code: fault.Unauthorized, Detail: "Without admin.token only programs on this machine are answered, by a loopback address."}
	}
	return Caller{Name: "local", Write: true}, nil
}

func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }
