package crash

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"
)

// story is what the database, the bus and the providers say of one command.
type story struct {
	ID       uuid.UUID
	Kind     string
	Status   string
	Version  int
	Attempts int
	Claimed  bool
	attempts map[int][]string // number → outcomes; two when a late worker's came after "unknown"
	events   map[int]string   // sequence → status, each CloudEvents id once
	arrivals []arrival
}

// verify holds every command's story against what must be true of it whatever
// was killed, and returns the stories.
func (p *plant) verify() map[uuid.UUID]*story {
	p.t.Helper()
	stories := p.stories()
	counts := map[string]int{}
	doubles := 0
	for _, id := range p.published {
		s, ok := stories[id]
		if !ok {
			p.t.Errorf("%s has no row: it was lost", id)
			continue
		}
		counts[s.Status]++
		if wrong := s.wrong(); len(wrong) > 0 {
			p.t.Errorf("%s: %s: %+v", id, strings.Join(wrong, "; "), *s)
		}
		doubles += max(0, s.accepted()-1)
	}
	p.t.Logf("%d commands, %d workers: %v, %d taken twice, all recorded", len(p.published), p.workers, counts, doubles)
	return stories
}

func (s *story) accepted() (n int) {
	for _, a := range s.arrivals {
		if a.accepted {
			n++
		}
	}
	return n
}

// outcomes counts the attempts that are recorded as ok, as unknown, and all. An
// attempt whose worker came back late has its own outcome beside the unknown one.
func (s *story) outcomes() (ok, unknown, all int) {
	for _, outcomes := range s.attempts {
		all++
		switch {
		case slices.Contains(outcomes, "unknown"):
			unknown++
		case slices.Contains(outcomes, "ok"):
			ok++
		}
	}
	return ok, unknown, all
}

// wrong lists which invariants do not hold.
func (s *story) wrong() (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	ok, unknown, recorded := s.outcomes()
	if slices.Contains(open, s.Status) {
		say("it rests in no final status")
	}
	if s.Status == "unknown" && unknown == 0 {
		say("unknown without a recorded unknown outcome")
	}
	if s.Claimed {
		say("it is still claimed")
	}
	// At most one call, and one for each recorded retry.
	if len(s.arrivals) > recorded {
		say("%d calls and only %d recorded attempts", len(s.arrivals), recorded)
	}
	if s.Attempts != recorded {
		say("the row counts %d attempts and %d are recorded", s.Attempts, recorded)
	}
	for number, outcomes := range s.attempts {
		if number < 1 || number > recorded || len(outcomes) > 1 && !slices.Contains(outcomes, "unknown") {
			say("attempt %d of %d came to %v", number, recorded, outcomes)
		}
	}
	// A message that a server took is an attempt that succeeded or one whose
	// outcome is recorded as unknown: never a failure.
	if s.accepted() > ok+unknown {
		say("taken %d times with %d attempts ok and %d unknown", s.accepted(), ok, unknown)
	}
	if ok > 1 {
		say("%d attempts succeeded", ok)
	}
	switch {
	case s.Kind == "email.send" && s.Status == "sent" && s.accepted() == 0:
		say("sent, but no server has it")
	case s.Status != "sent" && s.Status != "unknown" && s.accepted() > 0:
		say("a server has it")
	}
	return append(wrong, s.wrongEvents()...)
}

// wrongEvents: every resting status is announced, once, as the last of all.
func (s *story) wrongEvents() (wrong []string) {
	if s.events[s.Version] != s.Status {
		wrong = append(wrong, fmt.Sprintf("version %d is %s, its event says %q", s.Version, s.Status, s.events[s.Version]))
	}
	final := 0
	for sequence, status := range s.events {
		if sequence > s.Version {
			wrong = append(wrong, fmt.Sprintf("an event of version %d, beyond the row's %d", sequence, s.Version))
		}
		if !slices.Contains(open, status) {
			final++
		}
	}
	if final != 1 {
		wrong = append(wrong, fmt.Sprintf("%d events tell of a resting status", final))
	}
	return wrong
}

func (p *plant) stories() map[uuid.UUID]*story {
	p.t.Helper()
	rows, err := p.pool.Query(p.t.Context(), `
SELECT d.id, d.kind, d.status, d.version, d.attempts, d.claimed FROM gangway.deliveries d WHERE d.id = ANY ($1)`, p.published)
	p.check(err)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s *story, err error) {
		s = &story{events: map[int]string{}, attempts: map[int][]string{}}
		return s, row.Scan(&s.ID, &s.Kind, &s.Status, &s.Version, &s.Attempts, &s.Claimed)
	})
	p.check(err)
	stories := map[uuid.UUID]*story{}
	for _, s := range list {
		stories[s.ID], s.arrivals = s, p.arrivals(s.ID)
	}
	rows, err = p.pool.Query(p.t.Context(), `
SELECT delivery_id, attempt, outcome FROM gangway.delivery_attempts WHERE delivery_id = ANY ($1) ORDER BY started_at`, p.published)
	p.check(err)
	var id uuid.UUID
	var number int
	var outcome string
	_, err = pgx.ForEachRow(rows, []any{&id, &number, &outcome}, func() error {
		if s := stories[id]; s != nil {
			s.attempts[number] = append(s.attempts[number], outcome)
		}
		return nil
	})
	p.check(err)
	p.readEvents(stories)
	return stories
}

// readEvents reads the whole stream of events.
func (p *plant) readEvents(stories map[uuid.UUID]*story) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	stream, err := p.js.Stream(ctx, "GANGWAY_EVENTS")
	p.check(err)
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	p.check(err)
	for left := stream.CachedInfo().State.Msgs; left > 0; {
		batch, err := consumer.Fetch(int(min(left, 500)), jetstream.FetchMaxWait(5*time.Second))
		p.check(err)
		for m := range batch.Messages() {
			left--
			var event struct {
				ID       string `json:"id"`
				Subject  string `json:"subject"`
				Sequence string `json:"sequence"`
				Data     struct {
					Status string `json:"status"`
				} `json:"data"`
			}
			p.check(json.Unmarshal(m.Data(), &event))
			id, err := uuid.Parse(event.Subject)
			if err != nil || stories[id] == nil || event.Sequence == "" {
				continue // of a provider, or of a failover
			}
			var sequence int
			_, err = fmt.Sscanf(event.Sequence, "%d", &sequence)
			p.check(err)
			if want := fmt.Sprintf("%s.%d", event.Subject, sequence); event.ID != want {
				p.t.Errorf("an event has the id %s, want %s", event.ID, want)
			}
			s := stories[id]
			if earlier, known := s.events[sequence]; known && earlier != event.Data.Status {
				p.t.Errorf("%s: two events of version %d: %s and %s", event.Subject, sequence, earlier, event.Data.Status)
			}
			s.events[sequence] = event.Data.Status
		}
		p.check(batch.Error())
	}
}
