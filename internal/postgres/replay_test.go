package postgres_test

import (
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/outbox"
)

// TestLateOutcomeOfAnEarlierReplay: what a worker knows of the first run says
// nothing of the second one, which has calls of its own. It is kept as history.
func TestLateOutcomeOfAnEarlierReplay(t *testing.T) {
	d := fresh(t)
	cmd := email(t, "replayed", "x")
	first, token := d.claim(t, cmd)
	d.record(t, delivery.Record{Row: first.Row, Token: token, Status: delivery.DeadLettered, Reason: fault.Internal,
		Letter: &delivery.LetterContent{Body: cmd.Body}})
	operator := postgres.NewOperator(d.pool, func(delivery.Row) (outbox.Message, error) { return outbox.Message{}, nil })
	report, err := deadletter.Settle(t.Context(), operator, deadletter.Order{Action: deadletter.Replay, By: "kim"}, func(deadletter.Report) {})
	if err != nil || report.Done != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	late := d.record(t, delivery.Record{Row: first.Row, Token: token, Status: delivery.Sent, Provider: "ses",
		Attempts: []delivery.Attempt{{Number: 1, Round: 1, Provider: "ses", Endpoint: "smtp", Outcome: "ok", StartedAt: time.Now()}}})
	if late.Applied || late.Row.Status != delivery.Queued || late.Row.Replays != 1 {
		t.Errorf("the replay is taken for done: %+v", late)
	}
	if attempts, err := d.Attempts(t.Context(), cmd.ID); err != nil || len(attempts) != 1 {
		t.Errorf("attempts %+v, %v", attempts, err)
	}
	cmd.Generation = 1
	if again, _ := d.claim(t, cmd); !again.Won || again.Row.Attempts != 2 {
		t.Errorf("the replay cannot be claimed: %+v", again)
	}
}
