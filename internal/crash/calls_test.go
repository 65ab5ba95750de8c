package crash

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestKilledDuringTheCall: the provider has the whole message, and the worker
// dies before it can know. What follows is on_unknown's to say.
func TestKilledDuringTheCall(t *testing.T) {
	for _, c := range []struct {
		name      string
		onUnknown string
		provider  reaction
		status    string
		arrivals  int
	}{
		{name: "taken, retry", onUnknown: "retry", provider: takes, status: "sent", arrivals: 2},
		{name: "taken, hold", onUnknown: "hold", provider: takes, status: "unknown", arrivals: 1},
		{name: "not taken, retry", onUnknown: "retry", provider: busy, status: "sent", arrivals: 2},
		{name: "not taken, hold", onUnknown: "hold", provider: busy, status: "unknown", arrivals: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, options{onUnknown: c.onUnknown})
			victim := p.worker("")
			deadly := c.provider
			deadly.before = victim.Kill
			p.first.reacts(once(1, deadly))
			id := p.mail(1, "")[0]
			p.died(victim)
			p.worker("")
			p.settled(60 * time.Second)
			s := p.verify()[id]
			if s.Status != c.status || len(s.arrivals) != c.arrivals || p.second.count() != 0 {
				t.Errorf("%s after %d calls, %d of them to the second provider; want %s after %d to the first",
					s.Status, len(s.arrivals), p.second.count(), c.status, c.arrivals)
			}
			if _, unknown, _ := s.outcomes(); unknown != 1 {
				t.Errorf("%d unknown outcomes are recorded, want 1", unknown)
			}
		})
	}
}

// TestAnswerNeverComes: the provider takes the message and cuts the line, or
// says nothing until the time-out.
func TestAnswerNeverComes(t *testing.T) {
	for _, c := range []struct {
		name      string
		onUnknown string
		stall     bool
		nth       []int // messages that are not answered
		status    string
		arrivals  int
	}{
		{name: "cut, hold", onUnknown: "hold", nth: []int{1}, status: "unknown", arrivals: 1},
		{name: "cut, retry", onUnknown: "retry", nth: []int{1}, status: "sent", arrivals: 2},
		{name: "cut twice, retry", onUnknown: "retry", nth: []int{1, 2}, status: "unknown", arrivals: 2},
		{name: "stalled, retry", onUnknown: "retry", stall: true, nth: []int{1}, status: "sent", arrivals: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, options{onUnknown: c.onUnknown})
			release := make(chan struct{})
			t.Cleanup(func() { close(release) })
			p.first.reacts(func(_ uuid.UUID, nth int) reaction {
				for _, n := range c.nth {
					if n == nth && c.stall {
						return reaction{accept: true, stall: release}
					} else if n == nth {
						return mute
					}
				}
				return takes
			})
			p.worker("")
			id := p.mail(1, "")[0]
			p.settled(60 * time.Second)
			s := p.verify()[id]
			if s.Status != c.status || len(s.arrivals) != c.arrivals || p.second.count() != 0 {
				t.Errorf("%s after %d calls, %d of them to the second provider; want %s after %d to the first",
					s.Status, len(s.arrivals), p.second.count(), c.status, c.arrivals)
			}
		})
	}
}

// TestHaltedWorkerComesBack: a worker stands still for longer than its lease and
// then goes on. Another one has taken its command over meanwhile.
func TestHaltedWorkerComesBack(t *testing.T) {
	for _, c := range []struct {
		step string
		most int // calls; one at least
	}{
		{"claimed", 1}, // it sees that its lease is over, and calls nobody
		{"handled", 2}, // it had called; the other one followed on_unknown, unless the record had just left
		{"recorded", 1},
	} {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, options{})
			halted := p.worker(c.step + ":1:stop")
			id := p.mail(1, "")[0]
			testkit.Eventually(t, 20*time.Second, func() bool { return stopped(halted.PID()) }, "the worker to halt")
			p.worker("")
			rested := p.settled
			if c.step != "recorded" {
				testkit.Eventually(t, 30*time.Second, func() bool { return p.statuses()["sent"] == 1 }, "the other worker to send it")
			}
			halted.Signal(syscall.SIGCONT)
			rested(30 * time.Second)
			halted.Signal(syscall.SIGTERM) // so that whatever it still has in hand is written
			if code := halted.Wait(30 * time.Second); code != 0 {
				t.Errorf("the worker that came back ended with code %d", code)
			}
			s := p.verify()[id]
			if n := len(s.arrivals); s.Status != "sent" || n < 1 || n > c.most {
				t.Errorf("%s after %d calls, want sent after 1 to %d", s.Status, n, c.most)
			}
		})
	}
}

// TestDiesOverAndOver: what kills its workers ends. Each death of a send after
// the first is one more unknown outcome, so nobody repeats it; a person decides.
func TestDiesOverAndOver(t *testing.T) {
	t.Parallel()
	p := newPlant(t, options{})
	var mu sync.Mutex
	var victim *testkit.Process
	p.first.reacts(always(reaction{accept: true, before: func() {
		mu.Lock()
		defer mu.Unlock()
		victim.Kill()
	}}))
	mu.Lock()
	victim = p.worker("")
	mu.Unlock()
	id := p.mail(1, "")[0]
	for range 2 {
		p.died(victim)
		next := p.worker("")
		mu.Lock()
		victim = next
		mu.Unlock()
	}
	p.settled(60 * time.Second)
	s := p.verify()[id]
	if _, unknown, _ := s.outcomes(); s.Status != "unknown" || len(s.arrivals) != 2 || unknown != 2 {
		t.Errorf("%s after %d calls, %d recorded as unknown; want unknown after 2", s.Status, len(s.arrivals), unknown)
	}
}
