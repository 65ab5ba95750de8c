package handlers

import (
	"slices"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// ledger keeps the outcome of each recipient of a message, in the order To, Cc,
// Bcc, each address once. An empty status means that nothing was sent yet.
type ledger []delivery.Recipient

func newLedger(addresses []string) ledger {
	l := make(ledger, 0, len(addresses))
	for _, address := range addresses {
		if l.at(address) == nil {
			l = append(l, delivery.Recipient{Address: address})
		}
	}
	return l
}

func (l ledger) at(address string) *delivery.Recipient {
	folded := delivery.FoldAddress(address)
	i := slices.IndexFunc(l, func(r delivery.Recipient) bool { return delivery.FoldAddress(r.Address) == folded })
	if i < 0 {
		return nil
	}
	return &l[i]
}

func (l ledger) folded() []string {
	all := make([]string, len(l))
	for i, r := range l {
		all[i] = delivery.FoldAddress(r.Address)
	}
	return all
}

// suppress marks those that get nothing.
func (l ledger) suppress(folded []string) {
	for _, address := range folded {
		if r := l.at(address); r != nil {
			r.Status, r.Reason = delivery.Suppressed, fault.Suppressed
		}
	}
}

// resume takes over what earlier rounds reached.
func (l ledger) resume(earlier []delivery.Recipient) {
	for _, e := range earlier {
		if r := l.at(e.Address); r != nil && e.Status.Rank() >= delivery.RankSent {
			*r = e
		}
	}
}

// wants reports whether an address is to be sent to.
func (l ledger) wants(address string) bool {
	r := l.at(address)
	return r != nil && r.Status.Rank() < delivery.RankSent && r.Status != delivery.Suppressed
}

func (l ledger) pending() bool {
	return slices.ContainsFunc(l, func(r delivery.Recipient) bool { return l.wants(r.Address) })
}

// settle writes down what one round came to and returns the error that brings
// the message back for those that may still be reached; nil when nobody is left.
func (l ledger) settle(out providers.Outcome, last bool) error {
	if out.Err != nil {
		l.failed(fault.Of(out.Err), last)
		return out.Err
	}
	asked := slices.DeleteFunc(l.addresses(), func(address string) bool { return !l.wants(address) })
	for _, address := range asked {
		r := l.at(address)
		r.Status, r.Reason, r.MessageID = delivery.Sent, fault.None, out.Answer.MessageID
	}
	left := fault.None
	for _, answer := range out.Answer.Recipients {
		r := l.at(answer.Address)
		if r == nil || !slices.Contains(asked, r.Address) || answer.Status == delivery.Sent {
			continue
		}
		r.Status, r.Reason, r.MessageID = answer.Status, answer.Reason, ""
		if again(answer.Reason, last) {
			r.Status, left = delivery.Retrying, answer.Reason
		}
	}
	if left == fault.None {
		return nil
	}
	return fault.New(left, out.Provider, "some of the recipients were not accepted yet; the others have it")
}

// failed is the outcome of a round that reached nobody.
func (l ledger) failed(reason fault.Reason, last bool) {
	status := delivery.Failed
	switch {
	case reason == fault.UnknownOutcome:
		status = delivery.Unknown
	case again(reason, last):
		status = delivery.Retrying
	}
	for i := range l {
		if l.wants(l[i].Address) {
			l[i].Status, l[i].Reason = status, reason
		}
	}
}

func (l ledger) addresses() []string {
	all := make([]string, len(l))
	for i, r := range l {
		all[i] = r.Address
	}
	return all
}

// into shows the outcomes of several recipients in the result. A single one is
// the delivery's own status.
func (l ledger) into(result *delivery.Result) {
	if len(l) < 2 {
		return
	}
	result.Recipients = slices.DeleteFunc(slices.Clone(l), func(r delivery.Recipient) bool { return r.Status == "" })
	if len(result.Recipients) == 0 {
		return
	}
	result.Result = delivery.ShowRecipients(result.Recipients)
}

// again reports whether another round follows for a reason.
func again(reason fault.Reason, last bool) bool {
	rule := reason.Rule()
	return rule.Retry && (rule.Free || !last)
}
