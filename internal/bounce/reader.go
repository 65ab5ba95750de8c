package bounce

import (
	"cmp"
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Options say what a reader reads and who is told; zero values take the defaults.
type Options struct {
	Mailbox Mailbox
	// Store keeps events for good; it may be given the same ones again. A message is
	// marked only when it has returned without an error.
	Store func(ctx context.Context, notices []delivery.Notice) error
	// Every is how often the mailbox is looked into where the server does not tell of
	// new mail, and where it does, to be sure; default 1 min.
	Every time.Duration
	// MaxBytes is how much of a message is read; default 256 KiB. Recipients come
	// first, the returned message last.
	MaxBytes int
	// Observe is told of every notification, State of every look into the mailbox:
	// nil, or why it failed.
	Observe func(outcome Outcome)
	State   func(err error)
}

// Outcome is what became of a notification.
type Outcome string

// The outcomes. Those recorded and those with nothing to report are marked; what
// is foreign or unreadable stays for a person.
const (
	Recorded   Outcome = "recorded"
	Nothing    Outcome = "nothing" // a delay: failed or nothing follows
	Foreign    Outcome = "foreign" // it names no message
	Unreadable Outcome = "unreadable"
	Failed     Outcome = "failed" // it could not be stored or marked, and is read again
)

const (
	batch = 100
	// firstPause and longestPause bound the pauses after failures; a login that is
	// not accepted is not repeated at once, so that no account is locked for it.
	firstPause, longestPause, loginPause = time.Second, 5 * time.Minute, time.Minute
	// messageTries is how often a message may break a connection before it is left out.
	messageTries = 3
	// lookAgain is when the mailbox is looked into once more after mail has come: not
	// every server tells of what came between the last look and the waiting.
	lookAgain = 2 * time.Second
)

// Reader reads one mailbox. Only one may do so at a time.
type Reader struct {
	options Options

	validity uint32
	next     imap.UID // messages before it have been looked at
	pause    time.Duration
	broken   int // connections that the message at next has broken
}

// NewReader returns a reader.
func NewReader(options Options) *Reader {
	options.Every = cmp.Or(options.Every, time.Minute)
	options.MaxBytes = cmp.Or(options.MaxBytes, 256<<10)
	if options.Observe == nil {
		options.Observe = func(Outcome) {}
	}
	if options.State == nil {
		options.State = func(error) {}
	}
	return &Reader{options: options, next: 1}
}

// Run reads what is there and what comes, until ctx ends.
func (r *Reader) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := r.stay(ctx)
		if ctx.Err() != nil {
			break
		}
		r.options.State(err)
		r.pause = min(max(2*r.pause, firstPause), longestPause)
		if fault.Of(err) == fault.Unauthorized {
			r.pause = max(r.pause, loginPause)
		}
		timer := time.NewTimer(r.pause*9/10 + rand.N(r.pause/5+1))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return nil //nolint:nilerr // it ended because it was to end
}

// stay reads over one connection until it fails.
func (r *Reader) stay(ctx context.Context) error {
	s, err := r.options.Mailbox.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if s.validity != r.validity {
		r.validity, r.next = s.validity, 1
	}
	for {
		before, every := r.next, r.options.Every
		if err := r.round(ctx, s); err != nil {
			return err
		}
		r.pause = 0
		r.options.State(nil)
		if r.next != before {
			every = min(every, lookAgain)
		}
		if err := s.wait(ctx, every); err != nil {
			return err
		}
	}
}

// round reads everything that has not been looked at.
func (r *Reader) round(ctx context.Context, s *session) error {
	for {
		uids, err := s.unseen(ctx, r.next, batch)
		if err != nil || len(uids) == 0 {
			return err
		}
		kinds, err := s.fetch(ctx, uids, imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Content-Type"}}, maxHeader)
		if err != nil {
			return err
		}
		for _, uid := range uids {
			// Everything else is other people's mail, and is not read.
			if strings.Contains(strings.ToLower(string(kinds[uid])), "multipart/report") {
				if err := r.message(ctx, s, uid); err != nil {
					return err
				}
			}
			r.next, r.broken = uid+1, 0
		}
	}
}

// message reads one notification: stored first, then marked.
func (r *Reader) message(ctx context.Context, s *session, uid imap.UID) error {
	texts, err := s.fetch(ctx, []imap.UID{uid}, imap.FetchItemBodySection{}, r.options.MaxBytes)
	if err != nil {
		if r.broken++; r.broken >= messageTries && ctx.Err() == nil {
			r.options.Observe(Unreadable)
			r.next, r.broken = uid+1, 0
		}
		return err
	}
	report, err := Parse(texts[uid])
	if err != nil {
		r.options.Observe(Unreadable)
		return nil //nolint:nilerr // counted; reading it again would not help
	}
	notices, err := report.Notices()
	outcome := Recorded
	switch {
	case err != nil:
	case !report.names():
		r.options.Observe(Foreign)
		return nil
	case len(notices) == 0:
		outcome = Nothing
	default:
		err = r.options.Store(ctx, notices)
	}
	if err == nil {
		err = s.done(ctx, uid, r.options.Mailbox.Done)
	}
	if err != nil {
		r.options.Observe(Failed)
		return err
	}
	r.options.Observe(outcome)
	return nil
}
