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
	Status   string
	Rank     int
	Version  int
	Attempts int
	Claimed  bool
	Recorded int // rows of attempts
	OK       int
	Unknown  int
	Numbers  []int // of the attempts, ascending
	Letters  int
	events   map[int]string // sequence → status, each CloudEvents id once
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
			p.t.Errorf("%s: %s\n%+v", id, strings.Join(wrong, "; "), *s)
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

// wrong lists which invariants do not hold.
func (s *story) wrong() (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if slices.Contains(open, s.Status) {
		say("it rests in no final status")
	}
	if s.Status == "unknown" && s.Unknown == 0 {
		say("unknown without a recorded unknown outcome")
	}
	if s.Claimed {
		say("it is still claimed")
	}
	// At most one call and one for each recorded retry.
	if len(s.arrivals) > s.Recorded {
		say("%d calls and only %d recorded attempts", len(s.arrivals), s.Recorded)
	}
	if s.Attempts != s.Recorded {
		say("the row counts %d attempts and %d are recorded", s.Attempts, s.Recorded)
	}
	for i, number := range s.Numbers {
		if number != i+1 {
			say("the attempts have the numbers %v", s.Numbers)
			break
		}
	}
	// A message that a server took is an attempt that succeeded or one whose
	// outcome is recorded as unknown: never a failure.
	if s.accepted() > s.OK+s.Unknown {
		say("taken %d times with %d attempts ok and %d unknown", s.accepted(), s.OK, s.Unknown)
	}
	if s.OK > 1 {
		say("%d attempts succeeded", s.OK)
	}
	switch {
	case s.Status == "sent" && s.accepted() == 0:
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
SELECT d.id, d.status, d.rank, d.version, d.attempts, d.claimed,
       (SELECT count(*) FROM gangway.delivery_attempts a WHERE a.delivery_id = d.id),
       (SELECT count(*) FROM gangway.delivery_attempts a WHERE a.delivery_id = d.id AND a.outcome = 'ok'),
       (SELECT count(*) FROM gangway.delivery_attempts a WHERE a.delivery_id = d.id AND a.outcome = 'unknown'),
       (SELECT array_agg(a.attempt ORDER BY a.attempt) FROM gangway.delivery_attempts a WHERE a.delivery_id = d.id),
       (SELECT count(*) FROM gangway.dead_letters l WHERE l.delivery_id = d.id)
FROM gangway.deliveries d WHERE d.id = ANY ($1)`, p.published)
	p.check(err)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s *story, err error) {
		s = &story{events: map[int]string{}}
		return s, row.Scan(&s.ID, &s.Status, &s.Rank, &s.Version, &s.Attempts, &s.Claimed, &s.Recorded, &s.OK, &s.Unknown, &s.Numbers, &s.Letters)
	})
	p.check(err)
	stories := map[uuid.UUID]*story{}
	for _, s := range list {
		stories[s.ID], s.arrivals = s, p.arrivals(s.ID)
	}
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
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"event.email.send.>"}})
	p.check(err)
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("event.email.send.>"))
	p.check(err)
	left := uint64(0)
	for _, n := range info.State.Subjects {
		left += n
	}
	for left > 0 {
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
			var sequence int
			_, err := fmt.Sscanf(event.Sequence, "%d", &sequence)
			p.check(err)
			if want := fmt.Sprintf("%s.%d", event.Subject, sequence); event.ID != want {
				p.t.Errorf("an event has the id %s, want %s", event.ID, want)
			}
			if s := stories[uuid.MustParse(event.Subject)]; s != nil {
				if earlier, known := s.events[sequence]; known && earlier != event.Data.Status {
					p.t.Errorf("%s: two events of version %d: %s and %s", event.Subject, sequence, earlier, event.Data.Status)
				}
				s.events[sequence] = event.Data.Status
			}
		}
		p.check(batch.Error())
	}
}
