package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Waiting asks again after a while that grows while nothing changes.
const (
	askFirst = 20 * time.Millisecond
	askLast  = time.Second
	askMost  = 500 // ids at once
)

// errWaited says that the time to wait was over.
var errWaited = errors.New("waited long enough")

// settledDown reports whether waiting for a delivery is over: it was sent, has
// ended, or waits for a person.
func settledDown(view delivery.View) bool {
	return view.Status.Final() || view.Status == delivery.Unknown || view.Status == delivery.ManualReview
}

// watch asks for the deliveries until each has settled down, and tells each once
// through settled. seen, when given, is told every answer. It returns errWaited
// after timeout (0 for never), and the ids still open with any error.
func watch(ctx context.Context, deliveries Deliveries, ids []uuid.UUID, timeout time.Duration,
	settled, seen func(delivery.View)) ([]uuid.UUID, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errWaited)
		defer cancel()
	}
	open := slices.Clone(ids)
	pause := askFirst
	for asked := 0; len(open) > 0; {
		window := open[:min(len(open), askMost)]
		views, err := deliveries.Statuses(ctx, window)
		switch {
		case ctx.Err() != nil:
			return open, context.Cause(ctx)
		case err != nil && !passing(err):
			return open, err
		}
		done := make(map[uuid.UUID]bool, len(views))
		for _, view := range views {
			if seen != nil {
				seen(view)
			}
			if settledDown(view) && !done[view.ID] {
				done[view.ID] = true
				settled(view)
			}
		}
		// What is still open goes to the back, so that a thousand slow ones do not
		// hide those behind them.
		left := slices.DeleteFunc(slices.Clone(window), func(id uuid.UUID) bool { return done[id] })
		open = append(slices.Clone(open[len(window):]), left...)
		if asked += len(window); len(done) > 0 {
			asked, pause = 0, askFirst
			continue
		}
		if asked < len(open) {
			continue // not every one was asked for since the last pause
		}
		asked = 0
		select {
		case <-ctx.Done():
			return open, context.Cause(ctx)
		case <-time.After(pause):
		}
		pause = min(pause*3/2, askLast)
	}
	return nil, nil
}

// passing reports whether an error of the database may be over a moment later.
func passing(err error) bool {
	reason := fault.Of(err)
	return reason == fault.Unavailable || reason == fault.Timeout
}

// await waits for everything that was published.
func (d *dispatch) await(ctx context.Context, deliveries Deliveries) error {
	if len(d.pending) == 1 {
		return d.awaitOne(ctx, deliveries, d.pending[0])
	}
	bar := d.p.counter("waiting", "commands", int64(len(d.pending)))
	defer bar.end()
	good, bad := 0, 0
	open, err := watch(ctx, deliveries, d.pending, d.timeout, func(view delivery.View) {
		if view.Status.Good() {
			good++
		} else {
			bad++
		}
		if d.p.format == jsonFormat {
			bar.clear()
			_ = d.p.out.object(receipt{view.ID, view.Status})
			_ = d.p.out.flush()
		} else if !view.Status.Good() {
			bar.clear()
			d.p.err.printf("%s\n", d.p.ending(view))
			_ = d.p.err.flush()
		}
		bar.add(1)
	}, nil)
	bar.end()
	if err != nil {
		return fmt.Errorf("%s: %d of %d are done, %d are still on their way: see publisher list",
			whyStopped(err, d.timeout), good+bad, len(d.pending), len(open))
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d ended without success: see publisher list --status and publisher status ID", bad, len(d.pending))
	}
	d.p.err.printf("%d of %d done\n", good, len(d.pending))
	return d.p.err.flush()
}

func (d *dispatch) awaitOne(ctx context.Context, deliveries Deliveries, id uuid.UUID) error {
	last, err := d.p.settle(ctx, deliveries, id, d.timeout)
	if last.ID == uuid.Nil {
		last = delivery.View{ID: id, Kind: d.kind, Status: delivery.Queued} // no worker took it yet
	}
	if d.p.format == jsonFormat {
		if printing := d.p.out.object(receipt{id, last.Status}); printing != nil {
			return printing
		}
	}
	if err != nil {
		return err
	}
	if !last.Status.Good() {
		return errors.New(d.p.ending(last))
	}
	if d.p.format == tableFormat && d.kind.Lookup() {
		d.p.result(last)
	}
	d.p.err.printf("%s\n", d.p.ending(last))
	return d.p.err.flush()
}

// settle waits for one delivery, with a spinner on a terminal, and returns how
// it was last seen; the zero view when it never was.
func (p *program) settle(ctx context.Context, deliveries Deliveries, id uuid.UUID, timeout time.Duration) (delivery.View, error) {
	var last delivery.View
	bar := p.spinner("waiting for a worker")
	defer bar.end()
	// What is known is shown while nothing new comes in.
	see := func(view delivery.View) {
		last = view
		bar.describe(underway(view))
	}
	_, err := watch(ctx, deliveries, []uuid.UUID{id}, timeout, func(delivery.View) {}, see)
	bar.end()
	if err == nil {
		return last, nil
	}
	state := "no worker has taken it yet"
	if last.ID != uuid.Nil {
		state = "it is " + underway(last)
	}
	return last, fmt.Errorf("%s: %s; publisher status %s --wait goes on waiting", whyStopped(err, timeout), state, id)
}

func whyStopped(err error, timeout time.Duration) string {
	switch {
	case errors.Is(err, errWaited):
		return "not done within " + timeout.String()
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return plain(err)
}
