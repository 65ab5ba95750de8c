package pipeline

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// settle publishes what the committed row gives rise to and then decides the
// message. Everything it publishes has an id made of the row's version, so that
// a redelivery repeats the whole of it without effect.
func (e *execution) settle(ctx context.Context) error {
	if e.row.Status != delivery.Queued && e.row.Status != delivery.Processing {
		if err := e.p.outlet.Event(ctx, e.row); err != nil {
			return err
		}
		e.p.options.Reached(StepAnnounced)
		e.p.options.Observer.Settled(ctx, e.row)
	}
	switch {
	case e.row.Status.Open() && e.row.Due.IsZero():
		// Another worker took the command over while this one was busy: the message
		// stays until that one has settled it.
		return e.later(ctx, busyWait)
	case e.row.Status.Open():
		return e.postpone(ctx)
	case kept(e.row):
		if err := e.p.outlet.DeadLetter(ctx, e.letter(e.row.ErrorMessage)); err != nil {
			return err
		}
		e.p.options.Reached(StepLettered)
		e.m.Terminate(string(e.row.Reason))
		return nil
	default:
		e.m.Ack()
		return nil
	}
}

// kept reports whether a row ends with a dead letter that keeps its payload.
func kept(row delivery.Row) bool {
	return row.Status == delivery.Ends(row.Reason) && row.Reason != fault.None && row.Reason.Rule().Letter
}

// postpone brings the message back when the row is due: by the broker for short
// waits, by a schedule for long ones. What its producer scheduled always has a
// schedule of its own, so that moving it replaces the one before.
//
// A schedule that has fired although nothing is due yet comes of a broker whose
// clock is ahead of the database's. Scheduled to the same time again it would
// fire at once, over and over; it is held back instead.
func (e *execution) postpone(ctx context.Context) error {
	now := e.p.options.Now()
	wait := max(e.row.Due.Sub(now), time.Millisecond)
	early := command.Fired(e.m.Subject())
	if early && !e.m.CanRetryIn(wait) {
		wait = min(wait, earlyWait)
	}
	if (e.row.Status != delivery.Scheduled || early) && e.m.CanRetryIn(wait) {
		e.m.RetryIn(wait)
		return nil
	}
	postponed := delivery.Postponed{Command: e.cmd, Version: e.row.Version, Due: e.row.Due}
	if e.found {
		postponed.Again = again(now)
	}
	err := e.p.outlet.Schedule(ctx, postponed)
	if err != nil {
		return err
	}
	e.p.options.Reached(StepScheduled)
	e.m.Ack()
	return nil
}

// earlyWait is how long a schedule that fired far too early is held back.
const earlyWait = 15 * time.Second

// again tells a further schedule of the same version apart.
func again(now time.Time) string { return "." + strconv.FormatInt(now.UnixNano(), 36) }

// later brings the message back although nothing is due: somebody else has the
// command, or is to have it. A message that was handed out often gets a schedule
// of its own, because each delivery counts towards the broker's limit.
func (e *execution) later(ctx context.Context, wait time.Duration) error {
	if e.m.CanRetryIn(wait) {
		e.m.RetryIn(wait)
		return nil
	}
	now := e.p.options.Now()
	err := e.p.outlet.Schedule(ctx, delivery.Postponed{
		Command: e.cmd, Version: e.row.Version, Due: now.Add(wait), Again: again(now),
	})
	if err != nil {
		return err
	}
	e.m.Ack()
	return nil
}

// content is what a dead letter keeps of the message. The values of sensitive
// variables are wiped; where the outcome is unknown they stay, because the
// command may have to be sent again, until it has ended.
func (e *execution) content(status delivery.Status) *delivery.LetterContent {
	content := &delivery.LetterContent{Body: e.cmd.Body, Headers: e.m.Headers()}
	confidant, ok := e.handler.(Confidant)
	if !ok {
		return content
	}
	names := confidant.Sensitive(e.cmd)
	if len(names) == 0 {
		return content
	}
	content.Headers = maps.Clone(content.Headers)
	if content.Headers == nil {
		content.Headers = map[string][]string{}
	}
	if status == delivery.Unknown {
		content.Headers[delivery.HeaderSensitive] = []string{strings.Join(names, ",")}
		return content
	}
	content.Headers[delivery.HeaderWiped] = []string{strings.Join(names, ",")}
	content.Body = command.Redact(content.Body, names)
	return content
}

// letter is what listeners of the stream get; the letter that is replayed is the
// database's.
func (e *execution) letter(text string) delivery.Letter {
	content := e.content(delivery.DeadLettered)
	return delivery.Letter{
		ID: e.cmd.ID, Kind: e.cmd.Kind, Lane: e.cmd.Lane.Shown(), Key: strconv.Itoa(e.row.Version),
		Body: content.Body, Headers: content.Headers, Reason: e.row.Reason, Error: text,
		Row: e.row, Attempts: e.result.Attempts, FirstSeen: e.cmd.RequestedAt,
	}
}
