package app

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestPostponementsDoNotStrandAMessage: every nak counts towards the delivery
// limit of the broker, which is for crash loops. A command that waits for its
// provider more often than that goes by schedules of its own in time.
func TestPostponementsDoNotStrandAMessage(t *testing.T) {
	p := newPlant(t, plantOptions{})
	const waiting = 25 // more than a message is handed out
	busy := slices.Repeat([]func(context.Context) error{waits(fault.RateLimited, 5*time.Millisecond)}, waiting)
	p.first.say(append(busy, fine)...)
	p.start()
	id := p.mail("patient", "")
	row := p.await(id, delivery.Sent)
	if row.Attempts != waiting+1 || row.Round != 0 {
		t.Errorf("%d attempts in %d rounds, want %d in none", row.Attempts, row.Round, waiting+1)
	}
	p.drained()
	if n := p.messages(broker.StreamAdvisories); n != 0 {
		t.Errorf("the broker gave up on it: %d advisories", n)
	}
}

// TestWorkersThatDieOverALookup: a kind that may run again runs again, until
// three workers have died over it. Then it is taken for the cause.
func TestWorkersThatDieOverALookup(t *testing.T) {
	harmless := new(rerun)
	p := newPlant(t, plantOptions{
		handlers: map[command.Kind]pipeline.Handler{command.AddressSearch: harmless}, topology: broker.TopologyOptions{AckWait: time.Second},
	})
	orphan := func(id string, deaths int) (uuid.UUID, string) {
		body := `{"id":"` + id + `","keyword":"춘천시청길 11"}`
		cmd, err := command.Decode(command.AddressSearch, command.Normal, []byte(body), command.Source{Timestamp: time.Now()})
		p.check(err)
		_, err = p.pool.Exec(t.Context(), `INSERT INTO gangway.deliveries (id, kind, status, rank, digest, attempts, dead_intents, claimed,
			claim_token, claim_worker, claim_provider, requested_at, asked_at)
			VALUES ($1, 'address.search', 'processing', 10, $2, $3, $3 - 1, true, gen_random_uuid(), gen_random_uuid(), 'juso', now(), now())`,
			cmd.ID, cmd.Digest[:], deaths)
		p.check(err)
		return cmd.ID, body
	}
	twice, twiceBody := orphan("twice", 2)
	thrice, thriceBody := orphan("thrice", 3)
	p.start()
	p.publish("address.search", "twice", twiceBody)
	p.publish("address.search", "thrice", thriceBody)
	p.await(twice, delivery.Completed)
	if row := p.await(thrice, delivery.DeadLettered); row.Reason != fault.Internal {
		t.Errorf("%+v", row.View)
	}
	if n := harmless.ran.Load(); n != 1 {
		t.Errorf("%d commands ran again, want the one over which two had died", n)
	}
	p.drained()
}

// rerun is a harmless handler that counts what it does.
type rerun struct{ ran atomic.Int64 }

func (c *rerun) Plan(context.Context, *command.Command) delivery.Plan {
	return delivery.Plan{Provider: "juso"}
}

func (c *rerun) Handle(context.Context, *command.Command, delivery.Run) delivery.Result {
	c.ran.Add(1)
	return delivery.Result{Status: delivery.Completed}
}

func (c *rerun) Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	return c.Handle(ctx, cmd, run)
}

// TestNewerBodyWaitsForANewerWorker: during a rolling upgrade a producer may be
// ahead of this worker. Its command is neither rejected nor lost.
func TestNewerBodyWaitsForANewerWorker(t *testing.T) {
	p := newPlant(t, plantOptions{})
	p.start()
	newer := p.publish("email.send", "newer", `{"id":"newer","v":2,"to":["kim@example.kr"],"subject":"x","text":"y","of_tomorrow":true}`)
	consumer, err := p.conn.JetStream().Consumer(t.Context(), broker.StreamCommands, broker.ConsumerName(command.EmailSend, command.Normal))
	p.check(err)
	p.await(p.mail("behind", ""), delivery.Sent)
	testkit.Eventually(t, 10*time.Second, func() bool {
		info, err := consumer.Info(t.Context())
		return err == nil && info.NumAckPending == 1 && info.NumPending == 0 && p.messages(broker.StreamCommands) == 1
	}, "the newer command to wait and the other one to be gone")
	rows, err := p.reader.Rows(t.Context(), []uuid.UUID{newer})
	p.check(err)
	if row, known := rows[newer]; known {
		t.Errorf("a worker that cannot read it wrote %+v", row.View)
	}
	if n := p.messages(broker.StreamDeadLetters); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// TestClosedRouteStopsThePull: while nobody could be called, commands wait in the
// stream; they are not handed out over and over.
func TestClosedRouteStopsThePull(t *testing.T) {
	o := newOffice(t)
	for _, name := range []string{"ses", "sendgrid"} {
		var said string
		testkit.Eventually(t, 20*time.Second, func() bool { // once the worker has announced them
			code, _, errs := o.person("providers", "pause", name)
			said = errs
			return code == 0
		}, "%s is not paused: %s", name, &said)
	}
	testkit.Eventually(t, 20*time.Second, func() bool { return strings.Contains(o.log.String(), "commands of a kind wait in the stream") })
	consumer, err := o.conn.JetStream().Consumer(t.Context(), broker.StreamCommands, broker.ConsumerName(command.EmailSend, command.Normal))
	o.check(err)
	id := o.publish("email.send", `{"to":["kim@example.kr"],"subject":"x","text":"y"}`)
	o.await(o.publish("sms.send", `{"to":"010-1234-5678","text":"x"}`), delivery.Sent, delivery.Delivered) // other kinds go on
	info, err := consumer.Info(t.Context())
	o.check(err)
	if info.NumPending != 1 || info.Delivered.Consumer != 0 {
		t.Errorf("%d wait and %d were handed out, want one and none", info.NumPending, info.Delivered.Consumer)
	}
	if code, _, errs := o.person("providers", "resume", "sendgrid"); code != 0 {
		t.Fatal(errs)
	}
	o.await(id, delivery.Sent, delivery.Delivered)
	if calls := o.calls(id); !slices.Equal(calls, []string{"sendgrid ok"}) {
		t.Errorf("calls %v", calls)
	}
}
