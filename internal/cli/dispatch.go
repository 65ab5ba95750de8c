package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
)

// dispatch publishes commands the way its flags say, and waits for them.
type dispatch struct {
	p    *program
	kind command.Kind

	lane, id, at, expires, provider string
	direct, outbox                  bool
	waits                           bool
	timeout                         time.Duration

	bar       *progress
	published int64
	pending   []uuid.UUID // to wait for
}

// flags registers what every command that publishes takes.
func (d *dispatch) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&d.lane, "lane", string(command.Normal), "`LANE`: high, normal or bulk")
	flags.StringVar(&d.id, "id", "", "`ID` of the command: a UUID or any text of yours; the same id is never executed twice")
	flags.StringVar(&d.at, "at", "", "not before this `TIME`: RFC 3339, or +10m from now; the same --id again moves it")
	flags.StringVar(&d.expires, "expires", "", "not after this `TIME`: RFC 3339, or +10m from now")
	flags.StringVar(&d.provider, "provider", "", "by this provider `NAME` only")
	d.route(cmd)
	if d.p.backends.Deliveries != nil {
		flags.BoolVar(&d.waits, "wait", false, "wait until it is sent or has ended; exit 0 for sent, delivered, completed")
		flags.DurationVar(&d.timeout, "timeout", 5*time.Minute, "how long --wait waits at most; 0 for ever")
	}
	offers(cmd, "lane", command.Lanes())
}

// route registers the choice between NATS and the outbox where there is one.
func (d *dispatch) route(cmd *cobra.Command) {
	if d.p.backends.Bus != nil {
		cmd.Flags().BoolVar(&d.direct, "direct", false, "publish to NATS (the default)")
	}
	if d.p.backends.Outbox != nil {
		cmd.Flags().BoolVar(&d.outbox, "outbox", false, "write to the outbox in Postgres, from where it is published")
	}
}

// preparer checks the flags.
func (d *dispatch) preparer() (*preparer, error) {
	lane, err := pick(d.lane, command.Lanes())
	if err != nil {
		return nil, misused("lane", err)
	}
	if lane != command.Normal && !d.kind.Producer() {
		return nil, usagef("--lane: %s has no lanes", d.kind)
	}
	if d.direct && d.outbox {
		return nil, usagef("--direct and --outbox exclude each other: give one")
	}
	if d.outbox && !d.kind.Producer() && d.kind != command.DeliveryCancel {
		return nil, usagef("--outbox: the outbox does not take %s: publish it with --direct", d.kind)
	}
	f := &preparer{kind: d.kind, lane: lane, newID: d.p.newID}
	now := d.p.now()
	if d.provider != "" {
		f.set = append(f.set, textMember("provider", d.provider))
	}
	if d.expires != "" {
		at, err := moment(d.expires, now)
		if err != nil {
			return nil, misused("expires", err)
		}
		f.set = append(f.set, timeMember("expires_at", at))
	}
	if d.at != "" {
		at, err := moment(d.at, now)
		if err != nil {
			return nil, misused("at", err)
		}
		f.set = append(f.set, timeMember("send_at", at))
	}
	if d.id != "" {
		f.set = append(f.set, textMember("id", d.id))
	}
	return f, nil
}

// bus opens the way that the flags choose.
func (d *dispatch) bus(ctx context.Context) (Bus, error) {
	if d.outbox || d.p.backends.Bus == nil {
		return open(ctx, d.p, d.p.backends.Outbox)
	}
	return open(ctx, d.p, d.p.backends.Bus)
}

// one publishes the command of one body and waits when asked to.
func (d *dispatch) one(ctx context.Context, body []byte) error {
	f, err := d.preparer()
	if err != nil {
		return err
	}
	message, err := f.message(body)
	if err != nil {
		return usageError{errors.New(plain(err))} // it was made of flags
	}
	given := []entry{{Message: message}}
	return d.all(ctx, 1, func() (entry, error) {
		if len(given) == 0 {
			return entry{}, io.EOF
		}
		e := given[0]
		given = nil
		return e, nil
	})
}

// all publishes every entry of next and waits when asked to. total is how many
// there are, -1 when unknown.
func (d *dispatch) all(ctx context.Context, total int64, next func() (entry, error)) error {
	// Both are reached before anything is published, so that a wrong address of
	// the database is not found out afterwards.
	var deliveries Deliveries
	if d.waits {
		var err error
		if deliveries, err = open(ctx, d.p, d.p.backends.Deliveries); err != nil {
			return err
		}
	}
	bus, err := d.bus(ctx)
	if err != nil {
		return err
	}
	err = d.publish(ctx, bus, total, next)
	if err != nil || !d.waits {
		return err
	}
	return d.await(ctx, deliveries)
}
