package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestInvariant1RecordedBeforeCalledCommittedBeforeSettled(t *testing.T) {
	t.Parallel()
	t.Run("the intent before the call", intentBeforeCall)
	t.Run("the outcome before the acknowledgement", outcomeBeforeAcknowledgement)
	t.Run("killed during the call", killedDuringCall)
	t.Run("killed before the acknowledgement", killedBeforeAcknowledgement)
}

// intentBeforeCall looks into the database from inside two mail servers, while
// each has a message and has not answered yet. The first one fails.
func intentBeforeCall(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	down := newMailServer(t)
	pool := p.database()
	intents := make(chan string, 2)
	see := func(server string, attempts int, answer error) look {
		return func(id, _ string) error {
			var intent string
			err := pool.QueryRow(context.Background(), `
				SELECT d.status || ', claimed: ' || d.claimed || ', attempt ' || d.attempts || ' at ' || d.claim_provider
				       || ', recorded: ' || (SELECT count(*) FROM gangway.delivery_attempts a WHERE a.delivery_id = d.id)
				FROM gangway.deliveries d WHERE id = $1`, id).Scan(&intent)
			if want := fmt.Sprintf("processing, claimed: true, attempt %d at %s, recorded: %d", attempts, server, attempts-1); intent != want || err != nil {
				intents <- fmt.Sprintf("at the call of %s the row is %q (%v), want %q", server, intent, err, want)
			} else {
				intents <- ""
			}
			return answer
		}
	}
	down.lookAt(see("down", 1, &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "disk full"}))
	p.mail.lookAt(see("sink", 2, nil))
	p.worker("GANGWAY_ROUTES_EMAIL=down,sink", "GANGWAY_PROVIDERS_DOWN_DRIVER=smtp", "GANGWAY_PROVIDERS_DOWN_TIMEOUT=5s",
		"GANGWAY_PROVIDERS_DOWN_HOST="+down.host, "GANGWAY_PROVIDERS_DOWN_PORT="+down.port,
		"GANGWAY_PROVIDERS_DOWN_TLS=none", "GANGWAY_PROVIDERS_DOWN_AUTH=none", "GANGWAY_PROVIDERS_DOWN_FROM=portal@example.kr")
	p.allSent(p.mails(1))
	for range 2 {
		if wrong := <-intents; wrong != "" {
			t.Error(wrong)
		}
	}
}

// outcomeBeforeAcknowledgement listens to the acknowledgements on their way to
// the server and looks into the database when each passes.
func outcomeBeforeAcknowledgement(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	pool := p.database()
	const commands = 50
	var mu sync.Mutex
	ids := map[string]string{} // by sequence in the stream
	acked := make(chan string, commands)
	_, err := p.nats.Connect().Subscribe("$JS.ACK.>", func(ack *nats.Msg) {
		_, place, ours := strings.Cut(ack.Subject, ".GANGWAY_COMMANDS.")
		if !ours || string(ack.Data) != "+ACK" {
			return
		}
		mu.Lock()
		id := ids[strings.Split(place, ".")[2]] // consumer, deliveries, sequence
		mu.Unlock()
		var status string
		if err := pool.QueryRow(context.Background(), "SELECT status FROM gangway.delivery_status WHERE id = $1", id).Scan(&status); err != nil || status != "sent" {
			acked <- fmt.Sprintf("%s is acknowledged while its row is %q (%v)", id, status, err)
			return
		}
		acked <- ""
	})
	if err != nil {
		t.Fatal(err)
	}
	p.startWorker(nil).WaitOutput(patience, `"worker is ready"`)
	for range commands {
		mu.Lock()
		id := uuid.Must(uuid.NewV7()).String()
		ack, err := p.jetstream().Publish(t.Context(), "email.send", []byte(strings.Replace(mailBody("kim@example.kr"), "{", fmt.Sprintf(`{"id":%q,`, id), 1)))
		if err == nil {
			ids[strconv.FormatUint(ack.Sequence, 10)] = id
		}
		mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	for range commands {
		if wrong := <-acked; wrong != "" {
			t.Error(wrong)
		}
	}
}

// mortal are times in which a killed worker is soon known to be dead: its lease
// ends before its messages are handed out again.
func mortal() []string {
	return []string{
		"GANGWAY_WORKER_HEARTBEAT=100ms", "GANGWAY_WORKER_LEASE=1500ms", "GANGWAY_WORKER_ACK_WAIT=2s",
		"GANGWAY_PROVIDERS_SINK_TIMEOUT=1s", "GANGWAY_PROVIDERS_SINK_ON_UNKNOWN=hold",
	}
}

// killedDuringCall: whether the provider sends is not known, and a provider that
// cannot be asked leaves it to a person. Nothing is sent a second time.
func killedDuringCall(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.mail.holdFor(time.Hour)
	first := p.worker(mortal()...)
	ids := p.mails(3)
	testkit.Eventually(t, patience, func() bool { return p.mail.waiting() == len(ids) }, "the messages are in flight")
	first.Signal(syscall.SIGKILL)
	first.Wait(patience)
	p.mail.holdFor(0)
	p.worker(mortal()...)
	for _, id := range ids {
		row := p.ends(id, "unknown")
		if row.Reason == nil || *row.Reason != "unknown_outcome" || row.Attempts != 1 {
			t.Errorf("%s is %v", id, row)
		}
		var outcome string
		if err := p.database().QueryRow(t.Context(), "SELECT outcome FROM gangway.delivery_attempts WHERE delivery_id = $1", id).Scan(&outcome); err != nil || outcome != "unknown" {
			t.Errorf("the call of the killed worker is recorded as %q, %v", outcome, err)
		}
		if n := p.mail.times(id); n != 0 {
			t.Errorf("%s was sent again", id)
		}
	}
	p.settled()
}

// killedBeforeAcknowledgement: the outcome is committed, and neither event nor
// acknowledgement gets to NATS before the worker dies.
func killedBeforeAcknowledgement(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	proxy, url := testkit.NewProxyURL(t, p.nats.URL())
	first := p.worker(append(mortal(), "GANGWAY_NATS_URL="+url)...)
	var once sync.Once
	p.mail.lookAt(func(string, string) error {
		once.Do(proxy.Blackhole)
		return nil
	})
	ids := p.mails(1)
	p.ends(ids[0], "sent")
	first.Signal(syscall.SIGKILL)
	first.Wait(patience)
	stream, err := p.jetstream().Stream(t.Context(), "GANGWAY_COMMANDS")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != 1 {
		t.Fatalf("the message is not there any more: %v, %v", info, err)
	}
	p.worker(mortal()...)
	p.settled()
	p.mail.once(t, ids)
	events, err := p.jetstream().Stream(t.Context(), "GANGWAY_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := events.GetLastMsgForSubject(t.Context(), "event.email.send.sent"); err != nil {
		t.Errorf("the event of the killed worker was not made up for: %v", err)
	}
}
