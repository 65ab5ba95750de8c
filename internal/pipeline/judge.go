package pipeline

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Retry is one kind's retry policy.
type Retry struct {
	// Base is the delay before the first retry, Factor its growth, Cap its bound.
	Base   time.Duration
	Factor float64
	Cap    time.Duration
	// Max is the number of retries; Max+1 rounds are made.
	Max int
}

// Delay is the wait before retry n (from 1): exponential with full jitter, at
// least a tenth of the whole so that retries do not bunch at zero.
func (r Retry) Delay(n int) time.Duration {
	whole := float64(r.Base)
	for range n - 1 {
		whole = min(whole*r.Factor, float64(r.Cap))
	}
	whole = min(whole, float64(r.Cap))
	return time.Duration(whole * (0.1 + 0.9*rand.Float64()))
}

// freeWait is how long a postponement that spends no round waits when the
// provider did not say.
const freeWait = 5 * time.Second

// judge turns the result into the record to commit, by the one failure table.
func (e *execution) judge() {
	r := delivery.Record{
		Row: e.row, Token: e.token, Status: e.result.Status, Round: e.row.Round,
		Provider: e.result.Provider, ProviderMessageID: e.result.ProviderMessageID, Subject: e.result.Subject,
		Result: e.result.Result, Attempts: e.result.Attempts, Recipients: e.result.Recipients,
	}
	if e.result.Err != nil {
		e.judgeFailure(&r)
	}
	if len(e.row.Recipients) > 0 && !r.Status.Open() {
		judgeRecipients(&r)
	}
	e.outcome = r
}

// judgeRecipients ends a message to several of which earlier rounds reached some:
// those keep what they have, and the best of all is the status of the whole.
func judgeRecipients(r *delivery.Record) {
	r.Recipients = delivery.MergeRecipients(r.Row.Recipients, r.Recipients)
	for i, one := range r.Recipients {
		if one.Status.Open() {
			r.Recipients[i].Status, r.Recipients[i].Reason = delivery.Failed, r.Reason
		}
	}
	r.Result = delivery.ShowRecipients(r.Recipients)
	best := slices.MaxFunc(r.Recipients, func(a, b delivery.Recipient) int { return a.Status.Rank() - b.Status.Rank() }).Status
	if r.Status.Final() && best.Rank() >= delivery.RankSent && best.Rank() > r.Status.Rank() {
		r.Status, r.Reason, r.ErrorCode, r.ErrorMessage, r.Letter = best, fault.None, "", "", nil
	}
}

func (e *execution) judgeFailure(r *delivery.Record) {
	failure := fault.As(e.result.Err)
	rule := failure.Reason.Rule()
	r.Reason, r.ErrorCode, r.ErrorMessage = failure.Reason, failure.Code, clipped(failure)
	if r.Status != "" { // the handler knows a better end, such as manual_review
		if rule.Letter && r.Status == delivery.Ends(failure.Reason) {
			r.Letter = e.content(r.Status)
		}
		return
	}
	if failure.Reason == fault.UnknownOutcome {
		e.judgeUnknown(r, failure)
		return
	}
	policy := e.p.options.Retry(e.cmd.Kind)
	wait := failure.RetryAfter
	if !rule.Free {
		r.Round++
		wait = max(wait, policy.Delay(r.Round))
	} else if wait == 0 {
		wait = freeWait
	}
	if rule.Retry && r.Round <= policy.Max && e.verdict == nil {
		r.Status, r.Due = delivery.Retrying, e.p.options.Now().Add(wait)
		return
	}
	r.Status = delivery.Ends(failure.Reason)
	if rule.Letter {
		r.Letter = e.content(r.Status)
	}
}

// judgeUnknown keeps the provider that may have sent: nobody else is tried. With
// a time to ask again the command comes back to be recovered; without one it is
// a person's to settle.
func (e *execution) judgeUnknown(r *delivery.Record, failure *fault.Error) {
	r.Unsure = r.Provider
	if failure.RetryAfter > 0 {
		r.Status, r.Due = delivery.Retrying, e.p.options.Now().Add(failure.RetryAfter)
		return
	}
	r.Status, r.Letter = delivery.Unknown, e.content(delivery.Unknown)
}

// clipped bounds the stored error text and keeps it storable: vendors answer
// with NUL characters and broken UTF-8 too.
func clipped(failure *fault.Error) string {
	const most = 1000
	text := failure.Error()
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
}
