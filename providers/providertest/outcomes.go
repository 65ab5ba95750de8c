package providertest

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Outcomes describes one driver against the simulator to [RunOutcomes].
type Outcomes[P any] struct {
	// New returns the driver, pointed at the running simulator. It is closed at
	// the end of the case when it has a Close method.
	New func(t *testing.T) providers.Provider[P]
	// Request returns the request of an outcome of contract section 9: success,
	// reject, throttle, error, timeout, drop, slow, and bounce for sends.
	Request func(outcome string) P
	Sends   bool
}

// RunOutcomes proves that the simulator's vendor and the driver agree on the
// outcomes of mock mode. Simulators for it should have a short SlowDelay.
func RunOutcomes[P any](t *testing.T, o Outcomes[P]) {
	t.Helper()
	lost := func(lookup fault.Reason) fault.Reason {
		if o.Sends {
			return fault.UnknownOutcome
		}
		return lookup
	}
	cases := map[string]fault.Reason{
		"success": fault.None, "slow": fault.None, "error": fault.Unavailable, "drop": lost(fault.Unavailable),
	}
	if o.Sends {
		cases["reject"] = fault.Refused
		cases["bounce"] = fault.None // reported later
	}
	for outcome, want := range cases {
		t.Run(outcome, func(t *testing.T) {
			driver := o.open(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			answer, err := driver.Do(ctx, o.call(outcome))
			if want == fault.None {
				if err != nil {
					t.Fatalf("Do: %v", err)
				}
				if !o.Sends && !answer.Result.IsValid() {
					t.Errorf("Result of a look-up is not JSON: %q", answer.Result)
				}
				return
			}
			if fault.Of(err) != want {
				t.Errorf("reason = %q, want %q: %v", fault.Of(err), want, err)
			}
		})
	}
	t.Run("throttle", func(t *testing.T) {
		driver := o.open(t)
		_, err := driver.Do(t.Context(), o.call("throttle"))
		if fault.Of(err) != fault.RateLimited {
			t.Errorf("first call: %v, want %s", err, fault.RateLimited)
		}
		if _, err := driver.Do(t.Context(), o.call("throttle")); err != nil {
			t.Errorf("second call: %v, want success", err)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		driver := o.open(t)
		// The deadline is short because nothing but time can end this call; the
		// reason must be right even when the machine is slow to send.
		ctx, cancel := context.WithTimeout(t.Context(), silence)
		defer cancel()
		ctx, exchange := providers.WithExchange(ctx)
		_, err := driver.Do(ctx, o.call("timeout"))
		want := fault.Timeout
		if exchange.Left {
			want = lost(fault.Timeout)
		}
		for _, problem := range differences(want, "", 0, err) {
			t.Error(problem)
		}
	})
	t.Run("check", func(t *testing.T) {
		if err := o.open(t).Check(t.Context()); err != nil {
			t.Errorf("Check: %v", err)
		}
	})
}

func (o Outcomes[P]) call(outcome string) providers.Call[P] {
	return providers.Call[P]{ID: uuid.New(), Attempt: 1, Request: o.Request(outcome)}
}

func (o Outcomes[P]) open(t *testing.T) providers.Provider[P] {
	t.Helper()
	driver := o.New(t)
	t.Cleanup(func() {
		switch closer := driver.(type) {
		case interface{ Close() error }:
			if err := closer.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		case interface{ Close() }:
			closer.Close()
		}
	})
	return driver
}
