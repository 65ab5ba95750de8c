package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/webhook"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// BenchmarkWebhook: webhooks a second that are verified, stored on the bus and
// answered, beside what the same machine answers with the same listener and store
// and none of our code.
func BenchmarkWebhook(b *testing.B) {
	const n = 10_000
	s := startStack(b)
	ours, ceiling := intake(b, s), bareIntake(b, s)
	rate := func(url string) float64 {
		requests := signedHooks(b, n)
		started := time.Now()
		together(n, func() { requests.next().post(b, url) })
		return n / time.Since(started).Seconds()
	}
	rate(ours) // connections and files are open then
	rate(ceiling)
	for b.Loop() {
		most := rate(ceiling)
		got := rate(ours)
		b.ReportMetric(got, "webhooks/s")
		b.ReportMetric(most, "ceiling/s")
		b.ReportMetric(got/most, "ratio")
	}
}

// BenchmarkWebhookLatency: how long a sender waits at 500 webhooks a second that
// come whether or not the ones before are answered. The promise is a p99 of 20 ms.
func BenchmarkWebhookLatency(b *testing.B) {
	const rate, n = 500, 5000
	url := intake(b, startStack(b))
	warm := signedHooks(b, 500)
	together(500, func() { warm.next().post(b, url) })
	for b.Loop() {
		requests := signedHooks(b, n)
		var took latencies
		var wait sync.WaitGroup
		started := time.Now()
		for i := range n {
			due := started.Add(time.Duration(i) * time.Second / rate)
			<-time.After(time.Until(due))
			wait.Go(func() {
				requests.next().post(b, url)
				took.add(time.Since(due))
			})
		}
		wait.Wait()
		for _, p := range []int{50, 99} {
			b.ReportMetric(millis(took.percentile(p)), fmt.Sprintf("p%d-ms", p))
		}
		b.ReportMetric(millis(took.percentile(99))/20, "p99-of-promise")
	}
}

// intake is the product's endpoint for webhooks behind a real listener.
func intake(b *testing.B, s stack) (url string) {
	b.Helper()
	publisher, err := broker.NewPublisher(s.conn, broker.PublisherOptions{})
	check(b, err)
	b.Cleanup(func() { check(b, publisher.Close()) })
	receiver := webhook.New(hookBus{publisher}, webhook.Options{})
	receiver.SetEndpoints(map[string]webhook.Endpoint{"kakao": {
		Source: webhook.NewStandard([]string{hookSecret}, time.Hour), Accepted: http.StatusAccepted, MaxBody: webhook.MaxBody,
	}})
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{provider}", receiver)
	return listen(b, mux) + "/webhooks/kakao"
}

type hookBus struct{ publisher *broker.Publisher }

func (h hookBus) Store(ctx context.Context, messages []webhook.Message) error {
	outgoing := make([]broker.Outgoing, len(messages))
	for i, m := range messages {
		outgoing[i] = broker.Outgoing{Subject: string(command.WebhookProcess), Body: m.Body, MsgID: m.ID}
	}
	return h.publisher.Send(ctx, outgoing...)
}

// bareIntake stores a body as it comes and answers once it is acknowledged.
func bareIntake(b *testing.B, s stack) (url string) {
	b.Helper()
	js, err := jetstream.New(s.conn.NATS())
	check(b, err)
	return listen(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = js.PublishMsg(r.Context(), &nats.Msg{
				Subject: string(command.WebhookProcess), Data: body, Header: nats.Header{jetstream.MsgIDHeader: {r.Header.Get("Webhook-Id")}},
			})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
}

func listen(b *testing.B, handler http.Handler) string {
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	return server.URL
}

// hook is one signed request, made before the clock runs.
type hook struct {
	header http.Header
	body   []byte
}

type hooks struct {
	list []hook
	used atomic.Int64
}

func (h *hooks) next() hook { return h.list[h.used.Add(1)-1] }

func signedHooks(b *testing.B, n int) *hooks {
	b.Helper()
	key, err := standardwebhooks.NewWebhook(hookSecret)
	check(b, err)
	h := &hooks{list: make([]hook, n)}
	now := time.Now()
	for i := range h.list {
		id := "msg_" + uuid.NewString()
		body := fmt.Appendf(nil, `{"type":"message.delivered","timestamp":"2026-01-02T03:04:05Z","data":{"delivery_id":%q,"recipient":"kim@example.kr","code":"250"}}`, uuid.NewString())
		signature, err := key.Sign(id, now, body)
		check(b, err)
		h.list[i] = hook{body: body, header: http.Header{
			"Content-Type": {"application/json"}, "Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature},
		}}
	}
	return h
}

var hookClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}

func (h hook) post(b *testing.B, url string) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(h.body))
	check(b, err)
	request.Header = h.header
	response, err := hookClient.Do(request)
	check(b, err)
	_, err = io.Copy(io.Discard, response.Body)
	check(b, err)
	check(b, response.Body.Close())
	if response.StatusCode != http.StatusAccepted {
		b.Errorf("answer %s", response.Status)
	}
}
