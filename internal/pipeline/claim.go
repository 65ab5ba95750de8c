package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

const (
	// busyWait is how long a message waits while another worker holds its command.
	busyWait = 5 * time.Second
	// maxDeadIntents is how many workers may die over one command before it is
	// taken for the cause.
	maxDeadIntents = 3
)

// claim commits the intent. It is false when the message was settled by what the
// row says instead.
func (e *execution) claim(ctx context.Context) (bool, error) {
	claimed, err := e.try(ctx, delivery.Row{})
	if err != nil {
		return false, err
	}
	for !claimed.Won {
		if !e.dead(claimed.Row) {
			return false, e.lost(ctx, claimed.Row)
		}
		e.interrupted(claimed.Row)
		if claimed, err = e.try(ctx, claimed.Row); err != nil {
			return false, err
		}
		e.p.options.Reached(StepTakenOver)
	}
	e.row = claimed.Row
	return true, nil
}

// try claims the row, taking it over from a dead claim where there is one.
func (e *execution) try(ctx context.Context, dead delivery.Row) (delivery.Claimed, error) {
	e.token = uuid.New()
	e.p.remember(e.token)
	claimed, err := e.p.store.Claim(ctx, delivery.Claim{
		Command: e.cmd, Token: e.token, Worker: e.p.options.Worker, Provider: e.choice.Provider,
		Due: e.choice.Due, Status: e.choice.Status, Reason: e.choice.Reason, Takeover: dead.Token,
		Unsure: e.cmd.Kind.Send() && dead.ClaimProvider != "",
	})
	if err != nil || !claimed.Won {
		e.p.forget(e.token)
	}
	return claimed, err
}

// dead reports whether the row is held by a claim that nobody executes any more:
// its worker died, or it is ours and not alive here.
func (e *execution) dead(row delivery.Row) bool {
	if !row.Status.Open() || row.Token == uuid.Nil || row.Digest != e.cmd.Digest || row.Replays != e.cmd.Generation {
		return false
	}
	if row.Worker == e.p.options.Worker {
		return !e.p.holds(row.Token)
	}
	return !row.OwnerAlive
}

// interrupted prepares to take over a dead claim. Whether the provider was
// called is not known: a send is recovered by its provider's on_unknown, a safe
// kind simply runs again, and what keeps killing its workers ends. The claim
// itself writes down which provider may have sent, so that a crash of this
// worker too forgets nothing.
func (e *execution) interrupted(row delivery.Row) {
	e.died = true
	e.choice.Due, e.choice.Status = time.Time{}, delivery.Processing
	if row.DeadIntents+1 >= maxDeadIntents {
		e.choice.Provider, e.choice.End = "", nil
		e.verdict = fault.New(fault.Internal, "pipeline", "%d workers died over this command", row.DeadIntents+1)
	}
}

// lost settles a message whose command cannot be claimed, by what its row says.
func (e *execution) lost(ctx context.Context, row delivery.Row) error {
	e.row, e.found = row, true
	now := e.p.options.Now()
	switch {
	case row.ID == uuid.Nil:
		return fmt.Errorf("pipeline: claim %s: neither won nor found", e.cmd.ID)
	case row.Kind == "":
		return e.tombstone(ctx)
	case row.Replays > e.cmd.Generation:
		e.m.Ack() // a message of an earlier replay; the later one has its own
		return nil
	case row.Replays < e.cmd.Generation:
		return fmt.Errorf("pipeline: claim %s: replay %d is not in the row yet", e.cmd.ID, e.cmd.Generation)
	case row.Digest != e.cmd.Digest || row.Kind != e.cmd.Kind:
		return e.conflict(ctx)
	case !row.Status.Open():
		return e.settle(ctx) // executed: repeat the whole settle of the stored version
	case row.Due.After(now.Add(earlyBy)):
		return e.settle(ctx) // not due: postpone again to its time
	default:
		return e.later(ctx, busyWait) // held by a living worker
	}
}

// tombstone ends a command that was cancelled before it came. The cancellation
// knew only the id; the row now learns what it was.
func (e *execution) tombstone(ctx context.Context) error {
	row, err := e.p.store.Adopt(ctx, e.cmd)
	if err != nil {
		return err
	}
	e.row = row
	return e.settle(ctx)
}

// conflict answers a second body under a known id: a dead letter of its own; the
// row stands.
func (e *execution) conflict(ctx context.Context) error {
	err := fault.New(fault.Invalid, "", "id %s was already published with another body: digest %s, this one has %s",
		e.cmd.ID, e.row.Digest, e.cmd.Digest)
	letter := e.letter(err.Error())
	letter.Reason, letter.Key = fault.Invalid, "conflict-"+e.cmd.Digest.String()
	if err := e.p.store.Conflict(ctx, letter); err != nil {
		return err
	}
	if err := e.p.outlet.DeadLetter(ctx, letter); err != nil {
		return err
	}
	e.m.Terminate(string(fault.Invalid))
	return nil
}
