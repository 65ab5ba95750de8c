package broker

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// The pull protocol (NATS ADR-13, ADR-37): a request names batch, bytes and
// expiry; messages and statuses come to its reply subject. A message carries
// the subject it is stored under, a status that of the reply.
const (
	pullExpires   = 30 * time.Second
	pullHeartbeat = 5 * time.Second
	// pullSilence without message, status or heartbeat means that the request is
	// lost: its server is gone, or the consumer had too many requests waiting.
	pullSilence = 2*pullHeartbeat + 2*time.Second

	statusHeartbeat = "100"
	statusExpired   = "408"
	statusConflict  = "409"

	headerStatus          = "Status"
	headerDescription     = "Description"
	headerPendingMessages = "Nats-Pending-Messages"
)

// pull is one inbox with at most one open request.
type pull struct {
	feed         *feed
	prefix       string // of reply subjects; the request's number follows
	subscription *nats.Subscription

	// The subscription's lock guards the rest.
	number      int
	outstanding int // messages still to come for the open request
	heard       bool
	lastHeard   time.Time
}

// newPull subscribes. Its caller has counted it among the subscription's pulls;
// the count is given back when the last message has been received, or at once
// on an error, which leaves a pull that asks for nothing.
func newPull(f *feed) (*pull, error) {
	nc, pulls := f.subscription.owner.conn.nc, &f.subscription.pulls
	p := &pull{feed: f, prefix: nc.NewInbox() + ".", heard: true}
	sub, err := nc.Subscribe(p.prefix+"*", p.receive)
	if err != nil {
		pulls.Done()
		return p, err
	}
	sub.SetClosedHandler(func(string) { pulls.Done() })
	// What is requested is bounded; the library's own limits would drop messages.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return p, errors.Join(err, sub.Unsubscribe())
	}
	p.subscription = sub
	return p, nil
}

// drain tells the server that nobody listens any more; what it has sent by then
// is still received.
func (p *pull) drain() {
	if p != nil && p.subscription != nil {
		// An error means that the connection is closed, and with it this.
		_ = p.subscription.Drain()
	}
}

func (p *pull) receive(msg *nats.Msg) {
	if number, ok := strings.CutPrefix(msg.Subject, p.prefix); ok {
		p.status(number, msg.Header)
		return
	}
	d, err := newDelivery(p.feed, msg)
	if err != nil {
		p.feed.subscription.mu.Lock()
		p.feed.failed(err.Error())
		p.feed.subscription.mu.Unlock()
		return
	}
	p.feed.subscription.accept(d, p)
}

// received counts one message of the open request. The lock is held.
func (p *pull) received() {
	p.heard = true
	if p.outstanding > 0 {
		p.outstanding--
		p.feed.busy = p.outstanding == 0 || p.feed.busy
	}
}

// status ends the open request, unless it is a heartbeat or belongs to an
// earlier one: the server also reports what was left of a request that we know
// to be complete.
func (p *pull) status(number string, header nats.Header) {
	s := p.feed.subscription
	code := header.Get(headerStatus)
	s.mu.Lock()
	p.heard = true
	if code == statusHeartbeat || number != strconv.Itoa(p.number) || p.outstanding == 0 {
		s.mu.Unlock()
		return
	}
	p.outstanding = 0
	var more pullRequest
	switch {
	case code == statusExpired:
		p.feed.failures, p.feed.busy = 0, false
		more = p.feed.request()
	case code == statusConflict && header.Get(headerPendingMessages) != "":
		// The next message did not fit. To ask again with the same room would spin;
		// the next message handed out makes more.
		p.feed.tooBig = true
		if p.feed.buffered == 0 {
			more = p.feed.request()
		}
	default:
		p.feed.failed(code + " " + header.Get(headerDescription))
	}
	s.mu.Unlock()
	more.send()
}

// silent reports whether the open request seems lost. The lock is held.
func (p *pull) silent(now time.Time) bool {
	if p.heard || p.lastHeard.IsZero() || p.outstanding == 0 {
		p.heard, p.lastHeard = false, now
		return false
	}
	return now.Sub(p.lastHeard) > pullSilence
}

// pullRequest is what to ask for once the lock is released; the zero value asks
// for nothing.
type pullRequest struct {
	pull   *pull
	number int
	batch  int
	bytes  int // 0: unbounded
}

func (r pullRequest) send() {
	if r.pull == nil {
		return
	}
	f := r.pull.feed
	body := make([]byte, 0, 96)
	body = append(body, `{"batch":`...)
	body = strconv.AppendInt(body, int64(r.batch), 10)
	if r.bytes > 0 {
		body = append(body, `,"max_bytes":`...)
		body = strconv.AppendInt(body, int64(r.bytes), 10)
	}
	body = append(body, `,"expires":`...)
	body = strconv.AppendInt(body, int64(pullExpires), 10)
	body = append(body, `,"idle_heartbeat":`...)
	body = strconv.AppendInt(body, int64(pullHeartbeat), 10)
	body = append(body, '}')
	err := f.subscription.owner.conn.nc.PublishRequest(f.subject, r.pull.prefix+strconv.Itoa(r.number), body)
	if err != nil {
		f.subscription.mu.Lock()
		f.failed(err.Error())
		f.subscription.mu.Unlock()
	}
}
