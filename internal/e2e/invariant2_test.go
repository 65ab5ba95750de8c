package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// The same command again, by every way and long after NATS has forgotten it, is
// the same command; another body under its id is kept apart.
func TestInvariant2TheRowDecides(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.worker()
	id := uuid.Must(uuid.NewV7()).String()
	body := mailBody("kim@example.kr")
	named := strings.Replace(body, "{", fmt.Sprintf(`{"id":%q,`, id), 1)
	p.publish("email.send", id, body)
	sent := p.ends(id, "sent")

	p.publishNew("email.send", id, body)
	p.publishNew("email.send.high", id, body)
	p.publishNew("email.send", "", named)
	p.publishNew("email.send", "another", named)
	p.publishNew("email.send", id, `{ "text":"신청이 접수되었습니다.", "subject":"접수 안내", "to":[ "kim@example.kr" ] }`)
	p.publishNew("email.send", id, strings.Replace(body, "{", `{"send_at":"2020-01-01T00:00:00Z",`, 1))
	for range 2 {
		if _, err := p.database().Exec(t.Context(), "SELECT gangway.enqueue('email.send', $1::jsonb, id => $2)", body, id); err != nil {
			t.Fatal(err)
		}
	}
	p.publishNew("email.send", id, strings.Replace(body, "접수 안내", "다른 제목", 1))
	p.mails(1) // behind all of them
	p.relayed()
	p.settled()

	p.mail.once(t, []string{id})
	if now := p.delivery(id); now.Status != "sent" || now.Attempts != sent.Attempts {
		t.Errorf("the row was %v and is now %v", sent, now)
	}
	letters, err := p.jetstream().Stream(t.Context(), "GANGWAY_DEADLETTERS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := letters.Info(t.Context())
	if err != nil || info.State.Msgs != 1 {
		t.Fatalf("%d dead letters, %v; want the one other body", info.State.Msgs, err)
	}
	letter, err := letters.GetLastMsgForSubject(t.Context(), "deadletter.email.send."+id)
	if err != nil || letter.Header.Get("Gangway-Reason") != "invalid" || !strings.Contains(string(letter.Data), "다른 제목") {
		t.Errorf("the other body: %v, %v", letter, err)
	}
}

// publishNew publishes until NATS stores the message as a new one.
func (p *place) publishNew(subject, msgID, body string) {
	p.t.Helper()
	var options []jetstream.PublishOpt
	if msgID != "" {
		options = append(options, jetstream.WithMsgID(msgID))
	}
	testkit.Eventually(p.t, patience, func() bool {
		ack, err := p.jetstream().Publish(p.t.Context(), subject, []byte(body), options...)
		if err != nil {
			p.t.Fatal(err)
		}
		return !ack.Duplicate
	})
}

// relayed waits until the outbox is empty.
func (p *place) relayed() {
	p.t.Helper()
	testkit.Eventually(p.t, patience, func() bool {
		var n int
		err := p.database().QueryRow(p.t.Context(), "SELECT count(*) FROM gangway.outbox").Scan(&n)
		return err == nil && n == 0
	}, "the outbox is empty")
}

// One worker among several executes a command, however many of them get it.
func TestInvariant2HoldsBetweenWorkers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.mail.holdFor(50 * time.Millisecond)
	workers := []*testkit.Process{p.startWorker(nil), p.startWorker(nil)}
	for _, worker := range workers {
		worker.WaitOutput(patience, `"worker is ready"`)
	}
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7()).String()
		named := strings.Replace(mailBody("kim@example.kr"), "{", fmt.Sprintf(`{"id":%q,`, ids[i]), 1)
		for range 3 {
			p.publish("email.send", "", named) // each a message of its own for NATS
		}
	}
	p.allSent(ids)
	p.settled()
	p.mail.once(t, ids)
}
