package pipeline

import (
	"testing"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

func TestSeveralKeepWhatTheyHave(t *testing.T) {
	const a, b = "a@x.kr", "b@x.kr"
	is := func(address string, status delivery.Status, reason fault.Reason) delivery.Recipient {
		return delivery.Recipient{Address: address, Status: status, Reason: reason}
	}
	waiting := is(b, delivery.Retrying, fault.Unavailable)
	for name, c := range map[string]struct {
		earlier, now []delivery.Recipient
		status       delivery.Status
		reason       fault.Reason
		want         delivery.Status
		wantReason   fault.Reason
		result       string
	}{
		"it expires before the rest is sent": {
			earlier: []delivery.Recipient{is(a, delivery.Sent, ""), waiting}, status: delivery.Expired, reason: fault.Expired, want: delivery.Sent,
			result: `{"recipients":[{"address":"a@x.kr","status":"sent"},{"address":"b@x.kr","status":"failed","reason":"expired"}]}`,
		},
		"its rounds are used up": {
			earlier: []delivery.Recipient{is(a, delivery.Delivered, ""), waiting}, now: []delivery.Recipient{is("B@x.kr", delivery.Failed, fault.Timeout)},
			status: delivery.DeadLettered, reason: fault.Timeout, want: delivery.Delivered,
			result: `{"recipients":[{"address":"B@x.kr","status":"failed","reason":"timeout"},{"address":"a@x.kr","status":"delivered"}]}`,
		},
		"nobody had it": {
			earlier: []delivery.Recipient{is(a, delivery.Failed, fault.Refused), waiting}, status: delivery.Cancelled, reason: fault.Cancelled,
			want: delivery.Cancelled, wantReason: fault.Cancelled,
			result: `{"recipients":[{"address":"a@x.kr","status":"failed","reason":"refused"},{"address":"b@x.kr","status":"failed","reason":"cancelled"}]}`,
		},
		"what is unknown stays a person's to settle": {
			earlier: []delivery.Recipient{is(a, delivery.Sent, "")}, now: []delivery.Recipient{is(b, delivery.Unknown, fault.UnknownOutcome)},
			status: delivery.Unknown, reason: fault.UnknownOutcome, want: delivery.Unknown, wantReason: fault.UnknownOutcome,
			result: `{"recipients":[{"address":"b@x.kr","status":"unknown","reason":"unknown_outcome"},{"address":"a@x.kr","status":"sent"}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := delivery.Record{Row: delivery.Row{Recipients: c.earlier}, Status: c.status, Reason: c.reason, Recipients: c.now, Letter: &delivery.LetterContent{}}
			judgeRecipients(&r)
			if r.Status != c.want || r.Reason != c.wantReason || string(r.Result) != c.result || (r.Letter == nil) != (c.want != c.status) {
				t.Errorf("%s (%s) with letter %v\n%s, want %s (%s)\n%s", r.Status, r.Reason, r.Letter, r.Result, c.want, c.wantReason, c.result)
			}
		})
	}
}
