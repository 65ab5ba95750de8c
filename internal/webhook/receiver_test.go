package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/internal/webhook"
)

const (
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	oldSecret = "whsec_c2VjcmV0IG9mIGxhc3QgeWVhciwgMjQh"
)

// gate is a receiver behind a real listener, in front of a real stream.
type gate struct {
	t        *testing.T
	nats     *testkit.NATSServer
	conn     *broker.Conn
	receiver *webhook.Receiver
	url      string

	mu       sync.Mutex
	receipts []webhook.Receipt
}

func newGate(t *testing.T, options webhook.Options) *gate {
	t.Helper()
	g := &gate{t: t, nats: testkit.NATS(t)}
	var err error
	if g.conn, err = broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{g.nats.URL()}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.conn.Close)
	if err := broker.Provision(t.Context(), g.conn, broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	publisher, err := broker.NewPublisher(g.conn, broker.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publisher.Close() })
	options.Observer = func(_ context.Context, r webhook.Receipt) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.receipts = append(g.receipts, r)
	}
	g.receiver = webhook.New(publisherBus{publisher}, options)
	g.receiver.SetEndpoints(map[string]webhook.Endpoint{
		"kakao": {Source: webhook.NewStandard([]string{secret, oldSecret}, 5*time.Minute), Accepted: http.StatusAccepted, MaxBody: webhook.MaxBody},
		"plain": {Source: webhook.NewStandard(nil, time.Minute), Accepted: http.StatusOK, MaxBody: webhook.MaxBody},
		"picky": {Source: webhook.NewStandard([]string{secret}, time.Minute), Accepted: http.StatusAccepted, MaxBody: webhook.MaxBody,
			AllowFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
	})
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{provider}", g.receiver)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	g.url = server.URL + "/webhooks/"
	return g
}

type publisherBus struct{ publisher *broker.Publisher }

func (b publisherBus) Store(ctx context.Context, messages []webhook.Message) error {
	outgoing := make([]broker.Outgoing, len(messages))
	for i, m := range messages {
		outgoing[i] = broker.Outgoing{Subject: string(command.WebhookProcess), Body: m.Body, MsgID: m.ID}
	}
	return b.publisher.Send(ctx, outgoing...)
}

// signed makes the headers of Standard Webhooks.
func signed(t testing.TB, key, id string, at time.Time, body string) http.Header {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := hook.Sign(id, at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {signature}}
}

func (g *gate) post(provider string, header http.Header, body io.Reader) (*http.Response, string) {
	g.t.Helper()
	request, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.url+provider, body)
	if err != nil {
		g.t.Fatal(err)
	}
	request.Header = header
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return answer, string(text)
}

// stored returns the bodies on the stream, by Nats-Msg-Id.
func (g *gate) stored() map[string]command.Webhook {
	g.t.Helper()
	stream, err := g.conn.JetStream().Stream(g.t.Context(), broker.StreamCommands)
	if err != nil {
		g.t.Fatal(err)
	}
	bodies := map[string]command.Webhook{}
	for seq := stream.CachedInfo().State.FirstSeq; seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(g.t.Context(), seq)
		if err != nil {
			g.t.Fatal(err)
		}
		var body command.Webhook
		if err := json.Unmarshal(m.Data, &body, json.RejectUnknownMembers(true)); err != nil {
			g.t.Fatalf("%s: %v", m.Data, err)
		}
		bodies[m.Header.Get(jetstream.MsgIDHeader)] = body
	}
	return bodies
}

func TestAnswers(t *testing.T) {
	g := newGate(t, webhook.Options{})
	now := time.Now()
	const body = `{"type":"message.delivered","timestamp":"2026-01-02T03:04:05Z","data":{"message_id":"m-1"}}`
	with := func(header http.Header, name, value string) http.Header {
		header = header.Clone()
		header.Set(name, value)
		return header
	}
	good := signed(t, secret, "msg_1", now, body)
	big := strings.Repeat("x", webhook.MaxBody+1)
	for _, test := range []struct {
		name, provider string
		header         http.Header
		body           io.Reader
		status         int
		outcome        webhook.Outcome
	}{
		{"accepted", "kakao", good, strings.NewReader(body), 202, webhook.Accepted},
		{"again", "kakao", signed(t, secret, "msg_1", now.Add(time.Second), body), strings.NewReader(body), 202, webhook.Duplicate},
		{"with the old secret", "kakao", signed(t, oldSecret, "msg_2", now, body), strings.NewReader(body), 202, webhook.Accepted},
		{"no signature", "kakao", http.Header{}, strings.NewReader(body), 401, webhook.Refused},
		{"another body", "kakao", good, strings.NewReader(body + " "), 403, webhook.Refused},
		{"another id", "kakao", with(good, "Webhook-Id", "msg_9"), strings.NewReader(body), 403, webhook.Refused},
		{"an unknown secret", "kakao", signed(t, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "msg_3", now, body), strings.NewReader(body), 403, webhook.Refused},
		{"outdated", "kakao", signed(t, secret, "msg_4", now.Add(-6*time.Minute), body), strings.NewReader(body), 403, webhook.Refused},
		{"from the future", "kakao", signed(t, secret, "msg_5", now.Add(6*time.Minute), body), strings.NewReader(body), 403, webhook.Refused},
		{"no time", "kakao", with(good, "Webhook-Timestamp", "yesterday"), strings.NewReader(body), 403, webhook.Refused},
		{"unreadable", "kakao", signed(t, secret, "msg_6", now, "garbage"), strings.NewReader("garbage"), 400, webhook.Refused},
		{"a list", "kakao", signed(t, secret, "msg_7", now, "[]"), strings.NewReader("[]"), 400, webhook.Refused},
		{"unknown provider", "nobody", good, strings.NewReader(body), 404, webhook.Refused},
		{"too large, declared", "kakao", good, strings.NewReader(big), 413, webhook.Refused},
		{"too large, in chunks", "kakao", good, struct{ io.Reader }{strings.NewReader(big)}, 413, webhook.Refused},
		{"too large for a command", "kakao", signed(t, secret, "msg_8", now, `{"type":"`+big[:webhook.MaxBody-40]+`"}`),
			strings.NewReader(`{"type":"` + big[:webhook.MaxBody-40] + `"}`), 413, webhook.Refused},
		{"no secret is configured", "plain", good, strings.NewReader(body), 403, webhook.Refused},
		{"from elsewhere", "picky", good, strings.NewReader(body), 403, webhook.Refused},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer, text := g.post(test.provider, test.header, test.body)
			if answer.StatusCode != test.status {
				t.Errorf("answer is %s: %s; want %d", answer.Status, text, test.status)
			}
			if problem := answer.Header.Get("Content-Type") == "application/problem+json"; problem != (test.status >= 400) {
				t.Errorf("content type %q", answer.Header.Get("Content-Type"))
			}
			if strings.Contains(text, "whsec") || strings.Contains(text, "MfKQ9r8") {
				t.Errorf("the answer shows a secret: %s", text)
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			last := g.receipts[len(g.receipts)-1]
			if last.Outcome != test.outcome || last.Status != test.status || last.Provider != test.provider || last.Client != "127.0.0.1" {
				t.Errorf("receipt %+v", last)
			}
			if (last.Err != nil) != (test.status >= 400) {
				t.Errorf("receipt says %v", last.Err)
			}
		})
	}
	bodies := g.stored()
	if len(bodies) != 2 {
		t.Fatalf("%d messages are stored, want those of msg_1 and msg_2: %v", len(bodies), bodies)
	}
	first := bodies["webhook.kakao.msg_1"]
	if first.Provider != "kakao" || first.EventID != "msg_1" || string(first.Event) != body || first.Headers["Webhook-Id"] != "msg_1" || first.ReceivedAt == "" {
		t.Errorf("stored %+v", first)
	}
}

// TestStoredBeforeAnswered takes the bus away: nothing is acknowledged then, and
// the sender keeps its event.
func TestStoredBeforeAnswered(t *testing.T) {
	g := newGate(t, webhook.Options{StoreTimeout: 300 * time.Millisecond})
	const body = `{"type":"message.delivered","data":{}}`
	g.nats.Stop()
	answer, text := g.post("kakao", signed(t, secret, "msg_1", time.Now(), body), strings.NewReader(body))
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Fatalf("without a bus: %s %s", answer.Status, text)
	}
	g.nats.Start()
	testkit.Eventually(t, 10*time.Second, func() bool {
		answer, _ := g.post("kakao", signed(t, secret, "msg_1", time.Now(), body), strings.NewReader(body))
		return answer.StatusCode == http.StatusAccepted
	}, "the same event to be taken")
	if bodies := g.stored(); len(bodies) != 1 {
		t.Errorf("stored %v", bodies)
	}
}

// TestSlowBodies: a client that dribbles is cut off in time.
func TestSlowBodies(t *testing.T) {
	g := newGate(t, webhook.Options{ReadTimeout: 200 * time.Millisecond})
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(g.url, "http://"), "/webhooks/"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /webhooks/kakao HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly this")
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	started := time.Now()
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) || time.Since(started) > 5*time.Second {
		t.Errorf("after %s: %s", time.Since(started), answer)
	}
}

// TestFloodIsShed fills the room with bodies that do not come to an end; what
// comes then is refused at once, and taken again when the flood is over.
func TestFloodIsShed(t *testing.T) {
	g := newGate(t, webhook.Options{Bytes: 1 << 20, ReadTimeout: time.Minute})
	address := strings.TrimSuffix(strings.TrimPrefix(g.url, "http://"), "/webhooks/")
	var flood []net.Conn
	join := func() { // takes an eighth of the room and never ends
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		fmt.Fprintf(conn, "POST /webhooks/kakao HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nx", 128<<10)
		flood = append(flood, conn)
	}
	for range 8 {
		join()
	}
	const body = `{"type":"message.delivered","data":{}}`
	post := func(id string) int {
		answer, _ := g.post("kakao", signed(t, secret, id, time.Now(), body), strings.NewReader(body))
		return answer.StatusCode
	}
	testkit.Eventually(t, 30*time.Second, func() bool {
		if post("msg_1") == http.StatusServiceUnavailable {
			return true
		}
		join() // one of them met a webhook in its place, and was shed itself
		return false
	}, "webhooks to be shed")
	for _, conn := range flood {
		_ = conn.Close()
	}
	testkit.Eventually(t, 30*time.Second, func() bool { return post("msg_2") == http.StatusAccepted }, "webhooks to be taken again")
}

// TestEventsAreStorable: names that stand twice, NUL and broken surrogates are no
// reason to lose a report.
func TestEventsAreStorable(t *testing.T) {
	g := newGate(t, webhook.Options{})
	for i, body := range []string{`{"a":1,"a":2}`, `{"a":"x\u0000y"}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a\u0000":[{"b":"\u0000"}]}`} {
		id := "msg_" + strconv.Itoa(i)
		if answer, text := g.post("kakao", signed(t, secret, id, time.Now(), body), strings.NewReader(body)); answer.StatusCode != http.StatusAccepted {
			t.Errorf("%q: %s %s", body, answer.Status, text)
		}
	}
	stream, err := g.conn.JetStream().Stream(t.Context(), broker.StreamCommands)
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= 5; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := command.Decode(command.WebhookProcess, command.Normal, m.Data, command.Source{}); err != nil {
			t.Errorf("%s: %v", m.Data, err)
		}
	}
}
