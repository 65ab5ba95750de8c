package nicednb

import (
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

func simulated(t *testing.T) (*simulator.Simulator, Options) {
	t.Helper()
	s, err := simulator.Start(simulator.Options{SlowDelay: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	key, secret := simulator.Credentials("nicednb")
	return s, Options{BaseURL: s.URL("nicednb"), AppKey: key, AppSecret: secret}
}

func TestOutcomes(t *testing.T) {
	_, options := simulated(t)
	providertest.RunOutcomes(t, providertest.Outcomes[providers.Company]{
		New: func(t *testing.T) providers.Provider[providers.Company] {
			p, err := New(options)
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Request: func(outcome string) providers.Company {
			return providers.Company{RegistrationNumber: map[string]string{
				"success": "1248100998", "throttle": "1018190003", "error": "1018190004",
				"timeout": "1018190005", "drop": "1018190006", "slow": "1018190007",
			}[outcome]}
		},
	})
}

// TestRegister: the simulated register answers about companies and people.
func TestRegister(t *testing.T) {
	_, options := simulated(t)
	p, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	known, _ := simulator.CompanyOf("2208162517")
	for _, c := range []struct {
		number, representative string
		want                   providers.BusinessOutcome
	}{
		{"2208162517", "", providers.BusinessFound},
		{"2208162517", strings.Split(known.Representative, ", ")[0], providers.BusinessMatch},
		{"2208162517", "아무개", providers.BusinessMismatch},
		{"1248100998", "홍 길동", providers.BusinessMatch},
		{"1018190008", "", providers.BusinessNotFound},
		{"1018190008", "홍길동", providers.BusinessNotFound},
		{"1018190009", "", providers.BusinessFound}, // closed: only the tax service says so
		{"1018190010", "", providers.BusinessFound},
	} {
		answer, err := p.Do(t.Context(), providers.Call[providers.Company]{
			Request: providers.Company{RegistrationNumber: c.number, Representative: c.representative},
		})
		if err != nil {
			t.Errorf("%s: %v", c.number, err)
			continue
		}
		got := resultOf(t, answer)
		if got.Outcome != c.want || got.Company.RegistrationNumber != c.number || got.Company.Status != "" {
			t.Errorf("%s %q = %+v, want %s", c.number, c.representative, got, c.want)
		}
		if c.number == "2208162517" && (got.Company.Name != known.Name || !strings.HasPrefix(got.Company.Address, known.Address)) {
			t.Errorf("company = %+v, want %+v", got.Company, known)
		}
	}
}

func TestWrongCredentials(t *testing.T) {
	s, options := simulated(t)
	options.AppSecret = "wrong"
	p, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Check(t.Context()); fault.Of(err) != fault.Unauthorized {
		t.Errorf("Check: %v", err)
	}
	s.SetFault("nicednb", simulator.Fault{Outcome: simulator.Error, Rate: 1, Until: time.Now().Add(time.Hour)})
	_, options = s, Options{BaseURL: s.URL("nicednb")}
	options.AppKey, options.AppSecret = simulator.Credentials("nicednb")
	faulty, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	defer faulty.Close()
	if err := faulty.Check(t.Context()); fault.Of(err) != fault.Unavailable {
		t.Errorf("injected fault: %v", err)
	}
}
