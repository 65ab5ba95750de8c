package sens

import (
	"context"
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
	key, secret := simulator.Credentials("sens")
	return s, Options{BaseURL: s.URL("sens"), ServiceID: simulator.ServiceID, AccessKey: key, SecretKey: secret, From: "033-249-0000"}
}

func TestOutcomes(t *testing.T) {
	_, o := simulated(t, simulator.Options{})
	providertest.RunOutcomes(t, providertest.Outcomes[providers.SMS]{
		New:     func(t *testing.T) providers.Provider[providers.SMS] { return open(t, o) },
		Request: numbers, Sends: true,
	})
}

// TestConfirm: after each outcome the vendor is asked what it has. Its list has
// no texts, so that each candidate is opened.
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
			if (err == nil && found.MessageID == "") || (sendErr == nil && found.MessageID != sent.MessageID) {
				t.Errorf("Confirm found %q, Do said %q", found.MessageID, sent.MessageID)
			}
			other := call
			other.Request.Text += " (다른 글)"
			if _, err := d.Confirm(t.Context(), other); err == nil {
				t.Error("the message was taken for another text's")
			}
		})
	}
}

// TestConfirmPages: many messages to one number, of which the first is wanted.
func TestConfirmPages(t *testing.T) {
	_, o := simulated(t, simulator.Options{Keep: 500})
	d := open(t, o)
	defer d.Close()
	call := providers.Call[providers.SMS]{ID: uuid.Must(uuid.NewV7()), Request: numbers("success")}
	others := call
	others.Request.To = "+821012349999"
	for range pageSize + 5 {
		if _, err := d.Do(t.Context(), others); err != nil {
			t.Fatal(err)
		}
	}
	sent, err := d.Do(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := d.Confirm(t.Context(), call); err != nil || found.MessageID != sent.MessageID {
		t.Errorf("Confirm = %+v, %v", found, err)
	}
	// The same text 105 times to one number: it is found on the first page.
	if _, err := d.Confirm(t.Context(), others); err != nil {
		t.Errorf("Confirm: %v", err)
	}
	// Another text among those: each would have to be opened.
	others.Request.Text = "다른 글"
	if _, err := d.Confirm(t.Context(), others); fault.Of(err) != fault.Unavailable {
		t.Errorf("Confirm among too many: %v, want unavailable", err)
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
	if _, err := d.Track(t.Context(), "RSSA-0"); fault.Of(err) != fault.NotFound {
		t.Errorf("Track of an unknown request: %v", err)
	}
}

func TestInbox(t *testing.T) {
	s, o := simulated(t, simulator.Options{})
	d := open(t, o)
	defer d.Close()
	request := providers.SMS{To: "+821012345678", Subject: "안내", Text: "본문", Marketing: true}
	if _, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: uuid.New(), Request: request}); err != nil {
		t.Fatal(err)
	}
	got := s.Inbox().List()
	if len(got) != 1 {
		t.Fatalf("%d messages in the inbox", len(got))
	}
	m := got[0]
	if m.Provider != "sens" || m.From != "0332490000" || m.To[0] != "01012345678" || m.Subject != "안내" || m.Text != "본문" ||
		m.Header["type"] != "LMS" || m.Header["category"] != "marketing" || m.CommandID != "" {
		t.Errorf("inbox: %+v", m)
	}
}

func TestAuthentication(t *testing.T) {
	_, good := simulated(t, simulator.Options{})
	for name, change := range map[string]func(*Options){
		"unknown key":     func(o *Options) { o.AccessKey = "unknown" },
		"wrong secret":    func(o *Options) { o.SecretKey = "wrong" },
		"unknown service": func(o *Options) { o.ServiceID = "ncp:sms:kr:1:x" },
		"slow clock":      func(o *Options) { o.Now = func() time.Time { return time.Now().Add(-6 * time.Minute) } },
		"fast clock":      func(o *Options) { o.Now = func() time.Time { return time.Now().Add(6 * time.Minute) } },
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			change(&o)
			d := open(t, o)
			defer d.Close()
			_, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: uuid.New(), Request: numbers("success")})
			for _, err := range []error{err, d.Check(t.Context())} {
				if fault.Of(err) != fault.Unauthorized {
					t.Errorf("error = %v, want unauthorized", err)
				}
			}
		})
	}
}
