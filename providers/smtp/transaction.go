package smtp

import (
	"context"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// envelope is one message, ready for the wire.
type envelope struct {
	from       string // bare address
	recipients []string
	given      []string // the recipients as the request spells them
	content    []byte
	id         string // what a bounce names the message by, "" for none
}

// outcome is what became of one transaction.
type outcome struct {
	answer providers.Answer
	last   reply
	err    error
	// left: the content was handed over whole, so the server may act on it.
	left bool
	// broken: the connection is of no more use.
	broken bool
	// stale: the connection was found dead, or the server was closing it, before
	// any content: the same message can go through another one.
	stale bool
}

// transact hands one message over. It ends with ctx, at any stage.
func (d *Driver) transact(ctx context.Context, c *conn, e envelope) outcome {
	_ = c.wire.SetDeadline(time.Now().Add(stall))
	stop := context.AfterFunc(ctx, c.cut)
	o := d.dialogue(ctx, c, e)
	if !stop() {
		o.broken = true
	}
	return o
}

func (d *Driver) dialogue(ctx context.Context, c *conn, e envelope) outcome {
	if c.most > 0 && int64(len(e.content)) > c.most {
		return outcome{err: d.classify(atMail, reply{code: 552, enhanced: "5.3.4"})}
	}
	if e.foreign() && !c.utf8 {
		return outcome{err: d.classify(atRcpt, reply{code: 553, enhanced: "5.6.7"})}
	}
	accepted, o := d.envelope(ctx, c, e)
	if o.err != nil {
		return d.reset(c, o)
	}
	last, err := c.ask("DATA")
	switch {
	case err != nil:
		return outcome{err: broken(ctx, atData, err), broken: true, stale: ctx.Err() == nil}
	case last.code != 354:
		return d.reset(c, outcome{last: last, err: d.classify(atData, last), stale: last.code == 421})
	}
	o.last, o.left, err = d.content(ctx, c, e.content)
	switch {
	case err != nil:
		o.err, o.broken = err, true
	case o.last.code/100 != 2:
		o.err = d.classify(atBody, o.last)
		o.broken = o.last.code == 421 || o.last.class() < 4
	default:
		o.answer.MessageID = o.last.messageID()
	}
	if o.err != nil {
		o.answer = providers.Answer{}
	} else if accepted == len(e.recipients) {
		o.answer.Recipients = nil // all alike
	}
	return o
}

// envelope names sender and recipients. It returns how many recipients were
// accepted; its error means that the message cannot go to any.
func (d *Driver) envelope(ctx context.Context, c *conn, e envelope) (accepted int, o outcome) {
	replies, sender, err := d.commands(c, e)
	if err != nil {
		return 0, outcome{err: broken(ctx, atMail, err), broken: true, stale: ctx.Err() == nil}
	}
	if sender.code/100 != 2 {
		return 0, outcome{last: sender, err: d.classify(atMail, sender), stale: sender.code == 421}
	}
	o.last = sender
	var worst *fault.Error
	for i, r := range replies {
		recipient := delivery.Recipient{Address: e.given[i], Status: delivery.Sent}
		switch {
		case r.code == 421:
			// The server is leaving: those that it accepted before get nothing either.
			return 0, outcome{last: r, err: d.classify(atRcpt, r), stale: true}
		case r.code/100 == 2:
			accepted++
		default:
			o.last = r
			failure := d.classify(atRcpt, r)
			recipient.Status, recipient.Reason = delivery.Failed, failure.Reason
			// One that may be accepted later keeps the message from being refused for good.
			if worst == nil || worst.Reason == fault.Refused {
				worst = failure
			}
		}
		o.answer.Recipients = append(o.answer.Recipients, recipient)
	}
	if accepted == 0 {
		o.err = worst
	}
	return accepted, o
}

// commands sends MAIL and all RCPT, in one packet where the server allows it.
func (d *Driver) commands(c *conn, e envelope) (recipients []reply, sender reply, err error) {
	mailFrom := "MAIL FROM:" + path(e.from)
	if c.sized {
		mailFrom += " SIZE=" + strconv.Itoa(len(e.content))
	}
	if e.foreign() {
		mailFrom += " SMTPUTF8"
	}
	if c.dsn && e.id != "" {
		// A bounce then names our id, and returns the headers and not the content (RFC 3461).
		mailFrom += " RET=HDRS ENVID=" + e.id
	}
	all := []string{mailFrom}
	for _, recipient := range e.recipients {
		all = append(all, "RCPT TO:"+path(recipient))
	}
	if c.pipelines {
		if err := c.write(all...); err != nil {
			return nil, reply{}, err
		}
	}
dialogue:
	for i, command := range all {
		if !c.pipelines {
			if err := c.write(command); err != nil {
				return nil, reply{}, err
			}
		}
		r, err := c.read()
		if err != nil {
			return nil, reply{}, err
		}
		switch {
		case i > 0:
			recipients = append(recipients, r)
		default:
			sender = r
		}
		// After a 421 comes nothing more, and after a refused sender nothing else matters.
		if r.code == 421 || i == 0 && r.code/100 != 2 && !c.pipelines {
			break dialogue
		}
	}
	return recipients, sender, nil
}

// content sends the message after 354 and takes the verdict. Its error is of
// the connection: timeout or unavailable while content is missing, because a
// message without its final dot does not exist; unknown_outcome after.
func (d *Driver) content(ctx context.Context, c *conn, content []byte) (last reply, left bool, err error) {
	dots := c.client.Text.DotWriter()
	_, err = dots.Write(content)
	if closing := dots.Close(); err == nil {
		err = closing
	}
	if err != nil {
		// A server that gives up in the middle says why before it closes.
		_ = c.wire.SetReadDeadline(time.Now().Add(time.Second))
		if r, readErr := c.read(); readErr == nil && r.class() >= 4 {
			return r, false, d.classify(atBody, r)
		}
		return reply{}, false, broken(ctx, atData, err)
	}
	last, err = c.read()
	if err != nil {
		failure := &fault.Error{Reason: fault.UnknownOutcome, Op: "smtp: body", Message: "the message left and no answer came", Err: cause(err)}
		if ctx.Err() != nil {
			failure.Err = ctx.Err()
		}
		return reply{}, true, failure
	}
	return last, true, nil
}

// reset makes the connection ready for the next message after a refusal.
func (d *Driver) reset(c *conn, o outcome) outcome {
	if o.broken || o.last.code == 421 || o.stale {
		o.broken = true
		return o
	}
	r, err := c.ask("RSET")
	o.broken = err != nil || r.code/100 != 2
	return o
}

// path is an address as SMTP writes it, quoted where the local part needs it.
func path(address string) string { return (&mail.Address{Address: address}).String() }

// foreign reports whether an address needs SMTPUTF8.
func (e envelope) foreign() bool {
	return !ascii(e.from) || slices.ContainsFunc(e.recipients, func(address string) bool { return !ascii(address) })
}

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > '~' }) < 0
}
