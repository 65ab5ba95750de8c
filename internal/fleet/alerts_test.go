package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/alert"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestAlertsOutliveTheirWorker kills the worker that raises alerts while one fires:
// another one goes on, raises the next, resolves both, and tells nothing twice.
func TestAlertsOutliveTheirWorker(t *testing.T) {
	c := newCrew(t, 3, crewOptions{limit: "rate: 0"})
	reader := postgres.NewReader(c.pool)
	firing := func(provider string) bool {
		list, err := reader.FiringAlerts(t.Context())
		c.check(err)
		return slices.ContainsFunc(list, func(a alert.Alert) bool { return a.Alert == alert.BreakerOpen && a.Subject == provider })
	}
	leader := func() int {
		return slices.IndexFunc(c.members, func(m *hand) bool {
			return slices.ContainsFunc(strings.Split(m.Output(), "\n"), func(line string) bool {
				return strings.Contains(line, `"leading: `) && strings.Contains(line, `"singleton":"alerts"`)
			})
		})
	}
	stop := c.flow(20 * time.Millisecond)
	c.first.fails("w1", "w2", "w3")
	testkit.Eventually(t, time.Minute, func() bool { return firing("first") }, "the first breaker's alert is raised")

	i := leader()
	if i < 0 {
		t.Fatal("nobody says that it leads")
	}
	c.members[i].Kill()
	c.members = slices.Delete(c.members, i, i+1)
	c.second.fails("w1", "w2", "w3")
	testkit.Eventually(t, time.Minute, func() bool { return firing("second") }, "another worker raises the second breaker's alert")
	if leader() < 0 {
		t.Error("none of the others says that it leads")
	}
	if !firing("first") {
		t.Error("the first alert is forgotten")
	}

	// The second one first: once the first is well, nobody calls the second, and
	// only a call that succeeds closes a breaker. The longer one has been open, the
	// longer it waits before its next probe.
	c.second.fails()
	testkit.Eventually(t, 2*time.Minute, func() bool { return !firing("second") }, "the second one's is resolved")
	c.first.fails()
	testkit.Eventually(t, 2*time.Minute, func() bool { return !firing("first") }, "the first one's is resolved")
	stop() // what became of the commands is not asked: both providers failed, and some used up their retries
	counts := map[string]int{}
	testkit.Eventually(t, time.Minute, func() bool { // events leave through the outbox
		counts = c.told(alert.BreakerOpen)
		return counts["resolved first"] > 0 && counts["resolved second"] > 0
	}, "both are told to be over: %v", &counts)
	for _, once := range []string{"raised first", "raised second", "resolved first", "resolved second"} {
		if counts[once] != 1 {
			t.Errorf("%s was told %d times", once, counts[once])
		}
	}
}

// told counts the events of an alert: "raised first".
func (c *crew) told(name alert.Name) map[string]int {
	c.t.Helper()
	consumer, err := c.js.OrderedConsumer(c.t.Context(), broker.StreamEvents, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"event.alert.>"}})
	c.check(err)
	counts := map[string]int{}
	batch, err := consumer.FetchNoWait(1000)
	c.check(err)
	for m := range batch.Messages() {
		for _, provider := range []string{"first", "second"} {
			if strings.Contains(string(m.Data()), `"subject":"`+string(name)+"/"+provider+`"`) {
				counts[strings.TrimPrefix(m.Subject(), "event.alert.")+" "+provider]++
			}
		}
	}
	c.check(batch.Error())
	return counts
}
