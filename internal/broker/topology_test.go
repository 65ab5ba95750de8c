package broker_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestProvisionCreatesTheContract(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, broker.TopologyOptions{DeadLettersMaxAge: 180 * 24 * time.Hour})
	js := conn.JetStream()
	for name, want := range map[string]struct {
		retention jetstream.RetentionPolicy
		discard   jetstream.DiscardPolicy
		maxAge    time.Duration
		consumers int
	}{
		broker.StreamCommands:    {jetstream.WorkQueuePolicy, jetstream.DiscardNew, 0, 16},
		broker.StreamScheduled:   {jetstream.WorkQueuePolicy, jetstream.DiscardOld, 0, 16},
		broker.StreamDeadLetters: {jetstream.LimitsPolicy, jetstream.DiscardOld, 180 * 24 * time.Hour, 0},
		broker.StreamEvents:      {jetstream.LimitsPolicy, jetstream.DiscardOld, 7 * 24 * time.Hour, 0},
		broker.StreamAdvisories:  {jetstream.LimitsPolicy, jetstream.DiscardOld, 30 * 24 * time.Hour, 0},
	} {
		stream, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		info := stream.CachedInfo()
		c := info.Config
		if c.Retention != want.retention || c.Discard != want.discard || c.MaxAge != want.maxAge || info.State.Consumers != want.consumers {
			t.Errorf("%s: %v, %v, %v, %d consumers; want %+v", name, c.Retention, c.Discard, c.MaxAge, info.State.Consumers, want)
		}
		if c.Storage != jetstream.FileStorage || c.MaxBytes != -1 || c.MaxMsgSize != -1 {
			t.Errorf("%s: storage %v, at most %d bytes, %d in a message; want files without bounds", name, c.Storage, c.MaxBytes, c.MaxMsgSize)
		}
		if name == broker.StreamScheduled && (!c.AllowMsgSchedules || !c.AllowMsgTTL) {
			t.Errorf("%s: schedules %v, TTL %v; want both", name, c.AllowMsgSchedules, c.AllowMsgTTL)
		}
		if name == broker.StreamCommands && c.Duplicates != 100*time.Millisecond {
			t.Errorf("%s: duplicate window %v, want the smallest", name, c.Duplicates)
		}
	}
	for _, bucket := range []string{broker.BucketState, broker.BucketCache} {
		kv, err := js.KeyValue(t.Context(), bucket)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kv.Create(t.Context(), "lease", nil, jetstream.KeyTTL(time.Second)); err != nil {
			t.Errorf("%s: a key with a time to live: %v", bucket, err)
		}
	}
	if _, err := js.ObjectStore(t.Context(), broker.BucketAttachments); err != nil {
		t.Error(err)
	}
}

// Every kind and lane has a consumer for its subject, as a message and as a
// fired schedule, and nothing can be published that nobody consumes.
func TestProvisionServesEverySubject(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, broker.TopologyOptions{})
	for _, kind := range command.Kinds() {
		sources, err := broker.KindSources(t.Context(), string(kind))
		if err != nil {
			t.Fatal(err)
		}
		var filters []string
		for _, source := range sources {
			consumer, err := conn.JetStream().Consumer(t.Context(), source.Stream, source.Consumer)
			if err != nil {
				t.Fatal(err)
			}
			c := consumer.CachedInfo().Config
			if c.AckPolicy != jetstream.AckExplicitPolicy || c.AckWait != 30*time.Second || len(c.BackOff) != 0 || c.MaxDeliver != 20 || c.MaxAckPending != 65536 {
				t.Errorf("%s: %+v", source.Consumer, c)
			}
			filters = append(filters, c.FilterSubject)
		}
		want := []string{string(kind), "scheduled.due." + string(kind) + ".normal"}
		if kind.Producer() {
			want = append(want, string(kind)+".high", string(kind)+".bulk",
				"scheduled.due."+string(kind)+".high", "scheduled.due."+string(kind)+".bulk")
		}
		if kind == command.EmailSend {
			want = append(want, "email.send.alerts", "scheduled.due.email.send.alerts")
		}
		slices.Sort(filters)
		slices.Sort(want)
		if !slices.Equal(filters, want) {
			t.Errorf("%s is fed by %v, want %v", kind, filters, want)
		}
	}
	if _, err := broker.KindSources(t.Context(), "email.spend"); err == nil {
		t.Error("an unknown kind has sources")
	}
}

func TestProvisionIsIdempotentAndUpdates(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, broker.TopologyOptions{})
	p := publisher(t, conn, broker.PublisherOptions{})
	if err := p.Send(t.Context(), broker.Outgoing{Subject: "email.send", Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if err := broker.Provision(t.Context(), conn, broker.TopologyOptions{CommandsMaxBytes: 1 << 30, AckWait: time.Minute, EventsMaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	config := streamConfig(t, conn, broker.StreamCommands)
	if config.MaxBytes != 1<<30 {
		t.Errorf("at most %d bytes, want the new bound", config.MaxBytes)
	}
	if age := streamConfig(t, conn, broker.StreamEvents).MaxAge; age != time.Hour {
		t.Errorf("events are kept for %v, want the new hour", age)
	}
	consumer, err := conn.JetStream().Consumer(t.Context(), broker.StreamCommands, broker.ConsumerName(command.EmailSend, command.Normal))
	if err != nil {
		t.Fatal(err)
	}
	if info := consumer.CachedInfo(); info.Config.AckWait != time.Minute || info.NumPending != 1 {
		t.Errorf("waits %v with %d pending; want the new minute and the old message", info.Config.AckWait, info.NumPending)
	}
}

// During a rolling upgrade workers of two versions start in any order.
func TestProvisionNeverDowngrades(t *testing.T) {
	t.Parallel()
	_, conn := start(t)
	newer := broker.TopologyOptions{Version: broker.TopologyVersion + 1, EventsMaxAge: 2 * time.Hour, AckWait: time.Minute}
	if err := broker.Provision(t.Context(), conn, newer); err != nil {
		t.Fatal(err)
	}
	name := broker.ConsumerName(command.SMSSend, command.High)
	if err := conn.JetStream().DeleteConsumer(t.Context(), broker.StreamCommands, name); err != nil {
		t.Fatal(err)
	}
	if err := broker.Provision(t.Context(), conn, broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	if age := streamConfig(t, conn, broker.StreamEvents).MaxAge; age != 2*time.Hour {
		t.Errorf("an older worker set the age to %v", age)
	}
	consumer, err := conn.JetStream().Consumer(t.Context(), broker.StreamCommands, broker.ConsumerName(command.EmailSend, command.Normal))
	if err != nil {
		t.Fatal(err)
	}
	if wait := consumer.CachedInfo().Config.AckWait; wait != time.Minute {
		t.Errorf("an older worker set AckWait to %v", wait)
	}
	if _, err := conn.JetStream().Consumer(t.Context(), broker.StreamCommands, name); err != nil {
		t.Errorf("what was missing is still missing: %v", err)
	}
	newer.Version++
	newer.EventsMaxAge = 3 * time.Hour
	if err := broker.Provision(t.Context(), conn, newer); err != nil {
		t.Fatal(err)
	}
	if age := streamConfig(t, conn, broker.StreamEvents).MaxAge; age != 3*time.Hour {
		t.Errorf("a newer worker could not set the age: %v", age)
	}
}

// What the server says about messages it gave up on is kept, with the reason
// that a handler gave.
func TestAdvisoriesAreKept(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, broker.TopologyOptions{})
	if err := publisher(t, conn, broker.PublisherOptions{}).Send(t.Context(), broker.Outgoing{Subject: "email.send"}); err != nil {
		t.Fatal(err)
	}
	msg := receive(t, subscribe(t, subscriber(t, conn), string(command.EmailSend)))
	delivered(t, msg).Terminate("invalid:\r\nno body")
	msg.Ack()
	stream, err := conn.JetStream().Stream(t.Context(), broker.StreamAdvisories)
	if err != nil {
		t.Fatal(err)
	}
	const subject = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED." + broker.StreamCommands + ".email-send-normal"
	var text string
	testkit.Eventually(t, patience, func() bool {
		raw, err := stream.GetLastMsgForSubject(context.Background(), subject)
		if err != nil {
			return false
		}
		text = string(raw.Data)
		return true
	}, "an advisory on %s", subject)
	if !contains(text, `"reason":"invalid: no body"`, `"stream_seq":1`) {
		t.Errorf("advisory %s", text)
	}
}

func streamConfig(t *testing.T, conn *broker.Conn, name string) jetstream.StreamConfig {
	t.Helper()
	stream, err := conn.JetStream().Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().Config
}
