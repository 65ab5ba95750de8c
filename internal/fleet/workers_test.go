package fleet

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// Four processes, one outage: the provider is left alone, nothing goes round in
// circles meanwhile, one call finds out whether it is back.
func TestWorkersAndAnOutage(t *testing.T) {
	w := newWorks(t, testkit.NATS(t).URL(), "GANGWAY_PROVIDERS_SINK_BREAKER_COOLDOWN=3s")
	workers := w.workers(4)
	w.sink.is(true, nil)
	const mails = 120
	w.mails(mails, "")
	all(t, workers, 1, `"commands of a kind wait in the stream"`)

	// Closed for all: no further call, and the rest waits in the stream, not in
	// hands. Other kinds go on.
	stands := w.sink.count()
	if stands > 5*4+4*16 {
		t.Errorf("%d calls were made before the fleet stopped", stands)
	}
	began := time.Now()
	for range 20 {
		w.publish("sms.send", `{"to":"010-1234-5678","text":"x"}`)
	}
	w.reach("sms.send", "delivered", 20)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("twenty messages of another kind took %v", took)
	}
	redelivered := w.redelivered()
	stall := make(chan struct{})
	w.sink.is(false, stall) // back, and slow to answer
	testkit.Eventually(t, patience, func() bool { return w.sink.count() > stands }, "a probe")
	if early := time.Since(began); early < 2*time.Second {
		t.Errorf("a probe after %v", early)
	}
	testkit.Eventually(t, patience, func() bool { return time.Since(began) > 5*time.Second }, "time passes")
	if probes := w.sink.count() - stands; probes != 1 {
		t.Errorf("%d probes were made at once", probes)
	}
	if n := w.redelivered() - redelivered; n > 4*16 {
		t.Errorf("%d messages were handed out again while nobody could be called", n)
	}
	w.sink.is(false, nil)
	close(stall)
	w.reach("email.send", "sent", mails)
	if waiting := w.count(`SELECT count(*) FROM gangway.delivery_status WHERE kind = 'email.send' AND status <> 'sent'`); waiting > 0 {
		t.Errorf("not all were sent: %s", w)
	}
}

// redelivered counts the messages that wait for another delivery.
func (w *works) redelivered() (n int) {
	w.t.Helper()
	consumer, err := w.js.Consumer(w.t.Context(), "GANGWAY_COMMANDS", "email-send-normal")
	if err != nil {
		w.t.Fatal(err)
	}
	return consumer.CachedInfo().NumRedelivered
}

// Four processes and one limit; one of them is killed under way.
func TestWorkersAndALimit(t *testing.T) {
	const rate, burst = 50, 25
	w := newWorks(t, testkit.NATS(t).URL(), fmt.Sprintf("GANGWAY_PROVIDERS_SINK_RATE=%d", rate), fmt.Sprintf("GANGWAY_PROVIDERS_SINK_BURST=%d", burst))
	workers := w.workers(4)
	const mails = 400
	w.mails(mails, ".bulk")
	testkit.Eventually(t, patience, func() bool { return w.sink.count() > 100 }, "a quarter is sent")

	began := time.Now()
	id := w.publish("email.send.high", `{"to":["mayor@example.kr"],"subject":"긴급","text":"대피하십시오."}`)
	testkit.Eventually(t, patience, func() bool {
		return w.count(`SELECT count(*) FROM gangway.delivery_status WHERE id = $1 AND status = 'sent'`, id) == 1
	}, "the urgent one is sent")
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("an urgent mail took %v beside a flood", took)
	}
	workers[0].Kill()
	testkit.Eventually(t, patience, func() bool { return w.sink.count() > 300 }, "three quarters are sent")
	w.sink.within(t, rate, burst)
	w.sink.used(t, rate, 0.9, time.Now())
	w.reach("email.send", "sent", mails-16) // what the killed one had in hand may take its lease
	if !strings.Contains(workers[1].Output(), `"rate limit reached: calls wait"`) {
		t.Error("the log says nothing of the limit")
	}
	if metrics := w.metrics(workers[1]); !strings.Contains(metrics, `gangway_throttle_wait_seconds_count{provider="sink"}`) ||
		strings.Contains(metrics, `gangway_throttle_limited_total{provider="sink"} 0`) {
		t.Error("the metrics say nothing of the limit")
	}
}

func (w *works) metrics(worker *testkit.Process) string {
	w.t.Helper()
	_, body := get(w.t, admin(w.t, worker)+"/metrics")
	return body
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// What an operator does is effective everywhere within a second, is written down,
// and survives every restart.
func TestOperators(t *testing.T) {
	w := newWorks(t, testkit.NATS(t).URL())
	workers := w.workers(3)
	w.mails(5, "")
	w.reach("email.send", "sent", 5)

	w.publisher("providers", "pause", "sink", "--by", "kim", "--note", "maintenance")
	began := time.Now()
	all(t, workers, 1, `"commands of a kind wait in the stream"`)
	if took := time.Since(began); took > time.Second {
		t.Errorf("a pause took %v", took)
	}
	w.mails(10, "")
	if _, body := get(t, admin(t, workers[1])+"/health/sink"); !strings.Contains(body, "paused by kim") {
		t.Errorf("the health endpoint does not show it: %s", body)
	}
	for _, worker := range workers {
		worker.Kill()
	}
	workers = w.workers(3)
	if list := w.publisher("providers"); !strings.Contains(list, "paused") || !strings.Contains(list, "maintenance") {
		t.Errorf("publisher providers shows\n%s", list)
	}
	if w.sink.count() != 5 {
		t.Errorf("%d mails were sent by a paused provider", w.sink.count()-5)
	}
	w.publisher("providers", "set", "sink", "rate=20", "burst=2", "--by", "kim")
	w.publisher("providers", "resume", "sink", "--by", "kim")
	w.reach("email.send", "sent", 15)
	calls := w.sink.calls()[5:]
	if took := calls[len(calls)-1].Sub(calls[0]); took < 350*time.Millisecond {
		t.Errorf("ten mails at 20/s took %v", took)
	}

	w.publisher("providers", "pause", "email.send", "--by", "kim")
	all(t, workers, 2, `"commands of a kind wait in the stream"`)
	w.mails(3, "")
	w.publish("sms.send", `{"to":"010-1234-5678","text":"x"}`)
	w.reach("sms.send", "delivered", 1)
	if n := w.sink.count(); n != 15 {
		t.Errorf("%d mails were sent while their kind was paused", n-15)
	}
	w.publisher("providers", "resume", "email.send", "--by", "kim")
	w.reach("email.send", "sent", 18)
	if n := w.count(`SELECT count(*) FROM gangway.audit_log WHERE actor = 'kim' AND target IN ('sink', 'email.send')`); n != 5 {
		t.Errorf("%d of 5 actions are in the audit log", n)
	}
}

// One worker checks for all; a provider that goes away and comes back is told of
// once each time.
func TestWorkersAndHealth(t *testing.T) {
	w := newWorks(t, testkit.NATS(t).URL(), "GANGWAY_HEALTH_INTERVAL=1s")
	workers := w.workers(3)
	is := func(status string) {
		t.Helper()
		testkit.Eventually(t, patience, func() bool {
			return w.count(`SELECT count(*) FROM gangway.provider_health WHERE provider = 'sink' AND status = $1`, status) == 1
		}, "the view says %s", status)
		for _, worker := range workers {
			testkit.Eventually(t, patience, func() bool {
				_, body := get(t, admin(t, worker)+"/health")
				var summary struct {
					Providers map[string]struct{ Status string }
				}
				return json.Unmarshal([]byte(body), &summary) == nil && summary.Providers["sink"].Status == status
			}, "every worker says %s", status)
		}
	}
	is("healthy")
	before, began := w.sink.sessions.Load(), time.Now()
	testkit.Eventually(t, patience, func() bool { return time.Since(began) > 3*time.Second }, "three intervals")
	if checks := w.sink.sessions.Load() - before; checks < 2 || checks > 5 {
		t.Errorf("%d checks in three intervals by three workers", checks)
	}
	w.publisher("providers", "pause", "sink") // no commands: only checks
	w.sink.away.Store(true)
	is("unhealthy")
	if code, body := get(t, admin(t, workers[0])+"/health"); code != http.StatusServiceUnavailable {
		t.Errorf("/health is %d without a provider for e-mail: %s", code, body)
	}
	if code, _ := get(t, admin(t, workers[2])+"/health/sink"); code != http.StatusServiceUnavailable {
		t.Errorf("/health/sink is %d", code)
	}
	if metrics := w.metrics(workers[2]); !strings.Contains(metrics, `gangway_provider_health{provider="sink",status="unhealthy"} 1`) {
		t.Error("the metrics do not show it")
	}
	w.sink.away.Store(false)
	is("healthy")

	stream, err := w.js.Stream(t.Context(), "GANGWAY_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("event.provider.health"))
	if err != nil {
		t.Fatal(err)
	}
	// degraded, unhealthy, and back through no more than one step between.
	if n := info.State.Subjects["event.provider.health"]; n < 3 || n > 4 {
		t.Errorf("%d events of one illness", n)
	}
}
