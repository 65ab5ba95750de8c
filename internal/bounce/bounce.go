// Package bounce hears of mail that could not be delivered from providers that
// tell so by mail alone: Gmail, Outlook, a server of one's own. It reads the
// mailbox to which delivery status notifications come back (RFC 3464) and makes
// the same events of them that other providers post to a webhook.
//
//	mailbox ── Reader ── Parse ── Report.Notices ── Options.Store (the bus) ── then marked or moved
//
// What is marked has been stored; what was stored and not marked is read again,
// under the same event ids, and changes nothing.
package bounce

import (
	"strings"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// meaning is what one recipient's action and status code come to.
type meaning struct {
	word      string // the last of the event's type, "" when there is nothing to report
	permanent bool   // the address will never take a message
}

// meanings is the table by action (RFC 3464, section 2.3.3). A failed recipient
// is told apart by code, see failed.
var meanings = map[string]meaning{
	"delivered": {word: "delivered"},
	"delayed":   {}, // not the end: failed or nothing follows
	"relayed":   {}, // to a system that reports nothing
	"expanded":  {}, // to a list, whose members are not our recipients
}

// failed tells a bad address, which is a bounce for good, from a mailbox that is
// full, a message that is too large or not wanted, and a server that was away for
// too long: there the message failed and the next one may not.
func failed(code string) meaning {
	class, rest, _ := strings.Cut(code, ".")
	subject, _, _ := strings.Cut(rest, ".")
	switch {
	case delivery.BadAddress(code):
		return meaning{word: "bounced", permanent: true}
	case class != "5" && class != "": // given up after many tries
		return meaning{word: "undelivered"}
	case subject == "2", subject == "3", subject == "6", subject == "7": // mailbox, system, content, policy
		return meaning{word: "undelivered"}
	}
	return meaning{word: "bounced"}
}

// meaning is what the report says of the recipient.
func (r Recipient) meaning() meaning {
	if r.Action == "failed" {
		return failed(r.Code())
	}
	return meanings[r.Action]
}
