package smtp

import (
	"slices"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// stage is where in the dialogue a reply came. The same code means different
// things at different stages.
type stage string

const (
	atConnect stage = "connect" // greeting, EHLO, STARTTLS
	atLogin   stage = "auth"
	atMail    stage = "mail" // the sender
	atRcpt    stage = "rcpt" // one recipient
	atData    stage = "data" // before the content
	atBody    stage = "body" // after the final dot
	atNoop    stage = "noop"
)

// rule is one line of the classification. Empty fields match everything.
type rule struct {
	preset   string
	at       []stage
	codes    []int
	class    int
	enhanced []string // each a whole code, or a class and subject: "5.7"
	text     []string // any of these, lower case
	reason   fault.Reason
	says     string
	wait     time.Duration
}

// quotaWait is when a used-up allowance is tried again. Allowances clear within
// 24 hours, gradually, and no server says when.
const quotaWait = time.Hour

// rules are read from the top; the first that matches decides. The order holds
// exceptions before what they except from: a full mailbox and a large message
// are also "quota exceeded", and a daily quota of SES is also "throttling".
func rules() []rule {
	submission := []stage{atConnect, atLogin, atMail}
	content := []stage{atMail, atData, atBody}
	return []rule{
		// One recipient's trouble, whatever the words.
		{at: []stage{atRcpt}, enhanced: []string{"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}, reason: fault.Refused, says: "the recipient is refused"},
		{enhanced: []string{"4.2.2", "5.2.2"}, reason: fault.Unavailable, says: "a mailbox is full"},
		{enhanced: []string{"4.2.1"}, reason: fault.Unavailable, says: "the mailbox takes nothing at the moment"},
		{at: []stage{atRcpt}, codes: []int{552}, reason: fault.Unavailable, says: "a mailbox is full"},
		{at: []stage{atRcpt}, text: []string{"over quota", "overquota", "mailbox full", "mailbox is full"}, reason: fault.Unavailable, says: "a mailbox is full"},
		{enhanced: []string{"4.5.3", "5.5.3"}, reason: fault.Unavailable, says: "the server takes no more recipients in one message"},
		{enhanced: []string{"5.3.4", "5.2.3"}, reason: fault.Refused, says: "the message is too large"},
		{at: content, codes: []int{552}, class: 5, reason: fault.Refused, says: "the message is too large or its content is not accepted"},

		// Allowances that clear by time, and limits of speed.
		{enhanced: []string{"5.4.5", "4.4.5"}, reason: fault.QuotaExhausted, says: "the daily sending limit is reached", wait: quotaWait},
		{
			text: []string{
				"quota exceeded", "quotaexceeded", "daily", "credits exceeded", "exceeded your", "messaging limit", "sending limit",
			},
			reason: fault.QuotaExhausted, says: "the sending quota is used up", wait: quotaWait,
		},
		{at: []stage{atLogin}, codes: []int{432}, enhanced: []string{"4.7.12"}, reason: fault.Unauthorized, says: "the account's password has to be renewed"},
		{codes: []int{432}, reason: fault.RateLimited, says: "too many connections at once"},
		{preset: SendGrid, codes: []int{452}, reason: fault.RateLimited, says: "the server asks to slow down"},
		{
			text: []string{
				"throttl", "sending rate", "rate limit", "too many connections", "too many concurrent", "too many messages",
				"concurrent connections", "server busy", "too fast",
			},
			reason: fault.RateLimited, says: "the server asks to slow down",
		},
		{text: []string{"limit exceeded"}, reason: fault.QuotaExhausted, says: "the sending limit is reached", wait: quotaWait},
		{codes: []int{421}, enhanced: []string{"4.7"}, reason: fault.RateLimited, says: "the server asks to come back later"},
		{codes: []int{421}, reason: fault.Unavailable, says: "the server closes the connection"},

		// The operator's trouble: never the recipient's.
		{codes: []int{530, 534, 535, 538}, reason: fault.Unauthorized, says: "the login is not accepted"},
		{at: []stage{atLogin}, class: 5, reason: fault.Unauthorized, says: "the login is not accepted"},
		{at: []stage{atLogin}, class: 4, reason: fault.Unavailable, says: "the login cannot be checked at the moment"},
		{enhanced: []string{"5.7.3", "5.7.8", "5.7.9", "5.7.30", "5.7.57", "5.7.139"}, reason: fault.Unauthorized, says: "the account may not send by this way of login"},
		{enhanced: []string{"5.7.60"}, reason: fault.Unauthorized, says: "the account may not send as this sender"},
		{text: []string{"sendasdenied"}, class: 5, reason: fault.Unauthorized, says: "the account may not send as this sender"},
		{preset: SES, at: content, class: 5, text: []string{"not verified", "access denied", "not authorized"}, reason: fault.Unauthorized, says: "the sender is not verified for this account"},
		{preset: SendGrid, at: content, codes: []int{550}, reason: fault.Unauthorized, says: "the sender is not verified for this account"},
		{at: []stage{atRcpt}, class: 5, text: []string{"relay"}, reason: fault.Unauthorized, says: "the server does not relay for this account"},
		{codes: []int{500, 501, 502, 503, 504, 555}, at: []stage{atConnect, atMail, atData, atBody, atNoop}, reason: fault.Unavailable, says: "the server does not follow the dialogue"},
		{codes: []int{500, 502, 503, 504}, at: []stage{atRcpt}, reason: fault.Unavailable, says: "the server does not follow the dialogue"},
		{enhanced: []string{"5.3"}, reason: fault.Unavailable, says: "the mail system is out of order"},
		{at: submission, class: 5, enhanced: []string{"5.7"}, reason: fault.Unauthorized, says: "the account may not send"},
		{at: []stage{atMail}, class: 5, reason: fault.Unauthorized, says: "the sender is not accepted"},

		// What is left.
		{at: []stage{atRcpt}, class: 5, reason: fault.Refused, says: "the recipient is refused"},
		{at: []stage{atData, atBody}, class: 5, reason: fault.Refused, says: "the message is refused"},
		{class: 5, reason: fault.Unavailable, says: "the server refuses to serve"},
		{class: 4, reason: fault.Unavailable, says: "the server cannot take it at the moment"},
		// Neither yes nor no. After the content it may have been a yes.
		{at: []stage{atBody}, reason: fault.UnknownOutcome, says: "the server's answer makes no sense"},
		{reason: fault.Unavailable, says: "the server's answer makes no sense"},
	}
}

// classify judges a reply that is no acceptance.
func (d *Driver) classify(at stage, r reply) *fault.Error {
	for _, rule := range d.rules {
		if rule.matches(d.options.Preset, at, r) {
			return &fault.Error{Reason: rule.reason, Op: "smtp: " + string(at), Code: r.String(), Message: rule.says, RetryAfter: rule.wait}
		}
	}
	return &fault.Error{Reason: fault.Internal, Op: "smtp: " + string(at), Code: r.String(), Message: "no rule for this reply"}
}

func (l rule) matches(preset string, at stage, r reply) bool {
	switch {
	case l.preset != "" && l.preset != preset,
		l.at != nil && !slices.Contains(l.at, at),
		l.codes != nil && !slices.Contains(l.codes, r.code),
		l.class != 0 && l.class != r.class(),
		l.enhanced != nil && !slices.ContainsFunc(l.enhanced, r.under):
		return false
	}
	if l.text == nil {
		return true
	}
	// Words decide only where the server says no.
	text := strings.ToLower(r.words())
	return (r.class() == 4 || r.class() == 5) && slices.ContainsFunc(l.text, func(word string) bool { return strings.Contains(text, word) })
}

// under reports whether the enhanced code is the given one or below it.
func (r reply) under(code string) bool {
	return r.enhanced == code || strings.HasPrefix(r.enhanced, code+".")
}

// words is the text without the addresses that servers echo: somebody called
// daily@ or relay@ must not look like a spent quota or a wrong account.
func (r reply) words() string {
	return strings.Join(slices.DeleteFunc(strings.Fields(r.text), func(word string) bool { return strings.Contains(word, "@") }), " ")
}
