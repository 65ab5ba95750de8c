package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/deadletter"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
)

type cloudEvent struct {
	ID, Type, Subject string
}

func parseEvent(t *testing.T, data []byte) (e cloudEvent) {
	t.Helper()
	var raw struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Subject string `json:"subject"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	return cloudEvent{ID: raw.ID, Type: strings.TrimPrefix(raw.Type, "kr.gangwon.gangway.delivery."), Subject: raw.Subject}
}

// TestSameIDIsExecutedOnce: the row decides, not the broker's duplicate window,
// which is long over when the command is published again.
func TestSameIDIsExecutedOnce(t *testing.T) {
	p := newPlant(t, plantOptions{})
	p.start()
	id := p.mail("once", "")
	p.await(id, delivery.Sent)
	for range 3 {
		p.mail("once", "")
	}
	_, err := p.pool.Exec(t.Context(), `SELECT gangway.enqueue('email.send', '{"to":["kim@example.kr"],"subject":"x","text":"y"}', id => 'once')`)
	p.check(err)
	p.drained()
	testkit.Eventually(t, 10*time.Second, func() bool { return p.outbox() == 0 })
	p.drained()
	if n := p.first.count() + p.second.count(); n != 1 {
		t.Errorf("%d calls for one id", n)
	}
	if row := p.await(id, delivery.Sent); row.Attempts != 1 || row.Replays != 0 {
		t.Errorf("%+v", row.View)
	}
	if events := p.events(id); !slices.Equal(events, []string{"sent"}) {
		t.Errorf("events %v", events)
	}
}

func (p *plant) outbox() (n int) {
	p.t.Helper()
	p.check(p.pool.QueryRow(p.t.Context(), `SELECT count(*) FROM gangway.outbox`).Scan(&n))
	return n
}

func TestAnotherBodyUnderTheSameIDIsRefused(t *testing.T) {
	p := newPlant(t, plantOptions{})
	p.start()
	id := p.mail("twice", "")
	first := p.await(id, delivery.Sent)
	p.mail("twice", `,"cc":["lee@example.kr"]`)
	p.drained()
	letters, err := p.reader.Letters(t.Context(), deadletter.Filter{}, 0, 10)
	p.check(err)
	if len(letters) != 1 || letters[0].Reason != fault.Invalid || strings.Count(letters[0].Error, first.Digest.String()) != 1 {
		t.Fatalf("letters %+v", letters)
	}
	if both := regexp.MustCompile(`\b[0-9a-f]{16}\b`).FindAllString(letters[0].Error, -1); len(both) != 2 || both[0] == both[1] {
		t.Errorf("it names the digests %q, want that of each body", both)
	}
	if row := p.await(id, delivery.Sent); row.Version != first.Version || p.first.count() != 1 {
		t.Errorf("the row moved: %+v", row)
	}
	report, err := p.operator.SettleLetters(t.Context(), deadletter.Replay, []int64{letters[0].Number}, "test", "")
	if err != nil || report.Failed+report.Skipped != 1 {
		t.Errorf("a conflicting letter was replayed: %+v, %v", report, err)
	}
}

func TestRoundsAreUsedUp(t *testing.T) {
	p := newPlant(t, plantOptions{})
	p.first.say(fails(fault.Unavailable))
	p.second.say(fails(fault.Timeout))
	p.start()
	id := p.mail("never", "")
	row := p.await(id, delivery.DeadLettered)
	attempts := p.attempts(id)
	if row.Attempts != len(attempts) || row.Reason == fault.None {
		t.Errorf("%+v with %d attempts", row.View, len(attempts))
	}
	if last := attempts[len(attempts)-1]; last.Round != 4 {
		t.Errorf("the last round is %d, want 4: %+v", last.Round, attempts)
	}
	p.drained()
	letter, payload, headers, err := p.reader.Letter(t.Context(), deadletter.Ref{Delivery: id})
	if err != nil || !strings.Contains(string(payload), "kim@example.kr") || len(headers["Nats-Msg-Id"]) != 1 || letter.Attempts != row.Attempts {
		t.Errorf("letter %+v, payload %q, headers %v, %v", letter, payload, headers, err)
	}
	stream, err := p.conn.JetStream().Stream(t.Context(), broker.StreamDeadLetters)
	p.check(err)
	message, err := stream.GetLastMsgForSubject(t.Context(), "deadletter.email.send."+id.String())
	if err != nil || string(message.Data) != string(payload) {
		t.Errorf("the stream has %v, %v", message, err)
	}
}

func TestWaitingForAProviderSpendsNoRound(t *testing.T) {
	p := newPlant(t, plantOptions{})
	busy := waits(fault.RateLimited, 20*time.Millisecond)
	p.first.say(busy, busy, busy, busy, busy, busy, fine)
	p.start()
	id := p.mail("busy", "")
	row := p.await(id, delivery.Sent)
	if row.Attempts != 7 || p.second.count() != 0 {
		t.Errorf("%d attempts, %d calls to the second provider", row.Attempts, p.second.count())
	}
}

func TestUnknownOutcome(t *testing.T) {
	unanswered := fails(fault.UnknownOutcome)
	for _, c := range []struct {
		name   string
		policy providers.OnUnknown
		known  bool
		answer []func(p *plant)
		ends   delivery.Status
		calls  int // to the first provider
		second int
	}{
		{name: "hold", policy: providers.Hold, ends: delivery.Unknown, calls: 1},
		{name: "confirm finds it", policy: providers.Confirm, known: true, ends: delivery.Sent, calls: 1},
		{name: "confirm does not find it", policy: providers.Confirm, ends: delivery.Sent, calls: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, plantOptions{onUnknown: c.policy})
			p.first.say(unanswered, fine)
			id := command.ParseID(c.name)
			p.first.known[id] = c.known
			p.start()
			p.mail(c.name, "")
			row := p.await(id, c.ends)
			if p.first.count() != c.calls || p.second.count() != c.second {
				t.Errorf("%d and %d calls, want %d and %d", p.first.count(), p.second.count(), c.calls, c.second)
			}
			if first := p.attempts(id)[0]; first.Outcome != "unknown" || first.Reason != fault.UnknownOutcome {
				t.Errorf("the unanswered call is recorded as %+v", first)
			}
			if c.known && row.ProviderMessageID != "confirmed" {
				t.Errorf("%+v", row.View)
			}
			p.drained()
		})
	}
}

// TestUnknownIsSentAgainOnceOnly: policy retry repeats through the same provider
// under the same Message-ID, once.
func TestUnknownIsSentAgainOnceOnly(t *testing.T) {
	p := newPlant(t, plantOptions{onUnknown: providers.Again})
	p.first.say(fails(fault.UnknownOutcome))
	p.start()
	id := p.mail("again", "")
	row := p.await(id, delivery.Unknown)
	if row.Attempts != 2 || p.first.count() != 2 || p.second.count() != 0 {
		t.Errorf("%d attempts, %d and %d calls", row.Attempts, p.first.count(), p.second.count())
	}
	if one, two := p.first.calls[0].Request.MessageID, p.first.calls[1].Request.MessageID; one != two {
		t.Errorf("Message-ID %s, then %s", one, two)
	}
}

func TestAPersonSettlesTheUnknown(t *testing.T) {
	p := newPlant(t, plantOptions{onUnknown: providers.Hold})
	p.first.say(fails(fault.UnknownOutcome), fails(fault.UnknownOutcome), fine)
	p.start()
	sent, again := p.mail("was-sent", ""), p.mail("was-not", "")
	p.await(sent, delivery.Unknown)
	p.await(again, delivery.Unknown)
	if _, err := p.operator.SettleUnknown(t.Context(), sent, true, "kim", "the recipient has it"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.operator.SettleUnknown(t.Context(), again, false, "kim", ""); err != nil {
		t.Fatal(err)
	}
	p.await(sent, delivery.Sent)
	if row := p.await(again, delivery.Sent); row.Replays != 1 || row.Attempts != 2 {
		t.Errorf("%+v", row.View)
	}
	if p.first.count() != 3 {
		t.Errorf("%d calls, want 3: what was sent is not sent again", p.first.count())
	}
	if _, err := p.operator.SettleUnknown(t.Context(), sent, false, "kim", ""); fault.Of(err) != fault.Invalid {
		t.Errorf("settling twice: %v", err)
	}
	var actions int
	p.check(p.pool.QueryRow(t.Context(), `SELECT count(*) FROM gangway.audit_log WHERE action = 'unknown.settle' AND actor = 'kim'`).Scan(&actions))
	if actions != 2 {
		t.Errorf("%d audit rows, want 2", actions)
	}
	testkit.Eventually(t, 10*time.Second, func() bool { return slices.Contains(p.events(sent), "sent") })
}

func TestScheduleFiresMovesAndCancels(t *testing.T) {
	p := newPlant(t, plantOptions{})
	p.start()
	at := func(d time.Duration) string {
		return fmt.Sprintf(`,"send_at":%q`, time.Now().Add(d).Format(time.RFC3339Nano))
	}
	soon, moved, cancelled := p.mail("soon", at(1500*time.Millisecond)), p.mail("moved", at(time.Hour)), p.mail("cancelled", at(364*24*time.Hour))
	due := p.await(soon, delivery.Scheduled).SendAt
	for _, id := range []uuid.UUID{moved, cancelled} {
		p.await(id, delivery.Scheduled)
	}
	testkit.Eventually(t, 10*time.Second, func() bool { return p.messages(broker.StreamScheduled) >= 2 && p.messages(broker.StreamCommands) == 0 })
	p.mail("moved", at(time.Second))
	p.publish("delivery.cancel", "cancel-it", `{"id":"cancel-it","delivery_id":"cancelled"}`)
	p.await(cancelled, delivery.Cancelled)
	row := p.await(soon, delivery.Sent)
	if late := row.UpdatedAt.Sub(due); late < -200*time.Millisecond || late > 10*time.Second { // BenchmarkSchedule shows how late
		t.Errorf("sent %s after its time", late)
	}
	p.await(moved, delivery.Sent)
	if p.first.count() != 2 {
		t.Errorf("%d calls, want 2", p.first.count())
	}
	p.drained()
	if events := p.events(cancelled); !slices.Equal(events, []string{"scheduled", "cancelled"}) {
		t.Errorf("events %v", events)
	}
}

func TestExpiredIsNotCalled(t *testing.T) {
	p := newPlant(t, plantOptions{})
	p.start()
	id := p.mail("late", `,"expires_at":"2026-01-01T00:00:00Z"`)
	row := p.await(id, delivery.Expired)
	p.drained()
	if p.first.count() != 0 || row.Attempts != 0 || row.Reason != fault.Expired {
		t.Errorf("%d calls, %+v", p.first.count(), row.View)
	}
	if _, _, _, err := p.reader.Letter(t.Context(), deadletter.Ref{Delivery: id}); err != nil {
		t.Error(err)
	}
}

func TestCancelSaysWhatItAchieved(t *testing.T) {
	p := newPlant(t, plantOptions{})
	release := make(chan struct{})
	p.first.say(fine, blocks(release))
	p.start()
	sent := p.mail("sent", "")
	p.await(sent, delivery.Sent)
	flying := p.mail("flying", "")
	testkit.Eventually(t, 10*time.Second, func() bool { return p.first.count() == 2 })
	outcome := func(target string) string {
		id := p.publish("delivery.cancel", "cancel "+target, fmt.Sprintf(`{"id":"cancel %s","delivery_id":%q}`, target, target))
		var result struct {
			Outcome string `json:"outcome"`
		}
		p.check(json.Unmarshal(p.await(id, delivery.Completed).Result, &result, json.RejectUnknownMembers(false)))
		return result.Outcome
	}
	if got := outcome("sent"); got != "too_late" {
		t.Errorf("sent: %s", got)
	}
	if got := outcome("flying"); got != "requested" {
		t.Errorf("in flight: %s", got)
	}
	if got := outcome("unborn"); got != "recorded" {
		t.Errorf("unknown id: %s", got)
	}
	close(release)
	p.await(flying, delivery.Sent)
	unborn := p.mail("unborn", "")
	p.drained()
	row := p.await(unborn, delivery.Cancelled)
	if row.Kind != command.EmailSend || row.Recipient != "kim@example.kr" || p.first.count() != 2 {
		t.Errorf("%+v after %d calls", row.View, p.first.count())
	}
}

func TestReplay(t *testing.T) {
	p := newPlant(t, plantOptions{})
	p.first.say(fails(fault.Refused), fails(fault.Unavailable), fails(fault.Unavailable), fails(fault.Unavailable), fails(fault.Unavailable), fine)
	p.second.say(fails(fault.Unavailable))
	p.start()
	refused := p.mail("refused", "")
	p.await(refused, delivery.Failed)
	id := p.mail("replayed", "")
	before := p.await(id, delivery.DeadLettered)
	p.drained()
	order := deadletter.Order{Action: deadletter.Replay, By: "kim", Filter: deadletter.Filter{Contains: "KIM@example"}}
	order.DryRun = true
	report, err := deadletter.Settle(t.Context(), p.operator, order, func(deadletter.Report) {})
	if err != nil || report.Matched != 1 || report.Done != 0 {
		t.Fatalf("dry run: %+v, %v", report, err)
	}
	order.DryRun = false
	report, err = deadletter.Settle(t.Context(), p.operator, order, func(deadletter.Report) {})
	if err != nil || report.Done != 1 {
		t.Fatalf("replay: %+v, %v", report, err)
	}
	row := p.await(id, delivery.Sent)
	if row.Replays != 1 || row.Attempts <= before.Attempts || row.Version <= before.Version {
		t.Errorf("%+v", row)
	}
	calls := p.first.count()
	for _, call := range p.first.calls[1:] { // the first was for the refused one
		if call.Request.MessageID != p.first.calls[1].Request.MessageID {
			t.Errorf("a replay has the Message-ID %s, the first send had %s", call.Request.MessageID, p.first.calls[1].Request.MessageID)
		}
	}
	report, err = deadletter.Settle(t.Context(), p.operator, order, func(deadletter.Report) {})
	if err != nil || report.Matched != 0 {
		t.Errorf("replaying twice: %+v, %v", report, err)
	}
	p.drained()
	if p.first.count() != calls {
		t.Error("replaying twice sent twice")
	}
}

// TestStubKeepsACommandFromRunningAgain: long after retention has removed what
// was personal, the same id is still the same command.
func TestStubKeepsACommandFromRunningAgain(t *testing.T) {
	p := newPlant(t, plantOptions{})
	p.start()
	id := p.mail("old", "")
	p.await(id, delivery.Sent)
	n, err := postgres.Retention{Pool: p.pool, Batch: 100}.Deliveries(t.Context(), time.Now().Add(time.Minute))
	if err != nil || n != 1 {
		t.Fatalf("%d purged, %v", n, err)
	}
	if row := p.await(id, delivery.Sent); row.Recipient != "" || row.Digest == (command.Digest{}) {
		t.Errorf("the stub is %+v", row)
	}
	p.mail("old", "")
	p.drained()
	if p.first.count() != 1 {
		t.Errorf("%d calls", p.first.count())
	}
}
