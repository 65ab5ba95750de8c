package webhook_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/outbox"
)

// TestEarlyEvent: an event that comes before its delivery is recorded waits, and
// is applied when the outcome of the call is there.
func TestEarlyEvent(t *testing.T) {
	s := newStage(t, time.Minute)
	byID, byMessage := uuid.New(), uuid.New()
	first := s.event("e-1", fmt.Sprintf(`{"type":"email.delivered","data":{"gangway_id":%q}}`, byID))
	second := s.event("e-2", `{"type":"email.bounced","data":{"message_id":"m-17","code":"5.1.1"}}`)
	for _, webhook := range []uuid.UUID{first, second} {
		if row := s.await(webhook, delivery.Retrying); row.Reason != fault.NotFound || row.Due.IsZero() {
			t.Errorf("a parked event is %+v", row)
		}
	}
	// The call is under way: its outcome is still to be written.
	s.row(byID, delivery.Processing, "kim@example.kr")
	s.exec(`UPDATE gangway.deliveries SET claimed = true WHERE id = $1`, byID)
	s.row(byMessage, delivery.Sent, "lee@example.kr")
	s.attempt(byMessage, 0, "m-17")
	if row := s.await(byMessage, delivery.Bounced); row.Reason != fault.Refused || row.ErrorCode != "5.1.1" {
		t.Errorf("bounced with %+v", row)
	}
	s.await(second, delivery.Completed)
	if row := s.look(byID); row.Status != delivery.Processing {
		t.Errorf("a call under way was moved to %s", row.Status)
	}
	s.exec(`UPDATE gangway.deliveries SET claimed = false WHERE id = $1`, byID)
	s.row(byID, delivery.Sent, "kim@example.kr")
	s.await(byID, delivery.Delivered)
	s.await(first, delivery.Completed)
	if n := s.count(`SELECT count(*) FROM gangway.outbox WHERE subject = 'event.email.send.delivered' AND delivery_id = $1`, byID); n != 1 {
		t.Errorf("%d events in the outbox", n)
	}
}

// TestEventOfNobody: what is never there becomes a dead letter, which can be
// replayed when it is there after all.
func TestEventOfNobody(t *testing.T) {
	s := newStage(t, 400*time.Millisecond)
	id := uuid.New()
	webhook := s.event("e-1", fmt.Sprintf(`{"type":"email.delivered","data":{"gangway_id":%q}}`, id))
	if row := s.await(webhook, delivery.DeadLettered); row.Reason != fault.NotFound {
		t.Errorf("reason %s", row.Reason)
	}
	if n := s.count(`SELECT count(*) FROM gangway.webhook_events WHERE outcome = 'unmatched' AND id = $1`, webhook); n != 1 {
		t.Errorf("%d raw events are kept", n)
	}
	s.row(id, delivery.Sent, "kim@example.kr")
	operator := postgres.NewOperator(s.pool, func(delivery.Row) (outbox.Message, error) { return outbox.Message{}, nil })
	letters, err := operator.OpenLetters(t.Context(), deadletter.Filter{Reasons: []fault.Reason{fault.NotFound}}, 0, 10)
	s.check(err)
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	_, err = operator.SettleLetters(t.Context(), deadletter.Replay, letters, "kim", "")
	s.check(err)
	// The outbox's message, as the relay would publish it.
	s.replayed()
	s.await(webhook, delivery.Completed)
	s.await(id, delivery.Delivered)
}

// TestUnreadableEvent ends as a dead letter with the raw event kept.
func TestUnreadableEvent(t *testing.T) {
	s := newStage(t, time.Minute)
	webhook := s.event("e-1", `{"type":"email.delivered","data":[1,2,3]}`)
	if row := s.await(webhook, delivery.Rejected); row.Reason != fault.Invalid {
		t.Errorf("reason %s", row.Reason)
	}
	if n := s.count(`SELECT count(*) FROM gangway.webhook_events WHERE outcome = 'failed' AND id = $1 AND error <> ''`, webhook); n != 1 {
		t.Errorf("%d raw events are kept", n)
	}
	if n := s.count(`SELECT count(*) FROM gangway.dead_letters WHERE delivery_id = $1`, webhook); n != 1 {
		t.Errorf("%d letters", n)
	}
}

// TestSameEventOnce: the row of the command decides, also for a repeat under a
// new time stamp.
func TestSameEventOnce(t *testing.T) {
	s := newStage(t, time.Minute)
	id := s.row(uuid.New(), delivery.Sent, "kim@example.kr")
	event := fmt.Sprintf(`{"type":"email.delivered","data":{"gangway_id":%q}}`, id)
	webhook := s.event("e-1", event)
	s.await(webhook, delivery.Completed)
	version := s.look(webhook).Version
	s.event("e-1", event+" ")
	s.event("e-2", event)
	s.await(s.event("e-3", event), delivery.Completed)
	if n := s.count(`SELECT count(*) FROM gangway.dead_letters`); n != 0 {
		t.Errorf("a repeat became a letter")
	}
	if row := s.look(webhook); row.Version != version {
		t.Errorf("a repeat was processed: version %d, was %d", row.Version, version)
	}
	if n := s.count(`SELECT count(*) FROM gangway.outbox WHERE delivery_id = $1`, id); n != 1 {
		t.Errorf("%d events for one change", n)
	}
}

// TestUnknownOutcomeIsSettled by the event with our id, and its letter is closed.
func TestUnknownOutcomeIsSettled(t *testing.T) {
	s := newStage(t, time.Minute)
	for _, test := range []struct {
		status delivery.Status
		change string
	}{
		{delivery.Unknown, `UPDATE gangway.deliveries SET reason = 'unknown_outcome', unsure_provider = 'mail', unsure_at = now() WHERE id = $1`},
		{delivery.Retrying, `UPDATE gangway.deliveries SET unsure_provider = 'mail', unsure_at = now(), due_at = now() + interval '1 hour' WHERE id = $1`},
		{delivery.Retrying, `UPDATE gangway.deliveries SET due_at = now() + interval '1 hour' WHERE id = $1`},
		{delivery.DeadLettered, `UPDATE gangway.deliveries SET reason = 'unavailable' WHERE id = $1`},
	} {
		id := s.row(uuid.New(), test.status, "kim@example.kr")
		s.exec(test.change, id)
		s.exec(`INSERT INTO gangway.dead_letters (delivery_id, kind, lane, generation, version, reason, error, attempts, payload, first_seen)
			VALUES ($1, 'email.send', 'normal', 0, 1, 'unknown_outcome', '', 1, '{}', now())`, id)
		s.event("e-"+id.String(), fmt.Sprintf(`{"type":"email.delivered","data":{"gangway_id":%q,"message_id":"m-%s"}}`, id, id))
		row := s.await(id, delivery.Delivered)
		if row.Unsure != "" || !row.Due.IsZero() || row.Reason != fault.None || row.ProviderMessageID != "m-"+id.String() || row.Provider != "mail" {
			t.Errorf("%s became %+v", test.status, row)
		}
		if n := s.count(`SELECT count(*) FROM gangway.dead_letters WHERE delivery_id = $1 AND discarded_at IS NULL`, id); n != 0 {
			t.Errorf("%s: the letter is still open, and somebody would send it again", test.status)
		}
	}
}

// TestOldReplay: what became of the message of an earlier replay is kept and says
// nothing of the present one.
func TestOldReplay(t *testing.T) {
	s := newStage(t, time.Minute)
	id := s.row(uuid.New(), delivery.Sent, "kim@example.kr")
	s.attempt(id, 0, "first")
	s.exec(`UPDATE gangway.deliveries SET generation = 1 WHERE id = $1`, id)
	s.attempt(id, 1, "second")
	s.await(s.event("e-1", fmt.Sprintf(`{"type":"email.bounced","data":{"gangway_id":%q,"message_id":"first"}}`, id)), delivery.Completed)
	s.await(s.event("e-2", `{"type":"email.bounced","data":{"message_id":"first"}}`), delivery.Completed)
	if row := s.look(id); row.Status != delivery.Sent {
		t.Errorf("status %s", row.Status)
	}
	s.event("e-3", `{"type":"email.delivered","data":{"message_id":"second"}}`)
	s.await(id, delivery.Delivered)
	events, err := s.reader.Events(t.Context(), id)
	s.check(err)
	if len(events) != 3 {
		t.Errorf("%d events are kept, want 3", len(events))
	}
}

// TestUnprovenEventOfNobody: a bounce of mail that somebody else sent from the
// same mailbox is no failure of ours, and does not wait.
func TestUnprovenEventOfNobody(t *testing.T) {
	s := newStage(t, time.Hour)
	webhook := s.event("e-1", `{"type":"dsn.bounced","data":{"message_id":"abc@gangwon.kr","recipient":"kim@example.kr","unproven":true}}`)
	s.await(webhook, delivery.Completed)
	if n := s.count(`SELECT count(*) FROM gangway.dead_letters`); n != 0 {
		t.Errorf("%d letters", n)
	}
}
