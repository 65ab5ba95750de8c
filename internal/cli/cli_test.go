package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kst is the zone of the times that tests look at.
var kst = time.FixedZone("KST", 9*3600)

// outcome is what one command line came to.
type outcome struct {
	code     int
	out, err string
}

func (o outcome) lines() []string {
	if o.out == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(o.out, "\n"), "\n")
}

// publisher runs one command line away from any development stack.
func publisher(t *testing.T, backends Backends, stdin string, args ...string) outcome {
	t.Helper()
	return publisherIn(t.Context(), t, backends, strings.NewReader(stdin), args...)
}

func publisherIn(ctx context.Context, t *testing.T, backends Backends, stdin io.Reader, args ...string) outcome {
	t.Helper()
	var out, errOut bytes.Buffer
	p := newProgram(stdin, &out, &errOut, backends)
	p.zone = kst
	code := p.run(ctx, append([]string{"--data-dir", t.TempDir()}, args...))
	return outcome{code, out.String(), errOut.String()}
}

// stream is a real JetStream with the subjects of the producer kinds, and the
// Bus over it.
type stream struct {
	js jetstream.JetStream
}

func newStream(t *testing.T, config jetstream.StreamConfig) *stream {
	t.Helper()
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), MaxPayload: 8 << 20, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server is not ready")
	}
	nc, err := nats.Connect(ns.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	config.Name = "GANGWAY_COMMANDS"
	for _, kind := range command.Kinds() {
		config.Subjects = append(config.Subjects, string(kind))
		if kind.Producer() {
			config.Subjects = append(config.Subjects, kind.Subject(command.High), kind.Subject(command.Bulk))
		}
	}
	if _, err := js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	return &stream{js}
}

func (s *stream) Publish(ctx context.Context, messages []Message) []error {
	errs := make([]error, len(messages))
	futures := make([]jetstream.PubAckFuture, len(messages))
	for i, m := range messages {
		msg := nats.NewMsg(m.Kind.Subject(m.Lane))
		msg.Data = m.Body
		msg.Header.Set(nats.MsgIdHdr, m.MsgID)
		msg.Header.Set("traceparent", m.TraceParent)
		futures[i], errs[i] = s.js.PublishMsgAsync(msg)
	}
	for i, future := range futures {
		if errs[i] != nil {
			continue
		}
		select {
		case <-future.Ok():
		case errs[i] = <-future.Err():
		case <-ctx.Done():
			errs[i] = ctx.Err()
		}
	}
	return errs
}

func (s *stream) open(context.Context, Settings) (Bus, error) { return s, nil }

var jsConfig = jetstream.StreamConfig{}

// stored returns everything that the stream holds, oldest first.
func (s *stream) stored(t *testing.T) []*jetstream.RawStreamMsg {
	t.Helper()
	st, err := s.js.Stream(t.Context(), "GANGWAY_COMMANDS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := st.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var list []*jetstream.RawStreamMsg
	for seq := info.State.FirstSeq; info.State.Msgs > 0 && seq <= info.State.LastSeq; seq++ {
		msg, err := st.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, msg)
	}
	return list
}

// ledger keeps deliveries in memory, in the way the view shows them.
type ledger struct {
	mu     sync.Mutex
	rows   map[uuid.UUID]delivery.View
	logs   map[uuid.UUID]Log
	order  []uuid.UUID // newest last
	asked  int
	filter Filter // of the last list
	fail   error
	onAsk  func(n int, l *ledger)
}

func newLedger(views ...delivery.View) *ledger {
	l := &ledger{rows: map[uuid.UUID]delivery.View{}, logs: map[uuid.UUID]Log{}}
	for _, view := range views {
		l.put(view)
	}
	return l
}

func (l *ledger) open(context.Context, Settings) (Deliveries, error) { return l, nil }

func (l *ledger) put(view delivery.View) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set(view)
}

func (l *ledger) set(view delivery.View) {
	if _, known := l.rows[view.ID]; !known {
		l.order = append(l.order, view.ID)
	}
	l.rows[view.ID] = view
}

func (l *ledger) Statuses(_ context.Context, ids []uuid.UUID) ([]delivery.View, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(ids) > 500 {
		return nil, fmt.Errorf("%d ids asked for at once", len(ids))
	}
	l.asked++
	if l.onAsk != nil {
		l.onAsk(l.asked, l)
	}
	var found []delivery.View
	for _, id := range ids {
		if view, ok := l.rows[id]; ok {
			found = append(found, view)
		}
	}
	return found, l.fail
}

func (l *ledger) Log(_ context.Context, id uuid.UUID) (Log, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logs[id], nil
}

func (l *ledger) List(_ context.Context, filter Filter, page Page) ([]delivery.View, string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if page.Size < 1 || page.Size > 500 {
		return nil, "", fmt.Errorf("a page of %d rows", page.Size)
	}
	l.filter = filter
	start := 0
	if page.Cursor != "" {
		if _, err := fmt.Sscanf(page.Cursor, "after-%d", &start); err != nil {
			return nil, "", err
		}
	}
	var matching []delivery.View
	for i := len(l.order) - 1; i >= 0; i-- {
		view := l.rows[l.order[i]]
		if len(filter.Statuses) == 0 || contains(filter.Statuses, view.Status) {
			matching = append(matching, view)
		}
	}
	end := min(start+page.Size, len(matching))
	next := ""
	if end < len(matching) {
		next = fmt.Sprintf("after-%d", end)
	}
	return matching[start:end], next, nil
}

func contains[T comparable](list []T, want T) bool {
	for _, item := range list {
		if item == want {
			return true
		}
	}
	return false
}

// work consumes the stream as a worker would and writes into the ledger what
// settle makes of each command.
func (s *stream) work(t *testing.T, l *ledger, settle func(*command.Command) delivery.View) {
	t.Helper()
	consumer, err := s.js.CreateOrUpdateConsumer(t.Context(), "GANGWAY_COMMANDS", jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	running, err := consumer.Consume(func(msg jetstream.Msg) {
		kind, lane, ok := command.ParseSubject(msg.Subject())
		cmd, err := command.Decode(kind, lane, msg.Data(), command.Source{MsgID: msg.Headers().Get(nats.MsgIdHdr)})
		if !ok || err != nil {
			t.Errorf("the worker got %s: %v", msg.Subject(), err)
			return
		}
		view := settle(cmd)
		view.ID, view.Kind, view.Lane = cmd.ID, kind, lane
		l.put(view)
		if err := msg.Ack(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { running.Stop(); <-running.Closed() })
}
