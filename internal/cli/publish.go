package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// settling is how long a batch that is on its way may still take after the
// program was interrupted.
const settling = 5 * time.Second

// receipt is what send prints of one command.
type receipt struct {
	ID     uuid.UUID       `json:"id"`
	Status delivery.Status `json:"status"`
}

// publish hands everything over and prints the ids as they are stored.
func (d *dispatch) publish(ctx context.Context, bus Bus, total int64, next func() (entry, error)) error {
	d.bar = d.p.counter("publishing", "commands", total)
	defer d.bar.end()
	patient, stop := outlive(ctx, settling)
	defer stop()
	err := pump(ctx, next, func(batch []entry) error {
		messages := make([]Message, len(batch))
		for i, e := range batch {
			messages[i] = e.Message
		}
		errs := bus.Publish(patient, messages)
		if d.p.out.terminal {
			d.bar.clear() // the ids go to the same screen
		}
		stored, err := d.stored(batch, errs)
		d.bar.add(stored)
		if flushing := d.p.out.flush(); err == nil && flushing != nil {
			err = fmt.Errorf("print ids: %w", flushing)
		}
		return err
	})
	switch {
	case err == nil || !errors.Is(err, context.Canceled):
		return err
	case d.published == 0:
		return interruptedError{"nothing was published"}
	}
	return interruptedError{commands(d.published) + " published, the rest was not"}
}

// stored prints what was stored of a batch and returns the first refusal.
func (d *dispatch) stored(batch []entry, errs []error) (int, error) {
	var refused error
	refusals, stored := 0, 0
	for i, e := range batch {
		if i < len(errs) && errs[i] != nil {
			if refusals++; refused == nil {
				refused = fmt.Errorf("publish %s%s: %w", e.ID, e.place(), errs[i])
			}
			continue
		}
		stored++
		d.published++
		if d.waits {
			d.pending = append(d.pending, e.ID)
		}
		d.announce(e.ID)
	}
	if refused == nil {
		return stored, nil
	}
	if refusals == 1 && d.published == 0 {
		return stored, refused
	}
	return stored, fmt.Errorf("%w; %s not stored and %d stored: publish those again whose ids were not printed",
		refused, commands(int64(refusals)), d.published)
}

// announce prints a command that is stored. With --wait, JSON shows each command
// once, with the status it ended in.
func (d *dispatch) announce(id uuid.UUID) {
	switch {
	case d.p.format == tableFormat:
		d.p.out.printf("%s\n", id)
	case !d.waits:
		_ = d.p.out.object(receipt{id, delivery.Queued})
	}
}

// place says where in the input an entry stood.
func (e entry) place() string {
	if e.line == 0 {
		return ""
	}
	return fmt.Sprintf(" of line %d", e.line)
}

// outlive returns a context that ends some time after its parent: what was
// begun may be finished.
func outlive(parent context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() { stop(); cancel() }
}

func commands(n int64) string {
	if n == 1 {
		return "1 command was"
	}
	return fmt.Sprintf("%d commands were", n)
}
