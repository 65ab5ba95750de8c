package broker

import (
	"strconv"
	"time"
)

// verdict is what a handler wants to become of a message.
type verdict struct {
	kind   verdictKind
	delay  time.Duration
	reason string
}

type verdictKind int

const (
	verdictNone verdictKind = iota
	verdictAck
	verdictRetry
	verdictTerminate
)

// Bodies of acknowledgements, as the JetStream protocol has them.
const (
	ackBody      = "+ACK"
	nakBody      = "-NAK"
	termBody     = "+TERM"
	progressBody = "+WPI"
)

// maxTermReason bounds the text that an advisory repeats.
const maxTermReason = 512

// settle sends the verdict, once. The lock is held while writing, so that no
// sign of life can follow: one that came after a delayed nak would push the
// message's time back to a whole AckWait.
func (d *Delivery) settle(fallback verdict) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settled {
		return nil
	}
	d.settled = true
	v := d.verdict
	if v.kind == verdictNone {
		v = fallback
	}
	owner := d.feed.subscription.owner
	body := ackBody
	switch v.kind {
	case verdictNone, verdictAck:
	case verdictRetry:
		body = nakBody
		if v.delay > 0 {
			owner.naks.add(time.Now(), v.delay)
			body = nakBody + ` {"delay": ` + strconv.FormatInt(int64(v.delay), 10) + `}`
		}
	case verdictTerminate:
		body = termBody
		if v.reason != "" {
			body = termBody + " " + v.reason
		}
	}
	return owner.conn.nc.Publish(d.reply, []byte(body))
}

// giveBack returns a message nobody has begun to handle to the stream, for
// another worker to take at once.
func (d *Delivery) giveBack() error {
	return d.settle(verdict{kind: verdictRetry})
}

// abandon makes sure nothing more is sent: the server hands the message out
// again when its deadline has passed.
func (d *Delivery) abandon() {
	d.mu.Lock()
	d.settled = true
	d.mu.Unlock()
}

// signOfLife gives the message another AckWait.
func (d *Delivery) signOfLife() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settled {
		return nil
	}
	return d.feed.subscription.owner.conn.nc.Publish(d.reply, []byte(progressBody))
}
