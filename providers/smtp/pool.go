package smtp

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// pool keeps connections between messages. A slot is the right to have one
// connection; whoever holds a slot either uses a connection or opens one, so
// that there are never more connections than slots.
type pool struct {
	slots  chan struct{}
	expire time.Duration
	now    func() time.Time

	mu     sync.Mutex
	idle   []*conn // the one used last is at the end and taken first
	timer  *time.Timer
	closed bool
	// done counts the timer's pending run.
	done sync.WaitGroup
}

func newPool(most int, expire time.Duration, now func() time.Time) *pool {
	return &pool{slots: make(chan struct{}, most), expire: expire, now: now}
}

// enter waits for a slot.
func (p *pool) enter(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx, "smtp: pool")
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx, "smtp: pool")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.leave()
		return fault.New(fault.Unavailable, "smtp: pool", "the driver is closed")
	}
	return nil
}

// leave gives the slot back.
func (p *pool) leave() { <-p.slots }

// take returns a kept connection that logged in with the credential, nil when
// there is none. Connections with an older credential are ended.
func (p *pool) take(login credential) *conn {
	p.mu.Lock()
	var found *conn
	var old []*conn
	for len(p.idle) > 0 && found == nil {
		last := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if last.login == login {
			found = last
		} else {
			old = append(old, last)
		}
	}
	p.mu.Unlock()
	for _, c := range old {
		c.quit()
	}
	return found
}

// keep puts a connection back for the next message.
func (p *pool) keep(c *conn) {
	c.reused, c.idleSince = true, p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.quit()
		return
	}
	p.idle = append(p.idle, c)
	p.schedule()
}

// schedule starts the timer that ends idle connections. The lock is held.
func (p *pool) schedule() {
	if p.timer != nil || len(p.idle) == 0 {
		return
	}
	p.done.Add(1)
	p.timer = time.AfterFunc(max(p.idle[0].idleSince.Add(p.expire).Sub(p.now()), time.Millisecond), p.reap)
}

// reap ends the connections that were idle for too long.
func (p *pool) reap() {
	defer p.done.Done()
	p.mu.Lock()
	p.timer = nil
	end := p.now().Add(-p.expire)
	fresh := slices.IndexFunc(p.idle, func(c *conn) bool { return c.idleSince.After(end) })
	if fresh < 0 {
		fresh = len(p.idle)
	}
	old := slices.Clone(p.idle[:fresh])
	p.idle = slices.Delete(p.idle, 0, fresh)
	p.schedule()
	p.mu.Unlock()
	for _, c := range old {
		c.quit()
	}
}

// close ends idle connections and waits for those in use.
func (p *pool) close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	idle := p.idle
	p.idle = nil
	if p.timer != nil && p.timer.Stop() {
		p.done.Done()
	}
	p.mu.Unlock()
	for _, c := range idle {
		c.quit()
	}
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	// Callers that wait for a slot get one now and learn that it is over.
	for range cap(p.slots) {
		p.leave()
	}
	p.done.Wait()
	return nil
}
