// Package lookup answers look-ups that somebody waits for: the NATS micro service
// "gangway", address search and re-checking over HTTP, and the postcode page. It
// decodes and limits requests and explains failures to people in Korean and
// English; what the answer is, an [Answerer] knows.
package lookup

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Answerer answers a decoded look-up: *command.Address or *command.Business. The
// error is classified; its code and field may choose a more exact sentence.
type Answerer interface {
	Answer(ctx context.Context, payload command.Payload) (jsontext.Value, error)
}

// Options configure what is reachable without a login.
type Options struct {
	// Rate and Burst bound the requests of one client a second; a Rate of 0 bounds
	// nothing.
	Rate  float64
	Burst int
	// Origins may open or frame the postcode page, receive what is picked there,
	// and call the address search from their own pages.
	Origins []string
	// Scripts are the addresses of the postcode widget, tried in this order.
	Scripts []string
}

// Public serves the look-ups of the public listener. The client address is that
// of the request: whoever serves it has looked behind trusted proxies.
type Public struct {
	answerer Answerer
	current  atomic.Pointer[public]
}

// public is what follows the options.
type public struct {
	options Options
	clients *clients
	page    *page
}

// NewPublic returns the public look-ups.
func NewPublic(answerer Answerer, options Options) (*Public, error) {
	p := &Public{answerer: answerer}
	apply, err := p.Prepare(options)
	if err != nil {
		return nil, err
	}
	apply()
	return p, nil
}

// Prepare makes what other options need; apply puts them into force while
// requests are served. What clients have used of an unchanged limit still counts.
func (p *Public) Prepare(options Options) (apply func(), err error) {
	page, err := newPage(options)
	if err != nil {
		return nil, err
	}
	return func() {
		next, before := &public{options: options, page: page}, p.current.Load()
		if before != nil && before.options.Rate == options.Rate && before.options.Burst == options.Burst {
			next.clients = before.clients
			p.current.Store(next)
			return
		}
		next.clients = newClients(options.Rate, options.Burst, time.Now)
		p.current.Store(next)
		if before != nil {
			before.clients.close()
		}
	}, nil
}

// Routes adds the public paths to mux.
func (p *Public) Routes(mux *http.ServeMux) {
	mux.Handle("GET /v1/addresses", p.limited(p.search))
	mux.Handle("POST /v1/addresses/resolve", p.limited(p.resolve))
	mux.HandleFunc("OPTIONS /v1/addresses", p.preflight)
	mux.HandleFunc("OPTIONS /v1/addresses/resolve", p.preflight)
	mux.HandleFunc("GET /postcode", func(w http.ResponseWriter, r *http.Request) { p.current.Load().page.serve(w, r) })
}

// Close ends what runs in the background.
func (p *Public) Close() { p.current.Load().clients.close() }

// decode reads a body that somebody waits for the answer to. Times have no
// meaning there.
func decode(kind command.Kind, body []byte) (command.Payload, error) {
	cmd, err := command.Decode(kind, command.Normal, body, command.Source{MsgID: rand.Text()})
	if err != nil {
		return nil, err
	}
	if at := cmd.Envelope().SendAt; !at.IsZero() {
		return nil, fault.InvalidField("send_at", "has no meaning where the answer is waited for")
	}
	if cmd.Expired(time.Now()) {
		return nil, fault.New(fault.Expired, "look-up", "expires_at has passed")
	}
	return cmd.Payload, nil
}
