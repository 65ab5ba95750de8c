package crash

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestCommandStreamIsFull: who publishes more than max_bytes is refused by a
// sentence, and whatever was acknowledged, or waits in the outbox, is executed.
func TestCommandStreamIsFull(t *testing.T) {
	t.Parallel()
	p := newPlant(t, options{maxBytes: 64 << 10})
	p.provision()
	refused := p.fill("")
	p.refusesPublisher("GANGWAY_COMMANDS")
	p.enqueue(20)
	p.worker("")
	p.settled(90 * time.Second)
	p.verify()
	p.unknownTo(refused)
	p.mail(5, "")
	p.settled(90 * time.Second)
	p.verify()
}

// TestStoreIsFullOfCommands: the commands have taken the whole of max_store, so
// no event, schedule or dead letter fits that would let one of them go. What the
// worker must publish waits in the outbox, room comes back, and all of it goes
// out in the end, whatever dies meanwhile.
func TestStoreIsFullOfCommands(t *testing.T) {
	t.Parallel()
	p := newPlant(t, options{natsURL: testkit.StartNATSProcess(t, 2<<20).URL(), retries: -1})
	p.provision()
	p.first.reacts(someBusy())
	p.second.reacts(someBusy())
	later := p.mail(20, fmt.Sprintf(`,"send_at":%q`, time.Now().Add(20*time.Second).Format(time.RFC3339Nano)))
	refused := p.fill(strings.Repeat("x", 8<<10))
	p.refusesPublisher("GANGWAY_COMMANDS")
	p.enqueue(20)
	victim := p.worker("recorded:5")
	p.died(victim)
	p.worker("")
	p.settled(2 * time.Minute)
	stories := p.verify()
	p.unknownTo(refused)
	for _, id := range later {
		if s := stories[id]; s.Status == "scheduled" {
			t.Errorf("%s still waits", id)
		}
	}
	p.letters(stories)
}

// TestStoreIsFullOfEvents: nothing that the worker does makes room. It goes on
// with what it has, keeps every event, and publishes them when somebody has made
// room, although it was started anew meanwhile. A schedule whose time comes while
// there is no room, and which the server then forgets, is sent too.
func TestStoreIsFullOfEvents(t *testing.T) {
	t.Parallel()
	p := newPlant(t, options{natsURL: testkit.StartNATSProcess(t, 2<<20).URL()})
	p.provision()
	due := time.Now().Add(25 * time.Second)
	later := p.mail(5, fmt.Sprintf(`,"send_at":%q`, due.Format(time.RFC3339Nano)))
	first := p.worker("")
	testkit.Eventually(t, 20*time.Second, func() bool { return p.statuses()["scheduled"] == 5 }, "the schedules")
	first.Kill()
	p.mail(60, "")
	p.fillEvents()
	p.worker("").Kill()
	p.worker("")
	testkit.Eventually(t, 60*time.Second, func() bool { return p.statuses()["sent"] == 60 }, "the commands to be sent")
	p.fillEvents() // also what the commands have left
	id := p.enqueue(1)
	p.pause(max(time.Until(due), 0) + time.Second)
	if n := p.statuses()["sent"]; n != 60 {
		t.Errorf("%d are sent while there is no room for the next", n)
	}
	events, err := p.js.Stream(t.Context(), "GANGWAY_EVENTS")
	p.check(err)
	p.check(events.Purge(t.Context(), jetstream.WithPurgeSubject("event.filler")))
	p.settled(90 * time.Second)
	stories := p.verify()
	if s := stories[id[0]]; s.Status != "sent" {
		t.Errorf("what waited in the outbox is %s", s.Status)
	}
	for _, id := range later {
		if s := stories[id]; s.Status != "sent" {
			t.Errorf("what was scheduled is %s", s.Status)
		}
	}
}

// someBusy wants a quarter of the commands later. It takes them if they come
// again, as they do when it is not known what became of the first call.
func someBusy() func(uuid.UUID, int) reaction {
	known := map[uuid.UUID]bool{} // the server asks one at a time
	return func(id uuid.UUID, _ int) reaction {
		if id[15]%4 == 0 && !known[id] {
			known[id] = true
			return busy
		}
		return takes
	}
}

// fill publishes until the stream refuses, and returns the ids that were refused.
func (p *plant) fill(text string) (refused []uuid.UUID) {
	p.t.Helper()
	for len(refused) < 3 {
		id := uuid.Must(uuid.NewV7())
		err := p.try(p.t.Context(), "email.send", id.String(), fmt.Sprintf(`{"id":%q,"to":["kim@example.kr"],"subject":"x","text":"y%s"}`, id, text))
		if err == nil {
			p.published = append(p.published, id)
			continue
		}
		refused = append(refused, id)
		if api, ok := errors.AsType[*jetstream.APIError](err); !ok || api.ErrorCode != 10023 && api.ErrorCode != 10077 && api.ErrorCode != 10047 {
			p.t.Fatalf("a full stream answers %v", err)
		}
	}
	return refused
}

// fillEvents leaves no room in the store.
func (p *plant) fillEvents() {
	p.t.Helper()
	for size := 16 << 10; size > 16; {
		ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Second)
		_, err := p.js.PublishMsg(ctx, &nats.Msg{Subject: "event.filler", Data: make([]byte, size)})
		cancel()
		if err != nil {
			size /= 2
		}
	}
}

// refusesPublisher: people are told at once which stream does not take more.
func (p *plant) refusesPublisher(stream string) {
	p.t.Helper()
	publisher := p.publisher(`{"to":["kim@example.kr"],"subject":"x","text":"`+strings.Repeat("x", 1000)+`"}`, "send", "email.send")
	if code := publisher.Wait(30 * time.Second); code != 1 || !strings.Contains(publisher.Output(), stream+" does not take email.send") {
		p.t.Errorf("publisher ended with %d: %s", code, publisher.Output())
	}
}

// publisher starts the program publisher.
func (p *plant) publisher(stdin string, args ...string) *testkit.Process {
	p.t.Helper()
	return testkit.Start(p.t, testkit.Program{
		Path: testkit.Build(p.t, "cmd/publisher"), Args: args, Stdin: strings.NewReader(stdin),
		Env: []string{"GANGWAY_ENV=staging", "GANGWAY_CONFIG=" + p.settings, "GANGWAY_NATS_URL=" + p.natsURL, "GANGWAY_POSTGRES_URL=" + p.pgURL},
	})
}

// unknownTo: a command that was refused has left nothing.
func (p *plant) unknownTo(refused []uuid.UUID) {
	p.t.Helper()
	var n int
	p.check(p.pool.QueryRow(p.t.Context(), `SELECT count(*) FROM gangway.deliveries WHERE id = ANY ($1)`, refused).Scan(&n))
	if n != 0 {
		p.t.Errorf("%d of %d commands that were refused have a row", n, len(refused))
	}
}

// letters: each command that ended as one has a dead letter on the bus.
func (p *plant) letters(stories map[uuid.UUID]*story) {
	p.t.Helper()
	stream, err := p.js.Stream(p.t.Context(), "GANGWAY_DEADLETTERS")
	p.check(err)
	n := 0
	for id, s := range stories {
		if s.Status != "dead_lettered" {
			continue
		}
		n++
		if _, err := stream.GetLastMsgForSubject(p.t.Context(), "deadletter.email.send."+id.String()); err != nil {
			p.t.Errorf("the dead letter of %s: %v", id, err)
		}
	}
	if n == 0 {
		p.t.Error("nothing ended as a dead letter")
	}
}
