package nts

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

func simulated(t *testing.T) Options {
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
	_, key := simulator.Credentials("nts")
	return Options{BaseURL: s.URL("nts"), Key: key, BatchWindow: 20 * time.Millisecond}
}

func TestOutcomes(t *testing.T) {
	for _, window := range []time.Duration{0, 5 * time.Millisecond} {
		t.Run(fmt.Sprint("window ", window), func(t *testing.T) {
			options := simulated(t)
			options.BatchWindow = window
			providertest.RunOutcomes(t, providertest.Outcomes[providers.Company]{
				New: func(t *testing.T) providers.Provider[providers.Company] { return newProvider(t, options) },
				Request: func(outcome string) providers.Company {
					return providers.Company{RegistrationNumber: map[string]string{
						"success": "1248100998", "throttle": "1018190003", "error": "1018190004",
						"timeout": "1018190005", "drop": "1018190006", "slow": "1018190007",
					}[outcome]}
				},
			})
		})
	}
}

// TestRegister: the simulated tax service agrees with the catalogue.
func TestRegister(t *testing.T) {
	options := simulated(t)
	options.BatchWindow = 0
	p := newProvider(t, options)
	defer p.Close()
	known, _ := simulator.CompanyOf("2208162517")
	for _, c := range []struct {
		number, representative, opened string
		want                           providers.BusinessOutcome
		status                         string
	}{
		{"1248100998", "", "", providers.BusinessActive, "active"},
		{"1248100998", "홍길동", "1969-01-13", providers.BusinessMatch, "active"},
		{"1248100998", " 홍  길동", "1969-01-13", providers.BusinessMatch, "active"},
		{"1248100998", "\u1112\u1169\u11bc\u1100\u1175\u11af\u1103\u1169\u11bc", "1969-01-13", providers.BusinessMatch, "active"}, // decomposed
		{"1248100998", "홍길동", "1969-01-14", providers.BusinessMismatch, ""},
		{"2208162517", strings.Split(known.Representative, ", ")[0], known.OpenedOn, providers.BusinessMatch, "active"},
		{"2208162517", "아무개", known.OpenedOn, providers.BusinessMismatch, ""},
		{"1018190008", "", "", providers.BusinessNotRegistered, ""},
		{"1018190008", "홍길동", "1969-01-13", providers.BusinessMismatch, ""},
		{"1018190009", "", "", providers.BusinessClosed, "closed"},
		{"1018190010", "", "", providers.BusinessSuspended, "suspended"},
	} {
		answer, err := p.Do(t.Context(), providers.Call[providers.Company]{Request: providers.Company{
			RegistrationNumber: c.number, Representative: c.representative, OpenedOn: c.opened,
		}})
		if err != nil {
			t.Errorf("%s: %v", c.number, err)
			continue
		}
		got := resultOf(t, answer)
		if got.Outcome != c.want || got.Company.Status != c.status || (c.status == "closed") != (got.Company.ClosedOn != "") {
			t.Errorf("%+v = %+v", c, got)
		}
	}
}

func TestWrongKey(t *testing.T) {
	options := simulated(t)
	for _, key := range []string{"", "wrong", keyParam(options.Key)} {
		options.Key = key
		p := newProvider(t, options)
		if err := p.Check(t.Context()); fault.Of(err) != fault.Unauthorized {
			t.Errorf("%q: %v", key, err)
		}
		p.Close()
	}
}

// TestSharedCall: a batch over the wire. Numbers that are to fail in mock mode
// fail alone, each caller gets its own state, and its exchange shows nobody else.
func TestSharedCall(t *testing.T) {
	options := simulated(t)
	options.BatchWindow = 100 * time.Millisecond
	p := newProvider(t, options)
	defer p.Close()
	numbers := map[string]providers.BusinessOutcome{
		"1018190008": providers.BusinessNotRegistered, "1018190009": providers.BusinessClosed, "1018190010": providers.BusinessSuspended,
		"1018190003": "", "1018190004": "", "1018190005": "", "1018190006": "",
	}
	for i := range 40 {
		numbers[fmt.Sprintf("22081%05d", 62000+i)] = providers.BusinessActive
	}
	var done sync.WaitGroup
	for number, want := range numbers {
		done.Go(func() {
			ctx, exchange := providers.WithExchange(t.Context())
			answer, err := p.Do(ctx, providers.Call[providers.Company]{Request: providers.Company{RegistrationNumber: number}})
			if want == "" {
				if e := fault.As(err); e == nil || e.Reason != fault.Unavailable || e.Code != CodeMissing {
					t.Errorf("%s: %v", number, err)
				}
				return
			}
			if err != nil {
				t.Errorf("%s: %v", number, err)
				return
			}
			if got := resultOf(t, answer); got.Outcome != want || got.Company.RegistrationNumber != number {
				t.Errorf("%s = %+v, want %s", number, got, want)
			}
			if string(exchange.Request) != `{"b_no":["`+number+`"]}` || !exchange.Left || exchange.Status != "200" ||
				!strings.Contains(string(exchange.Response), number) || strings.Count(string(exchange.Response), "b_no") != 1 {
				t.Errorf("%s: exchange %+v", number, exchange)
			}
		})
	}
	done.Wait()
}

// TestMalformedAlone: one question that the vendor cannot read does not spoil
// the call for those that share it.
func TestMalformedAlone(t *testing.T) {
	var mu sync.Mutex
	var sizes []int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var asked struct {
			Businesses []person `json:"businesses"`
		}
		if err := json.Unmarshal(body, &asked); err != nil {
			t.Error(err)
		}
		mu.Lock()
		sizes = append(sizes, len(asked.Businesses))
		mu.Unlock()
		if strings.Contains(string(body), "독") {
			w.WriteHeader(http.StatusLengthRequired)
			_, _ = w.Write([]byte(`{"status_code":"REQUEST_DATA_MALFORMED"}`))
			return
		}
		data := []map[string]any{}
		for _, who := range asked.Businesses {
			data = append(data, map[string]any{"b_no": who.Number, "valid": "02", "request_param": who})
		}
		if err := json.MarshalWrite(w, map[string]any{"status_code": "OK", "data": data}); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	p := newProvider(t, Options{BaseURL: server.URL, BatchWindow: time.Hour, BatchMost: 16})
	defer p.Close()
	var done sync.WaitGroup
	for i := range 16 { // the same number with several persons: told apart by what the answer repeats
		request := providers.Company{RegistrationNumber: "1248100998", Representative: fmt.Sprint("사람", i), OpenedOn: "1969-01-13"}
		if i == 11 {
			request.Representative = "독"
		}
		done.Go(func() {
			answer, err := p.Do(t.Context(), providers.Call[providers.Company]{Request: request})
			switch {
			case i == 11 && fault.Of(err) != fault.Internal:
				t.Errorf("the malformed one: %v", err)
			case i != 11 && err != nil:
				t.Errorf("%d: %v", i, err)
			case i != 11 && resultOf(t, answer).Outcome != providers.BusinessMismatch:
				t.Errorf("%d: %s", i, answer.Result)
			}
		})
	}
	done.Wait()
	if len(sizes) != 9 || sizes[0] != 16 {
		t.Errorf("calls of %v questions, want one of 16 and two at each of four halvings", sizes)
	}
}

// BenchmarkStatus compares look-ups that share calls with look-ups that do not.
func BenchmarkStatus(b *testing.B) {
	s, err := simulator.Start(simulator.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	_, key := simulator.Credentials("nts")
	for name, window := range map[string]time.Duration{"alone": 0, "shared": 2 * time.Millisecond} {
		b.Run(name, func(b *testing.B) {
			p, err := New(Options{BaseURL: s.URL("nts"), Key: key, BatchWindow: window})
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					request := providers.Company{RegistrationNumber: fmt.Sprintf("22081%05d", 10000+i%60000)}
					if _, err := p.Do(b.Context(), providers.Call[providers.Company]{Request: request}); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lookups/s")
		})
	}
}
