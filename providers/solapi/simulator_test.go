package solapi

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

func numbers(outcome string) providers.SMS {
	return providers.SMS{Text: "모의 " + outcome, To: map[string]string{
		"success": "+821012345678", "bounce": "+821000000001", "reject": "+821000000002", "throttle": "+821000000003",
		"error": "+821000000004", "timeout": "+821000000005", "drop": "+821000000006", "slow": "+821000000007",
	}[outcome]}
}

func simulated(t *testing.T, more simulator.Options) (*simulator.Simulator, Options) {
	t.Helper()
	more.SlowDelay = 20 * time.Millisecond
	s, err := simulator.Start(more)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	key, secret := simulator.Credentials("solapi")
	return s, Options{BaseURL: s.URL("solapi"), APIKey: key, APISecret: secret, From: "033-249-0000"}
}

func TestOutcomes(t *testing.T) {
	_, o := simulated(t, simulator.Options{})
	providertest.RunOutcomes(t, providertest.Outcomes[providers.SMS]{
		New:     func(t *testing.T) providers.Provider[providers.SMS] { return open(t, o) },
		Request: numbers, Sends: true,
	})
}

// TestConfirm: after each outcome the vendor is asked what it has.
func TestConfirm(t *testing.T) {
	_, o := simulated(t, simulator.Options{})
	for outcome, want := range map[string]fault.Reason{
		"success": fault.None, "bounce": fault.None, "drop": fault.None, "slow": fault.None,
		"reject": fault.NotFound, "error": fault.NotFound, "timeout": fault.Unavailable,
	} {
		t.Run(outcome, func(t *testing.T) {
			d := open(t, o)
			defer d.Close()
			call := providers.Call[providers.SMS]{ID: uuid.Must(uuid.NewV7()), Attempt: 1, Request: numbers(outcome)}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			sent, sendErr := d.Do(ctx, call)
			found, err := d.Confirm(t.Context(), call)
			if fault.Of(err) != want {
				t.Fatalf("Confirm after %v: %v, want %q", sendErr, err, want)
			}
			if sendErr == nil && found.MessageID != sent.MessageID {
				t.Errorf("Confirm found %q, Do said %q", found.MessageID, sent.MessageID)
			}
			if err == nil && found.MessageID == "" {
				t.Error("Confirm found no message id")
			}
			other := call
			other.ID = uuid.Must(uuid.NewV7())
			if _, err := d.Confirm(t.Context(), other); err == nil {
				t.Error("the message was taken for another command's")
			}
		})
	}
}

// TestConfirmPages: the message is on the second page of the list.
func TestConfirmPages(t *testing.T) {
	_, o := simulated(t, simulator.Options{Keep: 500})
	d := open(t, o)
	defer d.Close()
	calls := make([]providers.Call[providers.SMS], listLimit+20)
	for i := range calls {
		calls[i] = providers.Call[providers.SMS]{ID: uuid.Must(uuid.NewV7()), Request: numbers("success")}
		if _, err := d.Do(t.Context(), calls[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, call := range calls {
		if _, err := d.Confirm(t.Context(), call); err != nil {
			t.Fatalf("Confirm: %v", err)
		}
	}
}

func TestTrack(t *testing.T) {
	_, o := simulated(t, simulator.Options{})
	d := open(t, o)
	defer d.Close()
	for outcome, want := range map[string]delivery.Recipient{
		"success": {Status: delivery.Delivered}, "bounce": {Status: delivery.Undelivered, Reason: fault.Refused},
	} {
		sent, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: uuid.New(), Request: numbers(outcome)})
		if err != nil {
			t.Fatal(err)
		}
		want.MessageID = sent.MessageID
		if got, err := d.Track(t.Context(), sent.MessageID); err != nil || got != want {
			t.Errorf("%s: Track = %+v, %v; want %+v", outcome, got, err, want)
		}
	}
	if _, err := d.Track(t.Context(), "M4V00000000000000AAAAAAAAAAAAAAAA"); fault.Of(err) != fault.NotFound {
		t.Errorf("Track of an unknown message: %v", err)
	}
}

func TestInbox(t *testing.T) {
	s, o := simulated(t, simulator.Options{})
	d := open(t, o)
	defer d.Close()
	call := providers.Call[providers.SMS]{ID: uuid.New(), Request: providers.SMS{To: "+821012345678", Subject: "안내", Text: "본문"}}
	sent, err := d.Do(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Inbox().List()
	if len(got) != 1 {
		t.Fatalf("%d messages in the inbox", len(got))
	}
	m := got[0]
	if m.ID != sent.MessageID || m.Provider != "solapi" || m.CommandID != call.ID.String() || m.From != "0332490000" ||
		m.To[0] != "01012345678" || m.Subject != "안내" || m.Text != "본문" || m.Header["type"] != "LMS" || !m.Answered {
		t.Errorf("inbox: %+v", m)
	}
}

// TestAuthentication: the simulated vendor refuses as the real one does.
func TestAuthentication(t *testing.T) {
	_, good := simulated(t, simulator.Options{})
	for name, c := range map[string]struct {
		change func(*Options)
		code   string
	}{
		"unknown key":  {func(o *Options) { o.APIKey = "NCSUNKNOWN" }, "InvalidAPIKey"},
		"wrong secret": {func(o *Options) { o.APISecret = "wrong" }, "SignatureDoesNotMatch"},
		"slow clock":   {func(o *Options) { o.Now = func() time.Time { return time.Now().Add(-16 * time.Minute) } }, "RequestTimeTooSkewed"},
		"fast clock":   {func(o *Options) { o.Now = func() time.Time { return time.Now().Add(16 * time.Minute) } }, "RequestTimeTooSkewed"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			c.change(&o)
			d := open(t, o)
			defer d.Close()
			_, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: uuid.New(), Request: numbers("success")})
			for _, err := range []error{err, d.Check(t.Context())} {
				if e, ok := errors.AsType[*fault.Error](err); !ok || e.Reason != fault.Unauthorized || e.Code != c.code {
					t.Errorf("error = %v, want unauthorized %s", err, c.code)
				}
			}
		})
	}
}

// TestSignatureIsRefusedTwice sends the same header twice, as a client does that
// makes it once for all attempts.
func TestSignatureIsRefusedTwice(t *testing.T) {
	var clock atomic.Pointer[time.Time]
	now := time.Now()
	clock.Store(&now)
	s, o := simulated(t, simulator.Options{Now: func() time.Time { return *clock.Load() }})
	d := open(t, o)
	defer d.Close()
	authorization := d.authorization()
	ask := func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL("solapi")+"/cash/v1/balance", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", authorization)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode
	}
	if first, second := ask(), ask(); first != http.StatusOK || second != http.StatusForbidden {
		t.Errorf("statuses %d and %d, want 200 and 403", first, second)
	}
	later := now.Add(14 * time.Minute)
	clock.Store(&later)
	if third := ask(); third != http.StatusForbidden {
		t.Errorf("status %d within 15 minutes, want 403", third)
	}
}

// TestInjectedFaults: faults that an operator injects hit ordinary numbers, and
// what they did to a message can be confirmed.
func TestInjectedFaults(t *testing.T) {
	s, o := simulated(t, simulator.Options{})
	for outcome, want := range map[simulator.Outcome][2]fault.Reason{
		simulator.Error: {fault.Unavailable, fault.NotFound}, simulator.Throttle: {fault.RateLimited, fault.NotFound},
		simulator.Drop: {fault.UnknownOutcome, fault.None},
	} {
		t.Run(string(outcome), func(t *testing.T) {
			s.SetFault("solapi", simulator.Fault{Outcome: outcome, Rate: 1, Until: time.Now().Add(time.Minute)})
			defer s.SetFault("solapi", simulator.Fault{})
			d := open(t, o)
			defer d.Close()
			call := providers.Call[providers.SMS]{ID: uuid.New(), Request: numbers("success")}
			if _, err := d.Do(t.Context(), call); fault.Of(err) != want[0] {
				t.Errorf("Do: %v, want %q", err, want[0])
			}
			if _, err := d.Confirm(t.Context(), call); fault.Of(err) != want[1] {
				t.Errorf("Confirm: %v, want %q", err, want[1])
			}
		})
	}
}
