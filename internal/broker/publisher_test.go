package broker_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// A full stream says so at once and keeps what it has.
func TestFullStreamRefusesThePublisher(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := provisioned(t, broker.TopologyOptions{CommandsMaxBytes: 64 << 10})
	p := publisher(t, conn, broker.PublisherOptions{})
	body := []byte(strings.Repeat("x", 10<<10))
	batch := make([]broker.Outgoing, 10)
	for i := range batch {
		batch[i] = broker.Outgoing{Subject: "email.send", Body: body, MsgID: number(i)}
	}
	began := time.Now()
	err := p.Send(t.Context(), batch...)
	if time.Since(began) > 5*time.Second {
		t.Errorf("the refusal took %v", time.Since(began))
	}
	if fault.Of(err) != fault.Unavailable || !errors.Is(err, broker.ErrStreamRefused) || !contains(err.Error(), broker.StreamCommands, "email.send") {
		t.Fatalf("error %v; want unavailable, naming the stream", err)
	}
	sent, ok := errors.AsType[*broker.SendError](err)
	if !ok || len(sent.Errs) != len(batch) || sent.Errs[0] != nil || sent.Errs[9] == nil {
		t.Errorf("error %v; want one for each message, the first stored, the last not", err)
	}
	stored := 0
	for _, err := range sent.Errs {
		if err == nil {
			stored++
		}
	}
	if got := streamMessages(t, conn, broker.StreamCommands); got != stored {
		t.Errorf("%d messages stored, %d reported", got, stored)
	}
}

// More than fits into the window passes through it, from many callers at once.
func TestSendIsBoundedAndPipelined(t *testing.T) {
	testkit.NoLeaks(t)
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	p := publisher(t, conn, broker.PublisherOptions{MaxPending: 8})
	var callers sync.WaitGroup
	for caller := range 10 {
		callers.Go(func() {
			batch := make([]broker.Outgoing, 100)
			for i := range batch {
				batch[i] = broker.Outgoing{Subject: "work.normal", MsgID: number(caller) + "." + number(i)}
			}
			if err := p.Send(t.Context(), batch...); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if got := q.left(t); got != 1000 {
		t.Errorf("%d messages stored, want 1000", got)
	}
}

// A repetition carries the same id: the stream keeps one.
func TestSendAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, broker.TopologyOptions{})
	p := publisher(t, conn, broker.PublisherOptions{})
	for range 3 {
		if err := p.Send(t.Context(), broker.Outgoing{Subject: "event.test.once", MsgID: "one"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := streamMessages(t, conn, broker.StreamEvents); got != 1 {
		t.Errorf("%d messages stored, want 1", got)
	}
}

func TestSendErrors(t *testing.T) {
	t.Parallel()
	_, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	p := publisher(t, conn, broker.PublisherOptions{RetryFor: 300 * time.Millisecond})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx    context.Context
		msg    broker.Outgoing
		reason fault.Reason
		names  string
	}{
		"no stream":      {t.Context(), broker.Outgoing{Subject: "nobody.listens"}, fault.Unavailable, "nobody.listens"},
		"too large":      {t.Context(), broker.Outgoing{Subject: "work.normal", Body: make([]byte, 9<<20)}, fault.Invalid, "9437184 bytes"},
		"no subject":     {t.Context(), broker.Outgoing{Subject: "work normal"}, fault.Invalid, "work normal"},
		"context ended":  {ended, broker.Outgoing{Subject: "work.normal"}, fault.Cancelled, "work.normal"},
		"refused header": {t.Context(), broker.Outgoing{Subject: "work.normal", Headers: map[string][]string{"Nats-Expected-Stream": {"OTHER"}}}, fault.Internal, "work.normal"},
	} {
		err := p.Send(test.ctx, test.msg)
		if fault.Of(err) != test.reason || err == nil || !strings.Contains(err.Error(), test.names) {
			t.Errorf("%s: error %v with reason %q; want %q, naming %q", name, err, fault.Of(err), test.reason, test.names)
		}
	}
	if err := p.Send(t.Context()); err != nil {
		t.Errorf("nothing to send: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Send(t.Context(), broker.Outgoing{Subject: "work.normal"}); !errors.Is(err, broker.ErrPublisherClosed) {
		t.Errorf("after Close: %v", err)
	}
	_ = q
}

// While the connection is away messages wait, and their context is obeyed.
func TestSendWaitsForTheConnection(t *testing.T) {
	testkit.NoLeaks(t)
	server, conn := start(t)
	q := newQueue(t, conn, jetstream.ConsumerConfig{})
	p := publisher(t, conn, broker.PublisherOptions{})
	server.Stop()
	testkit.Eventually(t, patience, func() bool { return !conn.Connected() }, "the connection is lost")

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Send(ctx, broker.Outgoing{Subject: "work.normal"}); fault.Of(err) != fault.Timeout {
		t.Errorf("error %v; want the end of the context", err)
	}
	sent := make(chan error, 1)
	go func() { sent <- p.Send(t.Context(), broker.Outgoing{Subject: "work.normal"}) }()
	server.Start()
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if got := q.left(t); got != 1 {
		t.Errorf("%d messages stored, want 1: what was given up must not be written late", got)
	}
}

// What watermill-nats publishes, watermill's own metadata included, is consumed;
// and what ours publishes, watermill-nats can read.
func TestInteroperatesWithWatermillNATS(t *testing.T) {
	t.Parallel()
	server, conn := provisioned(t, broker.TopologyOptions{})
	marshaler := &wmnats.NATSMarshaler{}
	theirs, err := wmnats.NewPublisher(wmnats.PublisherConfig{
		URL: server.URL(), Marshaler: marshaler, JetStream: wmnats.JetStreamConfig{TrackMsgId: true},
	}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	ours := publisher(t, conn, broker.PublisherOptions{})
	messages := subscribe(t, subscriber(t, conn), string(command.EmailSend))
	for name, p := range map[string]message.Publisher{"theirs": theirs, "ours": ours} {
		out := message.NewMessage(watermill.NewUUID(), []byte(`{"to":["a@example.kr"]}`))
		out.Metadata.Set("correlation_id", "c-1")
		if err := p.Publish(string(command.EmailSend), out); err != nil {
			t.Fatal(err)
		}
		in := receive(t, messages)
		in.Ack()
		if in.UUID != out.UUID || string(in.Payload) != string(out.Payload) || in.Metadata.Get("correlation_id") != "c-1" || len(in.Metadata) != 1 {
			t.Errorf("%s: got %s %q %v", name, in.UUID, in.Payload, in.Metadata)
		}
		d := delivered(t, in)
		if src := d.Source(); src.MsgID != out.UUID {
			t.Errorf("%s: identity %q, want the Nats-Msg-Id", name, src.MsgID)
		}
		back, err := marshaler.Unmarshal(&nats.Msg{Data: d.Body(), Header: nats.Header(d.Headers())})
		if err != nil || !back.Equals(out) {
			t.Errorf("%s: watermill-nats reads %v, %v", name, back, err)
		}
	}
}

func streamMessages(t *testing.T, conn *broker.Conn, name string) int {
	t.Helper()
	stream, err := conn.JetStream().Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return int(stream.CachedInfo().State.Msgs)
}
