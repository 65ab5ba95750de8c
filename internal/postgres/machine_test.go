package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/outbox"
)

// witness writes down every change of a status, and what must not be: back in
// (generation, rank), from one end to another, or without a new version.
const witness = `
CREATE TABLE public.moves (from_status text, to_status text, wrong text);
CREATE FUNCTION public.witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.moves VALUES (OLD.status, NEW.status, CASE
        WHEN (NEW.generation, NEW.rank) < (OLD.generation, OLD.rank) THEN 'back'
        WHEN NEW.generation = OLD.generation AND NEW.rank = OLD.rank AND OLD.rank >= 20 AND NEW.status <> OLD.status THEN 'aside'
        WHEN NEW.generation > OLD.generation AND NEW.status <> 'queued' THEN 'a replay that is not queued'
        WHEN NEW.rank = 0 AND NEW.generation = OLD.generation AND OLD.rank > 0 THEN 'queued again without a replay'
        WHEN (NEW.status, NEW.generation, NEW.due_at) IS DISTINCT FROM (OLD.status, OLD.generation, OLD.due_at)
             AND NEW.version <= OLD.version THEN 'without a new version' END);
    RETURN NEW;
END $$;
CREATE TRIGGER witness BEFORE UPDATE ON gangway.deliveries FOR EACH ROW EXECUTE FUNCTION public.witness();`

// TestStatusMachineInAnyOrder drives random events, of several workers, providers
// and people at once, against the statements as they are in Postgres. Whatever
// the order, no status moves back.
func TestStatusMachineInAnyOrder(t *testing.T) {
	d := fresh(t)
	if _, err := d.pool.Exec(t.Context(), witness); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	commands := make([]*command.Command, testkit.Size(150, 3000))
	for i := range commands {
		commands[i] = email(t, fmt.Sprint("machine-", i), "x")
	}
	event := func(row delivery.Row) (outbox.Message, error) {
		return outbox.Message{ID: row.ID.String(), Subject: "event.test", Payload: []byte("{}")}, nil
	}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			c := chance{
				Rand: rand.New(rand.NewPCG(seed, uint64(worker))), desk: d, operator: postgres.NewOperator(d.pool, event),
				reports: postgres.NewReports(d.pool, event, func(string, []byte, int) string { return "" }), commands: commands,
			}
			for range testkit.Size(600, 20_000) {
				if err := c.event(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	rows, err := d.pool.Query(t.Context(), `SELECT coalesce(wrong, ''), from_status || ' to ' || to_status FROM public.moves GROUP BY 1, 2 ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	var wrong, move string
	moves := 0
	_, err = pgx.ForEachRow(rows, []any{&wrong, &move}, func() error {
		if moves++; wrong != "" {
			t.Errorf("%s: %s", wrong, move)
		}
		return nil
	})
	if err != nil || moves < 60 {
		t.Errorf("only %d kinds of change were seen, %v", moves, err)
	}
}

// chance makes one event after another, of any kind, to any of the commands.
type chance struct {
	*rand.Rand
	desk
	operator *postgres.Operator
	reports  *postgres.Reports
	commands []*command.Command
	claims   []delivery.Claimed // that it has won, also long ago
}

func (c *chance) event(ctx context.Context) error {
	cmd := *c.commands[c.IntN(len(c.commands))]
	switch c.IntN(12) {
	case 0, 1, 2, 3:
		return c.takes(ctx, &cmd)
	case 4, 5, 6, 7:
		return c.ends(ctx)
	case 8:
		statuses := []delivery.Status{delivery.Sent, delivery.Undelivered, delivery.Delivered, delivery.Bounced, delivery.Complained}
		report := delivery.Report{Type: "any", Status: statuses[c.IntN(len(statuses))], At: time.Now(), ID: cmd.ID}
		notice := delivery.Received{ID: uuid.New(), Provider: "ses", ReceivedAt: time.Now()}
		notice.EventID = notice.ID.String()
		_, err := c.reports.Apply(ctx, notice, []delivery.Report{report})
		return err
	default:
		return c.person(ctx, cmd.ID)
	}
}

// takes is a worker that gets the message of a command, of its newest replay or
// of an older one, and may take it over from whoever has it.
func (c *chance) takes(ctx context.Context, cmd *command.Command) error {
	rows, err := c.Rows(ctx, []uuid.UUID{cmd.ID})
	if err != nil {
		return err
	}
	row := rows[cmd.ID]
	cmd.Generation = max(0, row.Replays-c.IntN(2))
	claim := delivery.Claim{Command: cmd, Token: uuid.New(), Worker: c.worker, Provider: "ses", Status: delivery.Processing}
	switch c.IntN(4) {
	case 0:
		claim.Due, claim.Status = time.Now().Add(-time.Second), delivery.Scheduled
	case 1, 2:
		claim.Takeover, claim.Unsure = row.Token, c.IntN(2) == 0
	}
	claimed, err := c.Claim(ctx, claim)
	if err == nil && claimed.Won {
		claimed.Row.Token = claim.Token
		c.claims = append(c.claims, claimed)
	}
	return err
}

// ends is a worker that has an outcome, of a claim it holds or once held.
func (c *chance) ends(ctx context.Context) error {
	if len(c.claims) == 0 {
		return nil
	}
	claimed := c.claims[max(0, len(c.claims)-1-c.IntN(4))]
	statuses := slices.DeleteFunc(delivery.Statuses(), func(s delivery.Status) bool { return s == delivery.Queued })
	record := delivery.Record{Row: claimed.Row, Token: claimed.Row.Token, Status: statuses[c.IntN(len(statuses))], Provider: "ses"}
	switch {
	case record.Status == delivery.Processing:
		record.Next = "sendgrid"
	case record.Status.Open():
		record.Due = time.Now().Add(-time.Second)
	case record.Status == delivery.DeadLettered || record.Status == delivery.Unknown:
		record.Reason, record.Letter = fault.Internal, &delivery.LetterContent{Body: []byte("{}")}
	}
	_, err := c.Record(ctx, &record)
	return err
}

// person is somebody who cancels, replays, discards, settles, or the reaper.
func (c *chance) person(ctx context.Context, id uuid.UUID) error {
	filter := deadletter.Filter{Refs: []deadletter.Ref{{Delivery: id}}}
	var err error
	switch c.IntN(5) {
	case 0:
		_, _, err = c.operator.Cancel(ctx, id, "")
	case 1:
		_, err = c.operator.SettleUnknown(ctx, id, c.IntN(2) == 0, "kim", "")
	case 2:
		var rows map[uuid.UUID]delivery.Row
		if rows, err = c.Rows(ctx, []uuid.UUID{id}); err == nil && rows[id].Version > 0 && c.IntN(3) == 0 {
			_, _, err = c.operator.Reap(ctx, id, rows[id].Version)
		}
	default:
		_, err = deadletter.Settle(ctx, c.operator, deadletter.Order{
			Action: []deadletter.Action{deadletter.Replay, deadletter.Replay, deadletter.Discard}[c.IntN(3)], Filter: filter, By: "kim",
		}, func(deadletter.Report) {})
	}
	if refused, ok := errors.AsType[*fault.Error](err); ok && (refused.Reason == fault.Invalid || refused.Reason == fault.NotFound) {
		return nil // nothing to settle
	}
	return err
}
