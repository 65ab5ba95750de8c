package api

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// mostWrong different wrong tokens within guessWindow lock an address out.
	mostWrong   = 10
	guessWindow = time.Minute
	lockedFor   = time.Minute
	// mostClients bounds the memory that guessing from many addresses takes.
	mostClients = 4096
)

// guesses counts wrong tokens by client address.
type guesses struct {
	now func() time.Time

	mu      sync.Mutex
	clients map[netip.Prefix]*tally
}

type tally struct {
	wrong int
	last  [sha256.Size]byte // of the last wrong token
	until time.Time         // when it is forgotten or, at mostWrong, let in again
}

func newGuesses(now func() time.Time) *guesses {
	return &guesses{now: now, clients: map[netip.Prefix]*tally{}}
}

// locked returns for how long a client is locked out.
func (g *guesses) locked(client netip.Prefix) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.clients[client]; t != nil && t.wrong >= mostWrong {
		return max(0, t.until.Sub(g.now()))
	}
	return 0
}

// wrong counts a wrong token. The same one again is no guess but a client with an
// old token, and must not lock out its neighbours.
func (g *guesses) wrong(client netip.Prefix, secret string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, hash := g.now(), sha256.Sum256([]byte(secret))
	t := g.clients[client]
	if t == nil || !t.until.After(now) {
		if t == nil && len(g.clients) >= mostClients {
			g.forget(now)
		}
		t = &tally{until: now.Add(guessWindow)}
		g.clients[client] = t
	}
	if t.last == hash {
		return
	}
	t.last = hash
	if t.wrong++; t.wrong >= mostWrong {
		t.until = now.Add(lockedFor)
	}
}

// forget makes room: all that is over, else the one that is over first.
func (g *guesses) forget(now time.Time) {
	var first netip.Prefix
	for client, t := range g.clients {
		if !t.until.After(now) {
			delete(g.clients, client)
		} else if !first.IsValid() || t.until.Before(g.clients[first].until) {
			first = client
		}
	}
	if len(g.clients) >= mostClients {
		delete(g.clients, first)
	}
}

// clientOf is the address of a client; of IPv6 its network, which one client has
// whole.
func clientOf(r *http.Request) netip.Prefix {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	address, bits := peer.Addr().Unmap().WithZone(""), 32
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits)
	return prefix
}
