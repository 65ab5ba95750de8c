package webhook_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/internal/webhook"
)

// press is a pusher over a real stream and a real ledger.
type press struct {
	*stage
	pusher *webhook.Pusher
	ledger *postgres.Subscribers
}

type eventFeed struct{ *broker.EventFeed }

func (f eventFeed) Fetch(ctx context.Context, most int) ([]webhook.Event, error) {
	fetched, err := f.EventFeed.Fetch(ctx, most)
	events := make([]webhook.Event, len(fetched))
	for i, event := range fetched {
		events[i] = event
	}
	return events, err
}

func newPress(t *testing.T, delays []time.Duration, targets ...webhook.Target) *press {
	t.Helper()
	p := &press{stage: newRows(t)}
	var err error
	p.conn, err = broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{testkit.NATS(t).URL()}})
	p.check(err)
	t.Cleanup(p.conn.Close)
	p.check(broker.Provision(t.Context(), p.conn, broker.TopologyOptions{}))
	p.ledger = postgres.NewSubscribers(p.pool)
	p.pusher = webhook.NewPusher(p.open, p.ledger, webhook.PusherOptions{
		Delays: delays, Rest: 20 * time.Millisecond,
		Trouble: func(target string, err error) { t.Logf("%s: %v", target, err) },
	})
	p.pusher.Set(targets)
	for _, target := range targets { // so that nothing published before the first term is missed
		_, err := p.open(t.Context(), target)
		p.check(err)
	}
	return p
}

func (p *press) open(ctx context.Context, target webhook.Target) (webhook.Feed, error) {
	var kinds []command.Kind
	for _, kind := range target.Kinds {
		kinds = append(kinds, command.Kind(kind))
	}
	feed, err := broker.OpenEventFeed(ctx, p.conn, target.Name, kinds)
	return eventFeed{feed}, err
}

// run pushes until the test ends or stop is called.
func (p *press) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.pusher.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		p.check(<-done)
	})
	p.t.Cleanup(stop)
	return stop
}

// tell publishes the event of a status and returns the id that the portal sees.
func (p *press) tell(kind command.Kind, status delivery.Status) string {
	p.t.Helper()
	id := uuid.Must(uuid.NewV7())
	now := time.Now()
	event, err := broker.EventOf(delivery.Row{Version: 4, View: delivery.View{
		ID: id, Kind: kind, Lane: command.Normal, Status: status, Recipient: "kim@example.kr", RequestedAt: now, UpdatedAt: now,
	}})
	p.check(err)
	_, err = p.conn.JetStream().Publish(p.t.Context(), event.Subject, event.Body)
	p.check(err)
	return id.String() + "_4"
}

// stands returns how a target stands.
func (p *press) stands(name string) delivery.Subscriber {
	p.t.Helper()
	list, err := p.ledger.List(p.t.Context())
	p.check(err)
	i := slices.IndexFunc(list, func(one delivery.Subscriber) bool { return one.Name == name })
	if i < 0 {
		return delivery.Subscriber{}
	}
	return list[i]
}

func (p *press) until(what string, holds func() bool) {
	p.t.Helper()
	testkit.Eventually(p.t, 30*time.Second, holds, "%s", what)
}

// TestPushedInTheFormOfStandardWebhooks: what arrives passes the scheme's own
// verification with either secret, and says what the status row says.
func TestPushedInTheFormOfStandardWebhooks(t *testing.T) {
	portal := newPortal(t)
	p := newPress(t, nil, portal.target("portal"))
	p.run()
	other := p.tell(command.BusinessVerify, delivery.Completed) // of a kind that is not asked for
	id := p.tell(command.EmailSend, delivery.Bounced)
	p.until("the event to arrive", func() bool { return len(portal.of(id)) > 0 })
	got := portal.of(id)[0]
	for _, secret := range []string{outSecret, oldOutSecret} {
		hook, err := standardwebhooks.NewWebhook(secret)
		p.check(err)
		if err := hook.Verify([]byte(got.body), got.header); err != nil {
			t.Errorf("with %s…: %v", secret[:10], err)
		}
	}
	if strings.Contains(got.id, ".") || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", got.header)
	}
	var event struct {
		Type      string        `json:"type"`
		Timestamp time.Time     `json:"timestamp"`
		Sequence  string        `json:"sequence"`
		Data      delivery.View `json:"data"`
	}
	p.check(json.Unmarshal([]byte(got.body), &event, json.RejectUnknownMembers(true)))
	if event.Type != "email.send.bounced" || event.Sequence != "0000000004" || event.Timestamp.IsZero() ||
		event.Data.Status != delivery.Bounced || event.Data.Recipient != "kim@example.kr" || event.Data.ID.String()+"_4" != got.id {
		t.Errorf("body %s", got.body)
	}
	p.until("it to be counted", func() bool { return p.stands("portal").Pushed == 1 && p.stands("portal").Waiting == 0 })
	stands := p.stands("portal")
	if stands.State != delivery.SubscriberActive || strings.Contains(stands.URL, "hush") || stands.Waiting != 0 || stands.PushedAt.IsZero() || stands.Error != "" {
		t.Errorf("%+v", stands)
	}
	if len(portal.of(other)) > 0 {
		t.Error("an event of another kind was pushed")
	}
}

// TestPushedAgain: an event that is not taken comes again with the same id and a
// new time, a redirect is not followed, and after the last attempt it is given up
// without holding up others.
func TestPushedAgain(t *testing.T) {
	portal := newPortal(t)
	p := newPress(t, []time.Duration{1100 * time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond}, portal.target("portal"))
	elsewhere := newPortal(t)
	portal.header.Set("Location", elsewhere.server.URL)
	poison := p.tell(command.EmailSend, delivery.Failed)
	portal.script(func(attempt int, r *http.Request) int {
		switch {
		case r.Header.Get("Webhook-Id") == poison:
			return http.StatusBadRequest
		case attempt == 1:
			return http.StatusInternalServerError
		case attempt == 2:
			return http.StatusFound
		default:
			return http.StatusOK
		}
	})
	late := p.tell(command.SMSSend, delivery.Delivered)
	p.run()
	p.until("the event to be taken the third time", func() bool { return len(portal.of(late)) == 3 })
	p.until("the other to be given up", func() bool { return p.stands("portal").GivenUp == 1 })
	attempts := portal.of(late)
	hook, err := standardwebhooks.NewWebhook(outSecret)
	p.check(err)
	for _, a := range attempts {
		if err := hook.Verify([]byte(a.body), a.header); err != nil || a.body != attempts[0].body {
			t.Errorf("%v: %s", err, a.body)
		}
	}
	if attempts[0].header.Get("Webhook-Timestamp") == attempts[1].header.Get("Webhook-Timestamp") {
		t.Error("the second attempt carries the time of the first")
	}
	if n := len(portal.of(poison)); n != 4 {
		t.Errorf("%d attempts for the event that is never taken, want 4", n)
	}
	p.until("nothing to wait", func() bool { return p.stands("portal").Waiting == 0 })
	if stands := p.stands("portal"); stands.Pushed != 1 || stands.Failed != 6 || !strings.HasPrefix(stands.Error, "answered ") {
		t.Errorf("%+v", stands)
	}
	if elsewhere.total() != 0 {
		t.Error("a redirect was followed")
	}
}

// TestGoneIsDisabled: after 410 nothing more is pushed, by this worker or the next,
// until a person enables the endpoint; what came meanwhile has waited.
func TestGoneIsDisabled(t *testing.T) {
	portal := newPortal(t)
	portal.always(http.StatusGone)
	p := newPress(t, nil, portal.target("portal"))
	stop := p.run()
	first := p.tell(command.EmailSend, delivery.Sent)
	p.until("the endpoint to be disabled", func() bool { return p.stands("portal").State == delivery.SubscriberDisabled })
	stop()
	portal.always(http.StatusOK)
	before := portal.total()
	second := p.tell(command.EmailSend, delivery.Delivered)
	p.run()
	// Another target shows that the pusher is at work.
	witness := newPortal(t)
	p.pusher.Set([]webhook.Target{portal.target("portal"), witness.target("witness")})
	p.until("the other endpoint to be entered", func() bool { return p.stands("witness").Name != "" })
	var seen string
	p.until("the other endpoint to get events", func() bool {
		seen = p.tell(command.SMSSend, delivery.Sent)
		return witness.total() > 0
	})
	if n := portal.total(); n != before {
		t.Errorf("%d events were pushed to a disabled endpoint", n-before)
	}
	p.check(p.ledger.Enable(t.Context(), "portal", "kim", "moved"))
	p.until("what waited to arrive", func() bool {
		return len(portal.of(first)) > 1 && len(portal.of(second)) == 1 && len(portal.of(seen)) == 1
	})
	p.until("the endpoint to be active", func() bool {
		return p.stands("portal").State == delivery.SubscriberActive && p.stands("portal").Waiting == 0
	})
	if n := p.count(`SELECT count(*) FROM gangway.audit_log WHERE action = 'webhook.enable' AND target = 'portal' AND actor = 'kim'`); n != 1 {
		t.Errorf("%d rows in the audit log", n)
	}
	if err := p.ledger.Enable(t.Context(), "nobody", "kim", ""); err == nil {
		t.Error("an unknown endpoint is enabled")
	}
}

// TestOutageCostsNoAttempts: an endpoint that takes nothing is probed with single
// events; the crowd behind them waits untouched and arrives when it is back.
func TestOutageCostsNoAttempts(t *testing.T) {
	portal := newPortal(t)
	portal.always(http.StatusServiceUnavailable)
	p := newPress(t, slices.Repeat([]time.Duration{100 * time.Millisecond}, 200), portal.target("portal"))
	const crowd = 300
	ids := make([]string, crowd)
	for i := range ids {
		ids[i] = p.tell(command.EmailSend, delivery.Sent)
	}
	stop := p.run()
	p.until("the endpoint to be failing and probed", func() bool {
		return p.stands("portal").State == delivery.SubscriberFailing && portal.total() > 36
	})
	stop()
	if n := portal.total(); n > 120 {
		t.Errorf("%d attempts during the outage of %d events", n, crowd)
	}
	if waiting := p.stands("portal").Waiting; waiting != crowd {
		t.Errorf("%d events wait, want %d", waiting, crowd)
	}
	portal.always(http.StatusOK)
	p.run() // as another worker would
	p.until("all to arrive", func() bool { return p.stands("portal").Pushed == crowd && p.stands("portal").Waiting == 0 })
	for _, id := range ids {
		if len(portal.of(id)) == 0 {
			t.Fatalf("%s never came", id)
		}
	}
}

// TestPrivateAddressesAreNotConnectedTo: by number, by name, in IPv6 and mapped;
// the networks that are allowed are.
func TestPrivateAddressesAreNotConnectedTo(t *testing.T) {
	portal := newPortal(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(portal.server.URL, "http://"), ":")
	refused := func(name, host string) webhook.Target {
		target := portal.target(name)
		target.URL, target.AllowTo, target.Timeout = "http://"+host+":"+port+"/", []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}, time.Second
		return target
	}
	targets := []webhook.Target{
		portal.target("allowed"), refused("loopback", "127.0.0.1"), refused("named", "localhost"), refused("short", "0.0.0.0"), refused("six", "[::1]"),
		refused("mapped", "[::ffff:127.0.0.1]"), refused("private", "192.168.7.1"), refused("metadata", "169.254.169.254"), refused("unique", "[fd00::1]"),
	}
	if socket, err := net.ListenPacket("udp6", "[::1]:0"); err != nil {
		targets = slices.DeleteFunc(targets, func(target webhook.Target) bool { return target.Name == "six" || target.Name == "unique" })
	} else {
		_ = socket.Close()
	}
	p := newPress(t, []time.Duration{}, targets...)
	id := p.tell(command.EmailSend, delivery.Sent)
	p.run()
	for _, target := range targets[1:] {
		p.until(target.Name+" to fail", func() bool { return p.stands(target.Name).GivenUp == 1 })
		if stands := p.stands(target.Name); !strings.Contains(stands.Error, "not public; webhooks_out."+target.Name+".allow_to") {
			t.Errorf("%s: %+v", target.Name, stands)
		}
	}
	p.until("the allowed one to get it", func() bool { return len(portal.of(id)) == 1 })
	if n := portal.total(); n != 1 {
		t.Errorf("%d requests came, want the allowed one", n)
	}
}

// TestEndpointsFollowTheConfiguration: those that are gone from it are forgotten,
// and one that moved begins anew.
func TestEndpointsFollowTheConfiguration(t *testing.T) {
	s := newRows(t)
	ledger := postgres.NewSubscribers(s.pool)
	one := delivery.Subscriber{Name: "one", URL: "https://a.kr/", Kinds: []string{"sms.send"}}
	s.check(ledger.Enter(t.Context(), []delivery.Subscriber{one, {Name: "two", URL: "https://b.kr/", Kinds: []string{"sms.send"}}}))
	s.check(ledger.Count(t.Context(), delivery.Pushing{Name: "one", State: delivery.SubscriberDisabled, Failed: 1, At: time.Now(), Error: "answered 410 Gone"}))
	s.check(ledger.Count(t.Context(), delivery.Pushing{Name: "one", State: delivery.SubscriberActive, Pushed: 1, At: time.Now()}))
	s.check(ledger.Enter(t.Context(), []delivery.Subscriber{one}))
	list, err := ledger.List(t.Context())
	s.check(err)
	if len(list) != 1 || list[0].State != delivery.SubscriberDisabled || list[0].Pushed != 1 || list[0].Failed != 1 || list[0].Error != "answered 410 Gone" {
		t.Errorf("%+v", list)
	}
	one.URL = "https://c.kr/"
	s.check(ledger.Enter(t.Context(), []delivery.Subscriber{one}))
	if state, err := ledger.State(t.Context(), "one"); err != nil || state != delivery.SubscriberActive {
		t.Errorf("after it moved: %s, %v", state, err)
	}
}
