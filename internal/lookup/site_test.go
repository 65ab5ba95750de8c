package lookup_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/lookup"
	"github.com/gangwon-portal/gangway/internal/resilience"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/juso"
	"github.com/gangwon-portal/gangway/providers/kakao"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// site is the public listener's look-ups over the simulated address services.
type site struct {
	simulator *simulator.Simulator
	url       string
}

// newSite serves look-ups; without scripts the simulator's widget is used.
func newSite(t testing.TB, options lookup.Options) *site {
	t.Helper()
	sim, err := simulator.Start(simulator.Options{SlowDelay: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if options.Scripts == nil {
		options.Scripts = []string{sim.URL("postcode") + "/postcode.v2.js"}
	}
	public, err := lookup.NewPublic(addresses(t, sim), options)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	public.Routes(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		public.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return &site{simulator: sim, url: server.URL}
}

// addresses answers searches by both services, as a worker does.
func addresses(t testing.TB, sim *simulator.Simulator) lookup.Answerer {
	_, jusoKey := simulator.Credentials("juso")
	_, kakaoKey := simulator.Credentials("kakao")
	first := juso.New(juso.Options{BaseURL: sim.URL("juso"), Key: jusoKey})
	second := kakao.New(kakao.Options{BaseURL: sim.URL("kakao"), Key: kakaoKey})
	cache := resilience.NewCache(resilience.CacheOptions{})
	t.Cleanup(func() { first.Close(); second.Close(); cache.Close() })
	options := providers.GuardOptions{Timeout: 2 * time.Second}
	route := providers.NewRoute[providers.Address](
		providers.NewGuard[providers.Address](first, options), providers.NewGuard[providers.Address](second, options))
	lives := func(string, string) providers.Lives { return providers.Lives{TTL: time.Hour, Negative: time.Hour} }
	lookups := providers.NewLookups(route, cache, lives)
	handler := handlers.NewAddress(func() *providers.Lookups[providers.Address] { return lookups }, func() jsontext.Value { return nil })
	return answerer(func(ctx context.Context, payload command.Payload) (jsontext.Value, error) {
		return handler.Answer(ctx, payload.(*command.Address))
	})
}

type answerer func(context.Context, command.Payload) (jsontext.Value, error)

func (a answerer) Answer(ctx context.Context, payload command.Payload) (jsontext.Value, error) {
	return a(ctx, payload)
}
