package smtp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// verdicts are replies as servers give them, and what follows from each.
var verdicts = []struct {
	preset string
	at     stage
	reply  string
	want   fault.Reason
}{
	// Recipients that do not exist.
	{"", atRcpt, "550 5.1.1 The email account that you tried to reach does not exist", fault.Refused},
	{"", atRcpt, "550 5.1.2 Bad destination system", fault.Refused},
	{"", atRcpt, "553 5.1.3 The recipient address is not a valid RFC 5321 address", fault.Refused},
	{"", atRcpt, "550 5.1.6 Recipient has moved", fault.Refused},
	{Outlook, atRcpt, "550 5.1.10 RESOLVER.ADR.RecipientNotFound", fault.Refused},
	{"", atRcpt, "550 No such user here", fault.Refused},
	{"", atRcpt, "551 User not local", fault.Refused},
	{SES, atRcpt, "553 Invalid recipient address", fault.Refused},
	{"", atRcpt, "450 5.1.1 the enhanced code is the one that counts", fault.Refused},
	{"", atRcpt, "550 4.1.1 the enhanced code is the one that counts", fault.Unavailable},
	// An echoed address says nothing, whoever chose it.
	{"", atRcpt, "550 5.1.1 <daily@example.kr>: Recipient address rejected: User unknown", fault.Refused},
	{"", atRcpt, "550 <throttle.relay@server-busy.example>: no such user", fault.Refused},
	{"", atRcpt, "554 5.7.1 <daily@example.kr>: Recipient address rejected", fault.Refused},
	{"", atRcpt, "550 5.1.1 daily: User unknown", fault.Refused},
	// Full mailboxes are soft, whatever they are called.
	{"", atRcpt, "552 5.2.2 Mailbox full, quota exceeded", fault.Unavailable},
	{"", atRcpt, "452 4.2.2 The email account is over quota", fault.Unavailable},
	{Outlook, atBody, "554 5.2.2 mailbox full; STOREDRV.Submission.Exception", fault.Unavailable},
	{"", atRcpt, "552 Requested action aborted: exceeded storage allocation", fault.Unavailable},
	{"", atRcpt, "550 user is over quota", fault.Unavailable},
	{"", atRcpt, "450 4.2.1 The user receives mail too quickly: rate limit", fault.Unavailable},
	{"", atRcpt, "452 4.5.3 Too many recipients", fault.Unavailable},
	// Size and content.
	{"", atMail, "552 5.3.4 Message size exceeds fixed limit: limit exceeded", fault.Refused},
	{SES, atBody, "552 Message is too long", fault.Refused},
	{Gmail, atBody, "552 5.7.0 This message was blocked because its content presents a potential security issue", fault.Refused},
	{"", atBody, "554 5.7.1 Message contains spam", fault.Refused},
	{"", atBody, "554 Transaction failed", fault.Refused},
	{"", atData, "554 5.5.0 No", fault.Refused},
	// Allowances.
	{Gmail, atRcpt, "550 5.4.5 Daily user sending limit exceeded", fault.QuotaExhausted},
	{Gmail, atBody, "550 5.4.5 Daily user sending quota exceeded", fault.QuotaExhausted},
	{Outlook, atBody, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", fault.QuotaExhausted},
	{SES, atBody, "454 Throttling failure: Daily message quota exceeded.", fault.QuotaExhausted},
	{SendGrid, atBody, "451 Authentication failed: Maximum credits exceeded", fault.QuotaExhausted},
	{SendGrid, atRcpt, "451 You've exceeded your messaging limits", fault.QuotaExhausted},
	{"", atMail, "550 hourly limit exceeded", fault.QuotaExhausted},
	// Speed.
	{SES, atBody, "454 Throttling failure: Maximum sending rate exceeded.", fault.RateLimited},
	{Outlook, atMail, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", fault.RateLimited},
	{SendGrid, atRcpt, "452 slow down", fault.RateLimited},
	{"", atConnect, "421 4.7.0 Try again later", fault.RateLimited},
	{Gmail, atMail, "421 4.7.28 Unusual rate", fault.RateLimited},
	{"", atMail, "451 4.7.500 Server busy. Please try again later", fault.RateLimited},
	{"", atConnect, "421 Too many concurrent SMTP connections", fault.RateLimited},
	// Servers in trouble.
	{"", atConnect, "421 4.3.2 Service shutting down", fault.Unavailable},
	{"", atMail, "421 closing", fault.Unavailable},
	{"", atRcpt, "421 4.4.2 Idle", fault.Unavailable},
	{"", atBody, "421 4.3.0 Temporary system problem", fault.Unavailable},
	{"", atBody, "451 4.3.0 Queue file write error", fault.Unavailable},
	{"", atRcpt, "450 4.7.1 Greylisted", fault.Unavailable},
	{"", atMail, "452 4.3.1 Insufficient system storage", fault.Unavailable},
	{"", atConnect, "554 No SMTP service here", fault.Unavailable},
	{"", atRcpt, "550 5.3.2 System not accepting network messages", fault.Unavailable},
	{"", atMail, "501 5.5.4 Syntax error", fault.Unavailable},
	{"", atRcpt, "503 5.5.1 Bad sequence", fault.Unavailable},
	{"", atData, "503 5.5.1 Bad sequence", fault.Unavailable},
	{"", atMail, "354 what", fault.Unavailable},
	{"", atBody, "354 what", fault.UnknownOutcome},
	// The operator's trouble.
	{Gmail, atLogin, "535 5.7.8 Username and Password not accepted", fault.Unauthorized},
	{Gmail, atLogin, "534 5.7.9 Application-specific password required", fault.Unauthorized},
	{Outlook, atLogin, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled", fault.Unauthorized},
	{Outlook, atLogin, "550 5.7.30 Basic authentication is not supported for Client Submission.", fault.Unauthorized},
	{"", atLogin, "432 4.7.12 A password transition is needed", fault.Unauthorized},
	{"", atLogin, "504 5.5.4 Unrecognized authentication type", fault.Unauthorized},
	{SES, atLogin, "454 Temporary authentication failure", fault.Unavailable},
	{"", atLogin, "454 4.7.0 Temporary authentication failure", fault.Unavailable},
	{SES, atMail, "530 Authentication required", fault.Unauthorized},
	{"", atMail, "550 5.7.1 Sender is not allowed", fault.Unauthorized},
	{"", atMail, "553 5.1.8 Sender address rejected", fault.Unauthorized},
	{"", atConnect, "554 5.7.1 Your address is on a blocklist", fault.Unauthorized},
	{Outlook, atBody, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", fault.Unauthorized},
	{Outlook, atBody, "530 5.7.57 Client not authenticated to send mail.", fault.Unauthorized},
	{Outlook, atBody, "550 5.7.139 Security defaults", fault.Unauthorized},
	{Outlook, atBody, "554 5.2.252 SendAsDenied; portal not allowed to send as", fault.Unauthorized},
	{SES, atBody, "554 Message rejected: Email address is not verified.", fault.Unauthorized},
	{SES, atBody, "554 Access denied: User is not authorized to perform ses:SendRawEmail", fault.Unauthorized},
	{SES, atBody, "554 Message rejected: content", fault.Refused},
	{SendGrid, atMail, "550 Unauthenticated senders not allowed", fault.Unauthorized},
	{SendGrid, atBody, "550 The from address does not match a verified Sender Identity.", fault.Unauthorized},
	{"", atRcpt, "554 5.7.1 Relay access denied", fault.Unauthorized},
}

var verbs = map[stage]string{atConnect: "GREET", atLogin: "AUTH", atMail: "MAIL", atRcpt: "RCPT", atData: "DATA", atBody: "BODY"}

// TestClassification gives every reply by a real server and compares what Do
// makes of it.
func TestClassification(t *testing.T) {
	for _, c := range verdicts {
		t.Run(fmt.Sprintf("%s %s %s", c.preset, c.at, c.reply), func(t *testing.T) {
			s := serve(t, at(verbs[c.at], c.reply))
			d := s.driver(func(o *Options) { o.Preset, o.Auth = c.preset, AuthPlain })
			_, err := d.Do(t.Context(), call(recipient))
			if fault.Of(err) != c.want {
				t.Fatalf("reason %q, want %q: %v", fault.Of(err), c.want, err)
			}
			e := fault.As(err)
			if want := codes(c.reply); e.Code != want {
				t.Errorf("code %q, want %q", e.Code, want)
			}
			if e.Op != "smtp: "+string(c.at) {
				t.Errorf("op %q at %s", e.Op, c.at)
			}
			if e.Message == "" || e.Err != nil {
				t.Errorf("message %q, cause %v: the server's words must not come along", e.Message, e.Err)
			}
			if (c.want == fault.QuotaExhausted) != (e.RetryAfter == time.Hour) {
				t.Errorf("RetryAfter %s", e.RetryAfter)
			}
		})
	}
}

// TestEveryRule: no rule stands without a reply that shows what it is for.
func TestEveryRule(t *testing.T) {
	all := rules()
	used := make([]bool, len(all))
	for _, c := range verdicts {
		code, text, _ := strings.Cut(c.reply, " ")
		var n int
		_, _ = fmt.Sscan(code, &n)
		for i, rule := range all {
			if rule.matches(c.preset, c.at, parseReply(n, text)) {
				used[i] = true
				break
			}
		}
	}
	for i, rule := range all {
		if !used[i] {
			t.Errorf("rule %d decides about no reply: %+v", i, rule)
		}
	}
}

// codes are the first words that are codes.
func codes(text string) string {
	words := strings.Fields(text)
	if len(words) > 1 && isEnhanced(words[1]) {
		return words[0] + " " + words[1]
	}
	return words[0]
}
