package lookup_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/lookup"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

func startService(t *testing.T, nc *nats.Conn, a lookup.Answerer, options lookup.ServiceOptions) *lookup.Service {
	t.Helper()
	s, err := lookup.StartService(nc, a, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// refusal is what a client reads of a failure.
type refusal struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Field   string `json:"field"`
	} `json:"error"`
}

func TestServiceAnswers(t *testing.T) {
	nc := testkit.NATS(t).Connect()
	sim, err := simulator.Start(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	startService(t, nc, addresses(t, sim), lookup.ServiceOptions{Stats: func(kind command.Kind) any { return map[string]string{"kind": string(kind)} }})
	ask := func(body string, language string) *nats.Msg {
		t.Helper()
		msg := &nats.Msg{Subject: "gangway.address.search", Data: []byte(body), Header: nats.Header{"Accept-Language": {language}}}
		got, err := nc.RequestMsg(msg, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := ask(`{"keyword":"강원특별자치도청"}`, "")
	var result providers.AddressResult
	if err := json.Unmarshal(got.Data, &result); err != nil || result.Total != 1 || got.Header.Get("Nats-Service-Error-Code") != "" {
		t.Fatalf("%v %s %v", err, got.Data, got.Header)
	}
	for _, c := range []struct{ body, language, status, code, field, says string }{
		{`{"keyword":"강"}`, "", "422", "invalid", "keyword", "두 글자 이상"},
		{`{"keyword":"강"}`, "en", "422", "invalid", "keyword", "at least two"},
		{`{"keywrd":"춘천"}`, "en", "422", "invalid", "keywrd", "could not be read"},
		{`garbage`, "en", "422", "invalid", "", "could not be read"},
		{``, "en", "422", "invalid", "", "could not be read"},
		{`{"v":9,"keyword":"춘천"}`, "en", "422", "invalid", "v", "could not be read"},
		{`{"keyword":"춘천","send_at":"2030-01-01T00:00:00Z"}`, "en", "422", "invalid", "send_at", ""},
		{`{"keyword":"모의오류"}`, "en", "503", "unavailable", "", "busy"},
	} {
		got := ask(c.body, c.language)
		var r refusal
		if err := json.Unmarshal(got.Data, &r); err != nil {
			t.Fatalf("%s: %s: %v", c.body, got.Data, err)
		}
		if got.Header.Get("Nats-Service-Error-Code") != c.status || !strings.HasPrefix(got.Header.Get("Nats-Service-Error"), c.code+": ") ||
			r.Error.Code != c.code || r.Error.Field != c.field || !strings.Contains(r.Error.Message, c.says) {
			t.Errorf("%s: %v %s", c.body, got.Header, got.Data)
		}
	}
	// What `nats micro` reads.
	info, err := nc.Request("$SRV.INFO.gangway", nil, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gangway.address.search", "gangway.business.verify", lookup.Version} {
		if !strings.Contains(string(info.Data), want) {
			t.Errorf("the service's information lacks %s: %s", want, info.Data)
		}
	}
	stats, err := nc.Request("$SRV.STATS.gangway", nil, 5*time.Second)
	if err != nil || !strings.Contains(string(stats.Data), `"kind":"business.verify"`) {
		t.Errorf("statistics are %s, %v", stats.Data, err)
	}
}

// More than fit are refused at once, those in hand are finished by Close, and a
// crash of one harms no other.
func TestServiceIsBounded(t *testing.T) {
	testkit.NoLeaks(t)
	nc := testkit.NATS(t).Connect()
	release, entered := make(chan struct{}), make(chan struct{}, 10)
	var mu sync.Mutex
	var troubles []error
	s, err := lookup.StartService(nc, answerer(func(_ context.Context, payload command.Payload) (jsontext.Value, error) {
		switch number := payload.(*command.Business).RegistrationNumber; number {
		case "124-81-00998":
			entered <- struct{}{}
			<-release
			return jsontext.Value(`{"outcome":"found"}`), nil
		case "120-81-47521":
			panic("crash")
		}
		return nil, fault.New(fault.Timeout, "script", "as the test asked")
	}), lookup.ServiceOptions{Concurrency: 2, Trouble: func(err error) { mu.Lock(); troubles = append(troubles, err); mu.Unlock() }})
	if err != nil {
		t.Fatal(err)
	}
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := nc.PublishRequest("gangway.business.verify", inbox, []byte(`{"registration_number":"124-81-00998"}`)); err != nil {
			t.Fatal(err)
		}
		<-entered
	}
	busy, err := nc.Request("gangway.business.verify", []byte(`{"registration_number":"124-81-00998"}`), 5*time.Second)
	if err != nil || busy.Header.Get("Nats-Service-Error-Code") != "503" || !strings.Contains(string(busy.Data), `"unavailable"`) {
		t.Errorf("the third of two is answered %s, %v", busy.Data, err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	close(release)
	for range 2 {
		got, err := sub.NextMsg(5 * time.Second)
		if err != nil || string(got.Data) != `{"outcome":"found"}` {
			t.Errorf("what was in hand is answered %v", err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}

	again := startService(t, nc, answerer(func(context.Context, command.Payload) (jsontext.Value, error) { panic("crash") }), lookup.ServiceOptions{})
	crashed, err := nc.Request("gangway.business.verify", []byte(`{"registration_number":"120-81-47521"}`), 5*time.Second)
	if err != nil || crashed.Header.Get("Nats-Service-Error-Code") != "500" || strings.Contains(string(crashed.Data), "crash") {
		t.Errorf("a crash is answered %s, %v", crashed.Data, err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
