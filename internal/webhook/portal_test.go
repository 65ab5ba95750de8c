package webhook_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/webhook"
)

const outSecret, oldOutSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// portal is a receiver of events: a real listener that answers as a test scripts.
type portal struct {
	t      *testing.T
	server *httptest.Server

	mu     sync.Mutex
	answer func(attempt int, r *http.Request) int // of an event's attempt, from 1
	header http.Header                            // of the answers
	got    []arrival
	counts map[string]int // attempts by webhook-id
}

// arrival is one request that the portal got.
type arrival struct {
	id     string
	header http.Header
	body   string
	at     time.Time
}

func newPortal(t *testing.T) *portal {
	t.Helper()
	p := &portal{t: t, counts: map[string]int{}, header: http.Header{}, answer: func(int, *http.Request) int { return http.StatusNoContent }}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		id := r.Header.Get("Webhook-Id")
		p.counts[id]++
		p.got = append(p.got, arrival{id, r.Header.Clone(), string(body), time.Now()})
		for name, values := range p.header {
			w.Header()[name] = values
		}
		status := p.answer(p.counts[id], r)
		p.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(p.server.Close)
	return p
}

// script changes how the portal answers.
func (p *portal) script(answer func(attempt int, r *http.Request) int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *portal) always(status int) { p.script(func(int, *http.Request) int { return status }) }

// of returns what came of one event.
func (p *portal) of(id string) (arrivals []arrival) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.got {
		if a.id == id {
			arrivals = append(arrivals, a)
		}
	}
	return arrivals
}

func (p *portal) total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

// target is an endpoint on this machine, which is no public address.
func (p *portal) target(name string) webhook.Target {
	return webhook.Target{
		Name: name, URL: p.server.URL + "/hooks?key=hush", Secrets: []string{outSecret, oldOutSecret}, Kinds: []string{"email.send", "sms.send"},
		AllowTo: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, Timeout: 5 * time.Second,
	}
}
