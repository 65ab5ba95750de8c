package sns

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

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
	id, secret := simulator.Credentials("sns")
	return s, Options{BaseURL: s.URL("sns"), AccessKeyID: id, SecretAccessKey: secret}
}

func TestOutcomes(t *testing.T) {
	_, o := simulated(t, simulator.Options{})
	providertest.RunOutcomes(t, providertest.Outcomes[providers.SMS]{
		New: func(t *testing.T) providers.Provider[providers.SMS] { return open(t, o) },
		Request: func(outcome string) providers.SMS {
			return providers.SMS{Text: "모의 " + outcome, To: map[string]string{
				"success": "+821012345678", "bounce": "+821000000001", "reject": "+821000000002", "throttle": "+821000000003",
				"error": "+821000000004", "timeout": "+821000000005", "drop": "+821000000006", "slow": "+821000000007",
			}[outcome]}
		},
		Sends: true,
	})
}

// TestNoConfirm: SNS cannot be asked about a message, so that the driver must
// not claim that it can.
func TestNoConfirm(t *testing.T) {
	var d any = new(Driver)
	if _, ok := d.(providers.Confirmer[providers.SMS]); ok {
		t.Error("the driver is a Confirmer")
	}
}

func TestInbox(t *testing.T) {
	s, o := simulated(t, simulator.Options{})
	o.From = "GWPORTAL"
	d := open(t, o)
	defer d.Close()
	sent, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: uuid.New(), Request: providers.SMS{
		To: "+821012345678", Text: "안녕 & <잘> \"가\" + 100%", Marketing: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := s.Inbox().List()
	if len(got) != 1 {
		t.Fatalf("%d messages in the inbox", len(got))
	}
	m := got[0]
	if m.ID != sent.MessageID || m.Provider != "sns" || m.From != "GWPORTAL" || m.To[0] != "+821012345678" ||
		m.Text != "안녕 & <잘> \"가\" + 100%" || m.Header["category"] != "marketing" {
		t.Errorf("inbox: %+v", m)
	}
}

func TestAuthentication(t *testing.T) {
	_, good := simulated(t, simulator.Options{})
	for name, c := range map[string]struct {
		change func(*Options)
		code   string
	}{
		"unknown key":  {func(o *Options) { o.AccessKeyID = "AKIAUNKNOWN" }, "InvalidClientTokenId"},
		"wrong secret": {func(o *Options) { o.SecretAccessKey = "wrong" }, "SignatureDoesNotMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			c.change(&o)
			d := open(t, o)
			defer d.Close()
			_, err := d.Do(t.Context(), providers.Call[providers.SMS]{ID: uuid.New(), Request: sms})
			for _, err := range []error{err, d.Check(t.Context())} {
				if e, ok := errors.AsType[*fault.Error](err); !ok || e.Reason != fault.Unauthorized || e.Code != c.code {
					t.Errorf("error = %v, want unauthorized %s", err, c.code)
				}
			}
		})
	}
}

// TestClock: a call that is signed at the wrong time fails, and the next one is
// signed by the vendor's clock.
func TestClock(t *testing.T) {
	_, o := simulated(t, simulator.Options{Now: func() time.Time { return time.Now().Add(20 * time.Minute) }})
	d := open(t, o)
	defer d.Close()
	call := providers.Call[providers.SMS]{ID: uuid.New(), Request: sms}
	if _, err := d.Do(t.Context(), call); fault.Of(err) != fault.Unavailable {
		t.Errorf("first call: %v, want unavailable", err)
	}
	if _, err := d.Do(t.Context(), call); err != nil {
		t.Errorf("second call: %v", err)
	}
}
