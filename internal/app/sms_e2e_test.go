package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers/simulator"
	"github.com/gangwon-portal/gangway/providers/smstext"
)

func TestSMSEndToEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "PROVIDERS_SOLAPI_TIMEOUT=1s", "PROVIDERS_SOLAPI_BREAKER_FAILURES=100", "PROVIDERS_SNS_BREAKER_FAILURES=100")
	if code, _, errs := o.publisher("suppressions", "add", "010-9999-0000", "--note", "asked by telephone"); code != cli.ExitDone {
		t.Fatal(errs)
	}
	sent := []delivery.Status{delivery.Sent, delivery.Delivered}
	for name, c := range map[string]struct {
		to, text string
		ends     []delivery.Status
		reason   fault.Reason
		calls    []string
		arrives  string // the number as the gateway wants it
	}{
		"success":       {"010-1234-5678", "[강원] 접수번호 2026-0042", sent, "", []string{"solapi ok"}, "01012345678"},
		"not delivered": {"010-0000-0001", "x", []delivery.Status{delivery.Sent, delivery.Undelivered}, "", []string{"solapi ok"}, ""},
		"refused":       {"010-0000-0002", "x", []delivery.Status{delivery.Failed}, fault.Refused, []string{"solapi failed refused"}, ""},
		"slowed down":   {"010-0000-0003", "x", sent, "", []string{"solapi failed rate_limited", "solapi ok"}, "01000000003"},
		"confirmed":     {"010-0000-0006", "x", sent, "", []string{"solapi unknown unknown_outcome"}, "01000000006"},
		"fails for ever": {
			"010-0000-0004", "x", []delivery.Status{delivery.DeadLettered}, fault.Unavailable,
			slices.Repeat([]string{"solapi failed unavailable", "sns failed unavailable"}, 4), "",
		},
		"suppressed":     {"+82-10-9999-0000", "x", []delivery.Status{delivery.Suppressed}, fault.Suppressed, []string{}, ""},
		"a fixed line":   {"02-120", "x", []delivery.Status{delivery.Rejected}, fault.Invalid, []string{}, ""},
		"an emoji":       {"010-1234-5678", "축하 😀", []delivery.Status{delivery.Rejected}, fault.Invalid, []string{}, ""},
		"too long a one": {"010-1234-5678", strings.Repeat("가", 1001), []delivery.Status{delivery.Rejected}, fault.Invalid, []string{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := *o
			o.t = t
			row := o.await(o.publish("sms.send", fmt.Sprintf(`{"to":%q,"text":%q}`, c.to, c.text)), c.ends...)
			if calls := o.calls(row.ID); row.Reason != c.reason || !slices.Equal(calls, c.calls) {
				t.Errorf("calls %v (%s), want %v (%s); %s", calls, row.Reason, c.calls, c.reason, row.ErrorMessage)
			}
			if got := o.received(c.arrives); c.arrives != "" && (len(got) != 1 || got[0].Text != c.text || got[0].CommandID != row.ID.String()) {
				t.Errorf("received %+v", got)
			}
		})
	}
}

func TestSMSFailover(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.sim.SetFault("solapi", simulator.Fault{Outcome: simulator.Error, Rate: 1, Until: time.Now().Add(time.Hour)})
	row := o.await(o.publish("sms.send", `{"to":"010-1234-5678","text":"접수되었습니다."}`), delivery.Sent, delivery.Delivered)
	if calls := o.calls(row.ID); row.Provider != "sns" || !slices.Equal(calls, []string{"solapi failed unavailable", "sns ok"}) {
		t.Errorf("sent by %s after %v", row.Provider, calls)
	}
	if got := o.received("+821012345678"); len(got) != 1 || got[0].Provider != "sns" {
		t.Errorf("received %+v", got)
	}
	if events := o.messages(broker.StreamEvents, "event.provider.failover"); len(events) != 1 {
		t.Errorf("%d failover events", len(events))
	}
}

// Advertising that comes at night waits until the morning; what is not
// advertising does not.
func TestAdvertisingKeepsTheNight(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	before := time.Now()
	id := o.publish("sms.send", `{"to":"010-1234-5678","text":"참여 기업을 모집합니다.","category":"marketing"}`)
	if until, quiet := smstext.QuietUntil(before); quiet {
		row := o.await(id, delivery.Scheduled)
		if !row.Due.Equal(until) || row.Attempts != 0 {
			t.Errorf("due %v after %d attempts, want %v", row.Due, row.Attempts, until)
		}
		testkit.Eventually(t, 10*time.Second, func() bool {
			return len(o.messages(broker.StreamScheduled, "scheduled.at."+id.String())) == 1
		}, "a schedule")
		o.publish("delivery.cancel", fmt.Sprintf(`{"delivery_id":%q}`, id))
		o.await(id, delivery.Cancelled)
	} else if got := o.await(id, delivery.Sent, delivery.Delivered, delivery.Scheduled); got.Status != delivery.Scheduled {
		if received := o.received("01012345678"); len(received) != 1 || !strings.HasPrefix(received[0].Text, smstext.AdMark) {
			t.Errorf("received %+v", received)
		}
	}
	o.await(o.publish("sms.send", `{"to":"010-2222-3333","text":"접수되었습니다."}`), delivery.Sent, delivery.Delivered)
}
