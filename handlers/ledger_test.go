package handlers

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

func TestLedger(t *testing.T) {
	const a, b, c = "a@x.kr", "b@x.kr", "c@x.kr"
	is := func(address string, status delivery.Status, reason fault.Reason) delivery.Recipient {
		return delivery.Recipient{Address: address, Status: status, Reason: reason}
	}
	answered := func(recipients ...delivery.Recipient) providers.Outcome {
		return providers.Outcome{Provider: "ses", Answer: providers.Answer{Recipients: recipients}}
	}
	failed := func(reason fault.Reason) providers.Outcome {
		return providers.Outcome{Provider: "ses", Err: fault.New(reason, "", "x")}
	}
	for name, tt := range map[string]struct {
		suppressed []string
		earlier    []delivery.Recipient
		out        providers.Outcome
		last       bool
		want       []delivery.Recipient
		again      fault.Reason // why the message comes back, "" when it does not
	}{
		"all accepted alike": {
			want: []delivery.Recipient{is(a, delivery.Sent, ""), is(b, delivery.Sent, ""), is(c, delivery.Sent, "")},
		},
		"one refused, one not now": {
			out:   answered(is(a, delivery.Sent, ""), is(b, delivery.Failed, fault.Refused), is(c, delivery.Failed, fault.Unavailable)),
			want:  []delivery.Recipient{is(a, delivery.Sent, ""), is(b, delivery.Failed, fault.Refused), is(c, delivery.Retrying, fault.Unavailable)},
			again: fault.Unavailable,
		},
		"not now in the last round": {
			out: answered(is(a, delivery.Sent, ""), is(b, delivery.Sent, ""), is(c, delivery.Failed, fault.Unavailable)), last: true,
			want: []delivery.Recipient{is(a, delivery.Sent, ""), is(b, delivery.Sent, ""), is(c, delivery.Failed, fault.Unavailable)},
		},
		"slow down never is the last round": {
			out: answered(is(a, delivery.Sent, ""), is(b, delivery.Sent, ""), is(c, delivery.Failed, fault.RateLimited)), last: true,
			want:  []delivery.Recipient{is(a, delivery.Sent, ""), is(b, delivery.Sent, ""), is(c, delivery.Retrying, fault.RateLimited)},
			again: fault.RateLimited,
		},
		"suppressed ones are left out": {
			suppressed: []string{b},
			want:       []delivery.Recipient{is(a, delivery.Sent, ""), is(b, delivery.Suppressed, fault.Suppressed), is(c, delivery.Sent, "")},
		},
		"those who have it keep what they have": {
			earlier: []delivery.Recipient{is("A@x.kr", delivery.Delivered, ""), is(b, delivery.Retrying, fault.Unavailable)},
			out:     answered(is(b, delivery.Sent, ""), is(c, delivery.Failed, fault.Refused)),
			want:    []delivery.Recipient{is("A@x.kr", delivery.Delivered, ""), is(b, delivery.Sent, ""), is(c, delivery.Failed, fault.Refused)},
		},
		"nobody was reached": {
			out:   failed(fault.Timeout),
			want:  []delivery.Recipient{is(a, delivery.Retrying, fault.Timeout), is(b, delivery.Retrying, fault.Timeout), is(c, delivery.Retrying, fault.Timeout)},
			again: fault.Timeout,
		},
		"nobody was reached in the last round": {
			earlier: []delivery.Recipient{is(a, delivery.Sent, "")}, out: failed(fault.Timeout), last: true,
			want:  []delivery.Recipient{is(a, delivery.Sent, ""), is(b, delivery.Failed, fault.Timeout), is(c, delivery.Failed, fault.Timeout)},
			again: fault.Timeout,
		},
		"nobody knows": {
			earlier: []delivery.Recipient{is(a, delivery.Sent, "")}, out: failed(fault.UnknownOutcome),
			want:  []delivery.Recipient{is(a, delivery.Sent, ""), is(b, delivery.Unknown, fault.UnknownOutcome), is(c, delivery.Unknown, fault.UnknownOutcome)},
			again: fault.UnknownOutcome,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger([]string{a, b, c, "B@X.kr"})
			l.suppress(tt.suppressed)
			l.resume(tt.earlier)
			if got := fault.Of(l.settle(tt.out, tt.last)); got != tt.again {
				t.Errorf("comes back for %q, want %q", got, tt.again)
			}
			if diff := cmp.Diff(tt.want, []delivery.Recipient(l)); diff != "" {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLedgerOfOneShowsNothing(t *testing.T) {
	l := newLedger([]string{"a@x.kr"})
	var result delivery.Result
	if err := l.settle(providers.Outcome{}, false); err != nil {
		t.Fatal(err)
	}
	if l.into(&result); result.Recipients != nil || result.Result != nil {
		t.Errorf("result %+v", result)
	}
}
