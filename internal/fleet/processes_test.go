package fleet

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestWorkersShareABreaker: a provider fails for one worker of four and works for
// the others. All of them leave it alone; one of them probes it, and dies while
// it does; the next one's probe brings it back for all.
func TestWorkersShareABreaker(t *testing.T) {
	t.Parallel()
	c := newCrew(t, 4, crewOptions{limit: "rate: 0"})
	c.first.fails()
	stop := c.flow(10 * time.Millisecond)
	testkit.Eventually(t, time.Minute, func() bool { return len(senders(c.first.since(0))) == 4 }, "every worker sends")

	// One worker's failures open the breaker of all.
	c.first.fails("w1")
	testkit.Eventually(t, time.Minute, func() bool { return strings.Contains(c.members[0].Output(), "breaker opened") }, "the worker that fails opens the breaker")
	testkit.Eventually(t, time.Minute, c.obeyed, "the others obey")

	// What arrives after that is a probe; its answer is held back.
	held, probes := make(chan struct{}), make(chan post, 1000)
	release := sync.OnceFunc(func() { close(held) })
	defer release()
	c.first.reacts(func(p post) (<-chan struct{}, error) { probes <- p; return held, nil })
	probe := <-probes
	elsewhere := c.second.number()
	testkit.Eventually(t, time.Minute, func() bool { return c.second.number() > elsewhere+50 }, "the others go on with the other provider")
	if n := len(probes); n > 0 {
		t.Errorf("%d more probes at once", n)
	}

	// The worker that probes dies. Its lease ends, and another one probes.
	i := slices.IndexFunc(c.members, func(m *hand) bool { return m.name == probe.worker })
	c.members[i].Kill()
	c.members = slices.Delete(c.members, i, i+1)
	next := <-probes
	if next.worker == probe.worker || len(probes) > 0 {
		t.Errorf("%s probes after the death of %s, and %d others", next.worker, probe.worker, len(probes))
	}
	c.first.fails()
	mark := c.first.number()
	release()
	testkit.Eventually(t, time.Minute, func() bool { return len(senders(c.first.since(mark))) == 3 }, "its success counts for all")
	stop()
	c.settled()
}

// obeyed reports whether none of the workers has called the first provider while
// twenty commands went to the other one.
func (c *crew) obeyed() bool {
	before, elsewhere := c.first.number(), c.second.number()
	for c.second.number() < elsewhere+20 {
		if c.first.number() > before || c.t.Context().Err() != nil {
			return false
		}
		<-time.After(time.Millisecond)
	}
	return c.first.number() == before
}

// TestWorkersSharePauseAndLimit: what an operator says to one worker holds for
// all, within a second, and for who comes later. The clocks of the workers are off by up to two seconds.
func TestWorkersSharePauseAndLimit(t *testing.T) {
	c := newCrew(t, 4, crewOptions{limit: "rate: 50, burst: 20", skews: []string{"0s", "2s", "-2s", "1s"}})
	var machine strain
	machine.watch(t)

	// The limit: never more, and next to all of it while there is work.
	c.mail(400)
	c.arrives(c.first, 200)
	c.keeps(&machine, c.first.since(0), 50, 20, 0.95)

	// A worker dies with tokens in its hands: the limit stands, and so does its use.
	mark := c.first.number()
	c.members[3].Kill()
	c.members = c.members[:3]
	c.arrives(c.first, mark+100)
	c.keeps(&machine, c.first.since(mark), 50, 20, 0.9)

	// A small burst, set at one worker while all of them work.
	c.operate(c.members[0], "PATCH", "/api/v1/providers/first", `{"rate":20,"burst":2}`)
	began := time.Now()
	testkit.Eventually(t, time.Minute, func() bool { return time.Since(began) > time.Second }, "a second")
	mark = c.first.number()
	c.arrives(c.first, mark+40)
	c.keeps(&machine, c.first.since(mark), 20, 2, 0.95)

	// A pause: nobody calls it, every worker says so.
	c.operate(c.members[1], "POST", "/api/v1/providers/first/pause", `{"note":"maintenance"}`)
	began = time.Now()
	c.mail(100)
	testkit.Eventually(t, time.Minute, func() bool { return c.second.number() > 20 }, "the others go on with the other provider")
	for _, p := range c.first.since(mark) {
		machine.within(t, p.at.Sub(began), time.Second, "the way of a pause to "+p.worker)
	}
	for i, reason := range c.seen("first") {
		if !strings.Contains(reason, "paused by") {
			t.Errorf("%s says of the paused provider: %q", c.members[i].name, reason)
		}
	}
	// It holds for a worker that starts meanwhile, too, and stands in the audit log.
	mark, elsewhere := c.first.number(), c.second.number()
	c.join("w5", "-1s")
	c.ready()
	stop := c.flow(5 * time.Millisecond)
	testkit.Eventually(t, time.Minute, func() bool { return senders(c.second.since(elsewhere))["w5"] > 0 }, "the new worker sends")
	if n := c.first.number() - mark; n > 0 {
		t.Errorf("%d calls of a paused provider", n)
	}
	var note string
	c.check(c.pool.QueryRow(t.Context(), `SELECT detail->>'note' FROM gangway.audit_log WHERE action = 'provider.pause' AND target = 'first'`).Scan(&note))
	if note != "maintenance" {
		t.Errorf("the audit log says of the pause: %q", note)
	}
	c.operate(c.members[2], "POST", "/api/v1/providers/first/resume", `{}`)
	testkit.Eventually(t, time.Minute, func() bool { return len(senders(c.first.since(mark))) == 4 }, "every worker calls it again")
	stop()
	c.operate(c.members[0], "PATCH", "/api/v1/providers/first", `{"rate":0}`) // the rest needs no limit
	c.settled()
}

func (c *crew) arrives(m *mailServer, n int) {
	c.t.Helper()
	testkit.Eventually(c.t, time.Minute, func() bool { return m.number() >= n }, "the %dth message", n)
}

// keeps holds what arrived against a limit.
func (c *crew) keeps(machine *strain, posts []post, rate, burst, part float64) {
	c.t.Helper()
	seen := &counter{}
	seen.sum, seen.most = machine.felt()
	for _, p := range posts {
		seen.times = append(seen.times, p.at)
	}
	seen.limited(c.t, rate, burst)
	seen.used(c.t, rate, part, posts[len(posts)-1].at)
}
