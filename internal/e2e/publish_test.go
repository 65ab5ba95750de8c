package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// Every way into the house, through one worker.
func TestWaysToPublish(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.worker()
	t.Run("publisher email", p.publisherEmail)
	t.Run("publisher send FILE", p.publisherSend)
	t.Run("publisher send, NDJSON", p.publisherNDJSON)
	t.Run("publisher, outbox", p.publisherOutbox)
	t.Run("nats pub", p.natsPub)
	t.Run("watermill-nats", p.watermillNATS)
	t.Run("gangway.enqueue", p.enqueue)
	p.settled()
}

// done fails the test unless the program ended well.
func (o outcome) done(t *testing.T) {
	t.Helper()
	if o.code != 0 {
		t.Fatalf("exit code %d: %s", o.code, o.all)
	}
}

func (p *place) publisherEmail(t *testing.T) {
	p = p.in(t)
	sent := p.publisher(nil, "email", "--to", "kim@example.kr", "--subject", "안녕", "--text", "본문", "--wait")
	sent.done(t)
	id := sent.out[:len(sent.out)-1]
	if _, err := uuid.Parse(id); err != nil {
		t.Fatalf("standard output is %q, want one id", sent.out)
	}
	p.mail.once(t, []string{id})

	status := p.publisher(nil, "status", id, "-o", "json")
	status.done(t)
	var shown struct {
		Status, Provider, Recipient string
		AttemptLog                  []struct{ Attempt int } `json:"attempt_log"`
	}
	if err := json.Unmarshal([]byte(status.out), &shown); err != nil {
		t.Fatalf("%v in %s", err, status.out)
	}
	if shown.Status != "sent" || shown.Provider != "sink" || shown.Recipient != "kim@example.kr" || len(shown.AttemptLog) != 1 {
		t.Errorf("publisher status: %s", status.out)
	}
	table := p.publisher(nil, "status", id)
	if table.code != 0 || !strings.Contains(table.out, "sent") || !strings.Contains(table.out, id) {
		t.Errorf("publisher status: exit code %d: %s", table.code, table.all)
	}
	if wrong := p.publisher(nil, "status", uuid.NewString()); wrong.code != 1 {
		t.Errorf("publisher status of an unknown id: exit code %d: %s", wrong.code, wrong.all)
	}
}

func (p *place) publisherSend(t *testing.T) {
	p = p.in(t)
	file := filepath.Join(t.TempDir(), "mail.json")
	if err := os.WriteFile(file, []byte(mailBody("lee@example.kr")), 0o600); err != nil {
		t.Fatal(err)
	}
	// A text that is no UUID names a command too.
	sent := p.publisher(nil, "send", "email.send", "-f", file, "--id", "order-42", "--wait", "-o", "json")
	sent.done(t)
	var receipt struct{ ID, Status string }
	if err := json.Unmarshal([]byte(sent.out), &receipt); err != nil || receipt.Status != "sent" {
		t.Errorf("%v in %s", err, sent.out)
	}
	p.mail.once(t, []string{receipt.ID})
	again := p.publisher(nil, "send", "email.send", "-f", file, "--id", "order-42", "--wait")
	again.done(t)
	p.mail.once(t, []string{receipt.ID})

	if err := os.WriteFile(file, []byte(`{"to":["lee@example.kr"],"subject":7,"text":"본문"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := p.publisher(nil, "send", "email.send", "-f", file)
	if wrong.code != 1 || wrong.out != "" || !strings.Contains(wrong.all, "subject: must be text, not a number") {
		t.Errorf("a mistake in the file: exit code %d: %s", wrong.code, wrong.all)
	}
}

func (p *place) publisherNDJSON(t *testing.T) {
	p = p.in(t)
	const lines = 2000
	var input strings.Builder
	for n := range lines {
		fmt.Fprintln(&input, mailBody(fmt.Sprintf("reader%d@example.kr", n)))
	}
	sent := p.publisher(strings.NewReader(input.String()), "send", "email.send", "--lane", "bulk")
	sent.done(t)
	ids := sent.lines()
	if len(ids) != lines {
		t.Fatalf("%d ids were printed for %d commands", len(ids), lines)
	}
	p.allSent(ids)
	p.mail.once(t, ids)
	if n := p.count("lane = 'bulk'"); n != lines {
		t.Errorf("%d commands are in the lane bulk, want %d", n, lines)
	}
}

func (p *place) publisherOutbox(t *testing.T) {
	p = p.in(t)
	sent := p.publisher(nil, "email", "--to", "park@example.kr", "--subject", "안녕", "--text", "본문", "--outbox", "--wait")
	sent.done(t)
	p.mail.once(t, sent.lines())
}

// natsPub uses the client that anybody has. It publishes without waiting for an
// acknowledgement.
func (p *place) natsPub(t *testing.T) {
	p = p.in(t)
	pub := func(args ...string) {
		t.Helper()
		cli := testkit.Start(t, testkit.Program{
			Path: testkit.NATSCLI(t), Args: append([]string{"--server", p.nats.URL(), "pub"}, args...), Dir: t.TempDir(),
			Env: []string{"HOME=" + t.TempDir(), "XDG_CONFIG_HOME="},
		})
		if code := cli.Wait(patience); code != 0 {
			t.Fatalf("nats pub: exit code %d: %s", code, cli.Output())
		}
	}
	id := uuid.NewString()
	pub("email.send", mailBody("with@example.kr"), "-H", "Nats-Msg-Id:"+id)
	pub("email.send.high", mailBody("without@example.kr"))
	pub("email.send", "garbage")
	p.ends(id, "sent")
	p.mail.once(t, []string{id})
	testkit.Eventually(t, patience, func() bool {
		return p.count("recipient = 'without@example.kr' AND lane = 'high' AND status = 'sent'") == 1
	}, "the command without an id is sent")
	testkit.Eventually(t, patience, func() bool {
		return p.count(`status = 'rejected' AND reason = 'invalid' AND error_message LIKE '%body is not JSON: % at byte % of 7' AND error_message NOT LIKE '%garbage%'`) == 1
	}, "garbage is rejected")
}

func (p *place) watermillNATS(t *testing.T) {
	p = p.in(t)
	publisher, err := wmnats.NewPublisher(wmnats.PublisherConfig{
		URL: p.nats.URL(), Marshaler: &wmnats.NATSMarshaler{}, JetStream: wmnats.JetStreamConfig{TrackMsgId: true},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.NewString()
	if err := publisher.Publish("email.send", message.NewMessage(id, []byte(mailBody("choi@example.kr")))); err != nil {
		t.Fatal(err)
	}
	if err := publisher.Close(); err != nil {
		t.Fatal(err)
	}
	p.ends(id, "sent")
	p.mail.once(t, []string{id})
}

// enqueue is what the portal does, in whatever language it is written.
func (p *place) enqueue(t *testing.T) {
	p = p.in(t)
	tx, err := p.database().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var id string
	if err := tx.QueryRow(t.Context(), "SELECT gangway.enqueue('email.send', $1::jsonb)", mailBody("jung@example.kr")).Scan(&id); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.ends(id, "sent")
	p.mail.once(t, []string{id})
}
