package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/outbox"
)

const token = "token-3f9c1b7e"

// held makes a delivery of unknown outcome whose letter keeps a reset link.
func (d desk) held(t *testing.T, id string) (*command.Command, *postgres.Operator) {
	t.Helper()
	body := fmt.Appendf(nil, `{"id":%q,"to":["kim@x.kr"],"template":"password-reset","variables":{"reset_link":"https://x/%s","name":"Kim"}}`, id, token)
	cmd, err := command.Decode(command.EmailSend, command.Normal, body, command.Source{Timestamp: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	claimed, claim := d.claim(t, cmd)
	d.record(t, delivery.Record{
		Row: claimed.Row, Token: claim, Status: delivery.Unknown, Reason: fault.UnknownOutcome, Provider: "ses", Unsure: "ses",
		Letter: &delivery.LetterContent{Body: body, Headers: map[string][]string{delivery.HeaderSensitive: {"reset_link"}}},
	})
	return cmd, postgres.NewOperator(d.pool, func(row delivery.Row) (outbox.Message, error) {
		return outbox.Message{ID: row.ID.String(), Subject: "event.test", Payload: []byte("{}")}, nil
	})
}

// kept is the payload of a delivery's letter as it is stored, with its headers.
func (d desk) kept(t *testing.T, cmd *command.Command) string {
	t.Helper()
	var text string
	err := d.pool.QueryRow(t.Context(), `SELECT coalesce(convert_from(payload, 'UTF8'), '') || ' ' || headers::text
		FROM gangway.dead_letters WHERE delivery_id = $1 ORDER BY id LIMIT 1`, cmd.ID).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestLettersAreWipedWhenTheirCommandEnds(t *testing.T) {
	d := fresh(t)
	t.Run("a person says that it was sent", func(t *testing.T) {
		cmd, operator := d.held(t, "one")
		if kept := d.kept(t, cmd); !strings.Contains(kept, token) {
			t.Fatalf("while the outcome is unknown the value stays: %s", kept)
		}
		letter, shown, _, err := operator.Letter(t.Context(), deadletter.Ref{Delivery: cmd.ID})
		if err != nil || strings.Contains(string(shown), token) || !strings.Contains(string(shown), `"reset_link":"[redacted]","name":"Kim"`) {
			t.Errorf("letter %d is shown as %s, %v", letter.Number, shown, err)
		}
		if _, err := operator.SettleUnknown(t.Context(), cmd.ID, true, "operator", ""); err != nil {
			t.Fatal(err)
		}
		if kept := d.kept(t, cmd); strings.Contains(kept, token) || !strings.Contains(kept, command.Redacted) || !strings.Contains(kept, delivery.HeaderWiped) {
			t.Errorf("kept: %s", kept)
		}
	})
	t.Run("it is sent again", func(t *testing.T) {
		cmd, operator := d.held(t, "two")
		if _, err := operator.SettleUnknown(t.Context(), cmd.ID, false, "operator", ""); err != nil {
			t.Fatal(err)
		}
		var published string
		err := d.pool.QueryRow(t.Context(), `SELECT convert_from(payload, 'UTF8') FROM gangway.outbox WHERE delivery_id = $1 AND subject = 'email.send'`, cmd.ID).Scan(&published)
		if err != nil || !strings.Contains(published, token) {
			t.Fatalf("published %s, %v", published, err)
		}
		again := *cmd
		again.Generation = 1
		claimed, claim := d.claim(t, &again)
		d.record(t, delivery.Record{Row: claimed.Row, Token: claim, Status: delivery.Sent, Provider: "ses"})
		if kept := d.kept(t, cmd); strings.Contains(kept, token) {
			t.Errorf("kept: %s", kept)
		}
	})
}

func TestWipedLettersAreNotReplayed(t *testing.T) {
	d := fresh(t)
	cmd, operator := d.held(t, "three")
	if _, err := operator.SettleUnknown(t.Context(), cmd.ID, true, "operator", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.pool.Exec(t.Context(), `UPDATE gangway.dead_letters SET discarded_at = NULL;
		UPDATE gangway.deliveries SET status = 'dead_lettered', rank = 30`); err != nil {
		t.Fatal(err)
	}
	order := deadletter.Order{Action: deadletter.Replay, Filter: deadletter.Filter{Refs: []deadletter.Ref{{Delivery: cmd.ID}}}, By: "operator"}
	report, err := deadletter.Settle(t.Context(), operator, order, func(deadletter.Report) {})
	if err != nil || report.Failed != 1 || report.Wiped != 1 || report.Done != 0 {
		t.Errorf("report %+v, %v", report, err)
	}
}

// A claim of a row that was there before knows what earlier rounds reached.
func TestClaimKnowsRecipients(t *testing.T) {
	d := fresh(t)
	cmd := email(t, "several", "x")
	claimed, claim := d.claim(t, cmd)
	d.record(t, delivery.Record{
		Row: claimed.Row, Token: claim, Status: delivery.Retrying, Reason: fault.Unavailable,
		Recipients: []delivery.Recipient{
			{Address: "a@x.kr", Status: delivery.Sent, MessageID: "m-1"}, {Address: "b@x.kr", Status: delivery.Retrying, Reason: fault.Unavailable},
		},
	})
	again, claim := d.claim(t, cmd)
	want := []delivery.Recipient{{Address: "a@x.kr", Status: delivery.Sent}, {Address: "b@x.kr", Status: delivery.Retrying, Reason: fault.Unavailable}}
	if !again.Won || len(again.Row.Recipients) != 2 || again.Row.Recipients[0] != want[0] || again.Row.Recipients[1] != want[1] {
		t.Fatalf("claimed %+v", again.Row.Recipients)
	}
	d.record(t, delivery.Record{
		Row: again.Row, Token: claim, Status: delivery.Sent,
		Recipients: []delivery.Recipient{{Address: "a@x.kr", Status: delivery.Retrying}, {Address: "b@x.kr", Status: delivery.Sent}},
	})
	rows, err := d.Rows(t.Context(), []uuid.UUID{cmd.ID})
	if err != nil || rows[cmd.ID].Recipients[0].Status != delivery.Sent || rows[cmd.ID].Recipients[1].Status != delivery.Sent {
		t.Errorf("a recipient moved back: %+v, %v", rows[cmd.ID].Recipients, err)
	}
}

// TestAForeignMarkIsNotOurs: a header that came with a message does not make its
// letter look sealed.
func TestAForeignMarkIsNotOurs(t *testing.T) {
	d := fresh(t)
	_, operator := d.held(t, "four")
	again := email(t, "five", "x")
	claimed, claim := d.claim(t, again)
	d.record(t, delivery.Record{
		Row: claimed.Row, Token: claim, Status: delivery.DeadLettered, Reason: fault.Unavailable,
		Letter: &delivery.LetterContent{Body: again.Body, Headers: map[string][]string{delivery.HeaderSealed: {"0badc0de"}, "kept": {"x"}}},
	})
	if kept := d.kept(t, again); strings.Contains(kept, delivery.HeaderSealed) || !strings.Contains(kept, "kept") {
		t.Errorf("kept: %s", kept)
	}
	if n, err := operator.CountLetters(t.Context(), deadletter.Filter{Contains: `"five"`}, 0); err != nil || n != 1 {
		t.Errorf("%d letters contain it, %v", n, err)
	}
	filter := deadletter.Filter{Refs: []deadletter.Ref{{Delivery: again.ID}}}
	report, err := deadletter.Settle(t.Context(), operator, deadletter.Order{Action: deadletter.Replay, Filter: filter, By: "operator"}, func(deadletter.Report) {})
	if err != nil || report.Done != 1 || report.Sealed != 0 {
		t.Errorf("report %+v, %v", report, err)
	}
}
