package nhncloud

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

func newServer(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func numbers(outcome string) providers.SMS {
	return providers.SMS{Text: "모의 " + outcome, To: map[string]string{
		"success": "+821012345678", "bounce": "+821000000001", "reject": "+821000000002", "throttle": "+821000000003",
		"error": "+821000000004", "timeout": "+821000000005", "drop": "+821000000006", "slow": "+821000000007",
	}[outcome]}
}

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
	key, secret := simulator.Credentials("nhncloud")
	return s, Options{BaseURL: s.URL("nhncloud"), AppKey: key, SecretKey: secret, From: "033-249-0000"}
}

func TestOutcomes(t *testing.T) {
	_, o := simulated(t)
	providertest.RunOutcomes(t, providertest.Outcomes[providers.SMS]{
		New:     func(t *testing.T) providers.Provider[providers.SMS] { return open(t, o) },
		Request: numbers, Sends: true,
	})
}

// TestConfirm: after each outcome the vendor is asked what it has, for short and
// for long messages, which have lists of their own.
func TestConfirm(t *testing.T) {
	_, o := simulated(t)
	for outcome, want := range map[string]fault.Reason{
		"success": fault.None, "bounce": fault.None, "drop": fault.None, "slow": fault.None,
		"reject": fault.NotFound, "error": fault.NotFound, "timeout": fault.Unavailable,
	} {
		for kind, text := range map[string]string{"short": "가", "long": strings.Repeat("가", 50)} {
			t.Run(outcome+" "+kind, func(t *testing.T) {
				d := open(t, o)
				defer d.Close()
				request := numbers(outcome)
				request.Text = text
				call := providers.Call[providers.SMS]{ID: uuid.New(), Attempt: 1, Request: request}
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
				other.ID = uuid.New()
				if _, err := d.Confirm(t.Context(), other); err == nil {
					t.Error("the message was taken for another command's")
				}
			})
		}
	}
}

func TestTrack(t *testing.T) {
	_, o := simulated(t)
	d := open(t, o)
	defer d.Close()
	for _, text := range []string{"가", strings.Repeat("가", 50)} {
		for outcome, want := range map[string]delivery.Recipient{
			"success": {Status: delivery.Delivered}, "bounce": {Status: delivery.Undelivered, Reason: fault.Refused},
		} {
			request := numbers(outcome)
			request.Text = text
			sent, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: uuid.New(), Request: request})
			if err != nil {
				t.Fatal(err)
			}
			want.MessageID = sent.MessageID
			if got, err := d.Track(t.Context(), sent.MessageID); err != nil || got != want {
				t.Errorf("%s: Track = %+v, %v; want %+v", outcome, got, err, want)
			}
		}
	}
	if _, err := d.Track(t.Context(), "20180810100630ReZQ6KZzAH0"); fault.Of(err) != fault.NotFound {
		t.Errorf("Track of an unknown request: %v", err)
	}
}

func TestInbox(t *testing.T) {
	s, o := simulated(t)
	d := open(t, o)
	defer d.Close()
	call := providers.Call[providers.SMS]{ID: uuid.New(), Request: providers.SMS{
		To: "+821012345678", Subject: "(광고)안내", Text: "(광고)본문\n무료수신거부 080-123-4567", Marketing: true,
	}}
	sent, err := d.Do(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Inbox().List()
	if len(got) != 1 {
		t.Fatalf("%d messages in the inbox", len(got))
	}
	m := got[0]
	if m.ID != sent.MessageID || m.Provider != "nhncloud" || m.CommandID != call.ID.String() || m.From != "0332490000" ||
		m.To[0] != "01012345678" || m.Subject != "(광고)안내" || m.Header["type"] != "LMS" || m.Header["category"] != "marketing" {
		t.Errorf("inbox: %+v", m)
	}
	// An advertisement without its marks is refused by the vendor.
	call.Request.Subject, call.Request.Text = "", "본문"
	if _, err := d.Do(t.Context(), call); fault.Of(err) != fault.Refused {
		t.Errorf("unmarked advertisement: %v", err)
	}
}

func TestAuthentication(t *testing.T) {
	_, good := simulated(t)
	for name, change := range map[string]func(*Options){
		"unknown app key": func(o *Options) { o.AppKey = "unknown" },
		"wrong secret":    func(o *Options) { o.SecretKey = "wrong" },
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
