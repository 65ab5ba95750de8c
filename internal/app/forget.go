package app

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/providers/smstext"
)

// eraser removes one person's data from the database and the bus.
type eraser struct {
	operator *postgres.Operator
	conn     *broker.Conn
}

// forgetPage is how many deliveries one statement reads.
const forgetPage = 5000

// Forget implements [cli.Eraser]. The database goes first: from then on nothing
// new is made of the person, and what the bus still holds is removed after it.
// It may be repeated, and has to be when it was interrupted; what was wiped by then
// is not found again, so that its messages on the bus stay until they age out.
func (e eraser) Forget(ctx context.Context, recipient string, dryRun bool, by, note string) (cli.Erased, error) {
	p := person{e, foldRecipient(recipient), dryRun, map[uuid.UUID]command.Kind{}, spellings(recipient)}
	done, err := p.rows(ctx)
	if err != nil {
		return cli.Erased{}, err
	}
	queued, err := p.queued(ctx)
	if done = done.Plus(queued); err != nil {
		return cli.Erased{}, err
	}
	letters, unread, err := e.operator.ForgetLetters(ctx, p.spellings, dryRun)
	if done.Letters += len(letters); err != nil {
		return cli.Erased{}, err
	}
	erased := cli.Erased{
		Deliveries: done.Deliveries, Attempts: done.Attempts, Events: done.Events, Letters: done.Letters, Waiting: done.Waiting, Unread: unread,
	}
	if dryRun {
		return erased, nil
	}
	if erased.Messages, err = e.conn.Forget(ctx, p.commands); err != nil {
		return erased, err
	}
	// The id of such a letter may be that of somebody else's command: only it goes.
	for _, letter := range letters {
		n, err := e.conn.ForgetLetter(ctx, letter.Kind, letter.ID)
		if erased.Messages += n; err != nil {
			return erased, err
		}
	}
	if err := e.conn.TellForgotten(recipient); err != nil {
		return erased, err
	}
	return erased, e.operator.AuditForgotten(ctx, by, note, p.spellings, done)
}

// person is somebody who is being forgotten.
type person struct {
	eraser
	folded    string // address or number, as handlers look for it
	dry       bool
	commands  map[uuid.UUID]command.Kind // of the person, that were found so far
	spellings []string                   // of the address, that were found so far
}

// spellings are those in which a recipient is written where nobody folds it: as it
// was given, as the audit log and the suppression list have it, as gateways report it.
func spellings(recipient string) []string {
	all := []string{recipient}
	add := func(spelling string) {
		if spelling != "" && !slices.Contains(all, spelling) {
			all = append(all, spelling)
		}
	}
	folded := foldRecipient(recipient)
	add(folded)
	if domestic := smstext.Domestic(folded); domestic != "" {
		add(domestic)
		add(strings.TrimPrefix(folded, "+"))
		if n := len(domestic); n >= 10 {
			add(domestic[:n-8] + "-" + domestic[n-8:n-4] + "-" + domestic[n-4:])
		}
	}
	return all
}

// is reports whether an address is the person's, in whatever spelling.
func (p *person) is(address string) bool {
	if foldRecipient(address) != p.folded {
		return false
	}
	if !slices.Contains(p.spellings, address) {
		p.spellings = append(p.spellings, address)
	}
	return true
}

// rows goes through every delivery once.
func (p *person) rows(ctx context.Context) (done postgres.Forgotten, err error) {
	for from, last := (postgres.Place{}), false; !last && err == nil; {
		var page []postgres.Addressed
		if page, from, last, err = p.operator.Recipients(ctx, from, forgetPage); err != nil {
			break
		}
		for _, one := range page {
			if !slices.ContainsFunc(strings.Split(one.Recipient, ","), p.is) {
				continue
			}
			var part postgres.Forgotten
			if part, err = p.operator.Forget(ctx, one.ID, p.is, p.dry); err != nil {
				break
			}
			done = done.Plus(part)
			p.commands[one.ID] = one.Kind
		}
	}
	return done, err
}

// queued cancels the commands that no worker has taken yet: their rows, if there
// are any, do not say whom they go to. Their messages go when a worker takes them.
func (p *person) queued(ctx context.Context) (done postgres.Forgotten, err error) {
	for _, kind := range []command.Kind{command.EmailSend, command.SMSSend} {
		err := p.conn.EachQueued(ctx, kind, func(cmd *command.Command) error {
			if _, seen := p.commands[cmd.ID]; seen {
				return nil
			}
			ours, others := 0, 0
			for _, address := range strings.Split(cmd.Payload.Summary().Recipient, ",") {
				if p.is(address) {
					ours++
				} else {
					others++
				}
			}
			switch {
			case ours == 0:
				return nil
			case others > 0:
				done.Waiting++
				return nil
			}
			p.commands[cmd.ID] = kind
			done.Deliveries++
			if p.dry {
				return nil
			}
			_, _, err := p.operator.Cancel(ctx, cmd.ID, "its recipient was forgotten")
			return err
		})
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// eraser opens the backend of `publisher forget`.
func (c *connections) eraser(ctx context.Context, s cli.Settings) (cli.Eraser, error) {
	if _, err := c.nats(ctx, s); err != nil {
		return nil, err
	}
	pool, err := c.postgres(ctx, s)
	if err != nil {
		return nil, err
	}
	operator, err := c.sealed(pool)
	if err != nil {
		return nil, err
	}
	return eraser{operator, c.conn}, nil
}

var _ cli.Eraser = eraser{}
