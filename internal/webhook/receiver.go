package webhook

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Receiver serves POST /webhooks/{provider}.
type Receiver struct {
	bus       Bus
	options   Options
	endpoints atomic.Pointer[map[string]Endpoint]
	room      room
	recent    recent
}

// Bus takes events. Store returns when all are acknowledged; those that were
// stored before an error stay stored.
type Bus interface {
	Store(ctx context.Context, messages []Message) error
}

// Options say how a receiver behaves; zero values take the defaults.
type Options struct {
	// Bytes bounds the bodies that are in memory at once; default 64 MiB.
	Bytes int64
	// AtOnce bounds the requests that are verified and stored at once; default 512.
	AtOnce int
	// ReadTimeout is how long a client may take for its body; default 10 s.
	ReadTimeout time.Duration
	// StoreTimeout is how long the bus may take; default 8 s, below the patience of
	// every sender.
	StoreTimeout time.Duration
	// Observer is told of every request; nil for nobody.
	Observer func(ctx context.Context, receipt Receipt)
	Now      func() time.Time
}

// New returns a receiver without endpoints; [Receiver.SetEndpoints] gives it some.
func New(bus Bus, options Options) *Receiver {
	options.Bytes = cmp.Or(options.Bytes, 64<<20)
	options.AtOnce = cmp.Or(options.AtOnce, 512)
	options.ReadTimeout = cmp.Or(options.ReadTimeout, 10*time.Second)
	options.StoreTimeout = cmp.Or(options.StoreTimeout, 8*time.Second)
	if options.Now == nil {
		options.Now = time.Now
	}
	r := &Receiver{bus: bus, options: options, recent: recent{most: mostRecent}}
	r.room.bytes.Store(options.Bytes)
	r.room.slots = make(chan struct{}, options.AtOnce)
	r.SetEndpoints(nil)
	return r
}

// SetEndpoints replaces the endpoints while requests are served.
func (r *Receiver) SetEndpoints(endpoints map[string]Endpoint) { r.endpoints.Store(&endpoints) }

// ServeHTTP implements [http.Handler]. The client's address is that of the
// request: whoever trusts a proxy has put it there.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	started := r.options.Now()
	receipt := Receipt{Provider: clip(req.PathValue("provider")), Client: client(req.RemoteAddr)}
	answer := r.serve(w, req, &receipt)
	receipt.Status, receipt.Err = answer.status, answer.err
	switch {
	case answer.status >= http.StatusInternalServerError:
		receipt.Outcome = Failed
	case answer.status >= http.StatusBadRequest:
		receipt.Outcome = Refused
	}
	answer.write(w)
	receipt.Took = r.options.Now().Sub(started)
	if r.options.Observer != nil {
		r.options.Observer(req.Context(), receipt)
	}
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request, receipt *Receipt) answer {
	endpoint, ok := (*r.endpoints.Load())[req.PathValue("provider")]
	switch {
	case !ok:
		return refuse(http.StatusNotFound, fault.NotFound, "No provider of this name is configured.")
	case !allowed(endpoint.AllowFrom, receipt.Client):
		return refuse(http.StatusForbidden, fault.Refused, "This address may not send webhooks of this provider.")
	case req.ContentLength > endpoint.MaxBody:
		return tooLarge(endpoint.MaxBody)
	}
	body, release, refused := r.read(w, req, endpoint.MaxBody)
	defer release()
	if refused != nil {
		return *refused
	}
	receipt.Bytes = len(body)
	select {
	case r.room.slots <- struct{}{}:
		defer func() { <-r.room.slots }()
	default:
		return full()
	}
	if err := endpoint.Source.Verify(req.Context(), req.Header, body, r.options.Now()); err != nil {
		return judged(err)
	}
	notices, err := endpoint.Source.Split(req.Header, body)
	if err != nil {
		return judged(err)
	}
	receipt.Events = len(notices)
	return r.store(req, endpoint, notices, receipt)
}

// store puts the events on the bus. Those that are there already need not go
// again: they are known only once they were acknowledged.
func (r *Receiver) store(req *http.Request, endpoint Endpoint, notices []delivery.Notice, receipt *Receipt) answer {
	messages, err := r.messages(req, notices)
	if err != nil {
		return judged(err)
	}
	fresh := slices.DeleteFunc(slices.Clone(messages), func(m Message) bool { return r.recent.has(m.ID) })
	receipt.Outcome = Accepted
	if len(fresh) == 0 && len(messages) > 0 {
		receipt.Outcome = Duplicate
		return answer{status: endpoint.Accepted}
	}
	if len(fresh) > 0 {
		// The sender may hang up; what it sent is verified, and is stored all the same.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), r.options.StoreTimeout)
		defer cancel()
		if err := r.bus.Store(ctx, fresh); err != nil {
			if fault.Of(err) == fault.Invalid {
				return refuse(http.StatusRequestEntityTooLarge, fault.Invalid, "An event is too large to be stored.").because(err)
			}
			return unavailable("The events could not be stored. Send them again later.").because(err)
		}
		for _, m := range fresh {
			r.recent.add(m.ID)
		}
	}
	return answer{status: endpoint.Accepted}
}

// judged answers the fault of a source.
func judged(err error) answer {
	failure := fault.As(err)
	switch failure.Reason {
	case fault.Unauthorized:
		return refuse(http.StatusUnauthorized, fault.Unauthorized, "The signature is missing.").because(err)
	case fault.Refused:
		return refuse(http.StatusForbidden, fault.Refused, "The signature is wrong or outdated.").because(err)
	case fault.Invalid:
		if tooBig, ok := errors.AsType[*tooBigError](err); ok {
			return tooLarge(tooBig.limit).because(err)
		}
		return refuse(http.StatusBadRequest, fault.Invalid, "The request could not be read.").because(err)
	default:
		return unavailable("The signature could not be checked. Send it again later.").because(err)
	}
}

func allowed(networks []netip.Prefix, client string) bool {
	if len(networks) == 0 {
		return true
	}
	address, err := netip.ParseAddr(client)
	return err == nil && slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(address.Unmap()) })
}

func client(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

var _ http.Handler = (*Receiver)(nil)
