package simulator

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// mailReplies are a vendor's words.
type mailReplies struct {
	domain     string
	mechanisms []string
	loginFirst *smtp.SMTPError
	badLogin   *smtp.SMTPError
	noSuchUser *smtp.SMTPError
	slowDown   *smtp.SMTPError
	failure    *smtp.SMTPError
	accepted   string // {id} is the message id
	newID      func() string
}

func say(code int, enhanced smtp.EnhancedCode, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

// repliesOf returns the words of a mail provider. Where a vendor gives no
// enhanced codes, neither does its simulator.
func repliesOf(provider string) mailReplies {
	none := smtp.NoEnhancedCode
	common := mailReplies{
		domain: "mail.simulator.example", mechanisms: []string{"PLAIN", "LOGIN"},
		loginFirst: say(530, smtp.EnhancedCode{5, 7, 0}, "Authentication required"),
		badLogin:   say(535, smtp.EnhancedCode{5, 7, 8}, "Error: authentication failed"),
		noSuchUser: say(550, smtp.EnhancedCode{5, 1, 1}, "Recipient address rejected: User unknown"),
		slowDown:   say(451, smtp.EnhancedCode{4, 7, 1}, "Error: too many messages, rate limit exceeded"),
		failure:    say(451, smtp.EnhancedCode{4, 3, 0}, "Error: queue file write error"),
		accepted:   "2.0.0 Ok: queued as {id}",
		newID:      func() string { return strings.ToUpper(randomHex(5)) },
	}
	switch provider {
	case "gmail":
		common.domain, common.mechanisms = "smtp.gmail.com", []string{"LOGIN", "PLAIN", "XOAUTH2"}
		common.badLogin = say(535, smtp.EnhancedCode{5, 7, 8}, "Username and Password not accepted. - gsmtp")
		common.slowDown = say(421, smtp.EnhancedCode{4, 7, 28}, "Our system has detected an unusual rate of mail; try again later. - gsmtp")
		common.failure = say(451, smtp.EnhancedCode{4, 3, 0}, "Mail server temporarily rejected message. - gsmtp")
		common.accepted = "2.0.0 OK  1767225600 {id} - gsmtp"
		common.newID = func() string { return randomHex(7) + "-" + randomHex(8) + "sm.12" }
	case "outlook":
		common.domain, common.mechanisms = "smtp.office365.com", []string{"LOGIN", "XOAUTH2"}
		common.badLogin = say(535, smtp.EnhancedCode{5, 7, 3}, "Authentication unsuccessful [SE2P216CA0001.KORP216.PROD.OUTLOOK.COM]")
		common.slowDown = say(432, smtp.EnhancedCode{4, 3, 2}, "Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.")
		common.failure = say(451, smtp.EnhancedCode{4, 3, 2}, "Temporary server error. Please try again later")
		common.accepted = "2.0.0 OK <{id}> [Hostname=SE2P216MB0001.KORP216.PROD.OUTLOOK.COM]"
		common.newID = func() string {
			return "SE2P216MB" + strings.ToUpper(randomHex(12)) + "@SE2P216MB0001.KORP216.PROD.OUTLOOK.COM"
		}
	case "sendgrid":
		common.domain = "smtp.sendgrid.net"
		common.loginFirst = say(550, none, "Unauthenticated senders not allowed")
		common.badLogin = say(535, none, "Authentication failed: Bad username / password")
		common.noSuchUser = say(550, smtp.EnhancedCode{5, 1, 1}, "Recipient address rejected")
		common.slowDown = say(452, none, "Too many messages: throttled, try again later")
		common.failure = say(451, none, "Internal server error, try again later")
		common.accepted = "Ok: queued as {id}"
		common.newID = func() string { return "sim" + randomHex(10) }
	case "ses":
		common.domain = "email-smtp.amazonaws.com"
		common.loginFirst = say(530, none, "Authentication required")
		common.badLogin = say(535, none, "Authentication Credentials Invalid")
		common.slowDown = say(454, none, "Throttling failure: Maximum sending rate exceeded.")
		common.failure = say(451, smtp.EnhancedCode{4, 3, 0}, "Internal server error")
		common.accepted = "Ok {id}"
		common.newID = sesID
	}
	return common
}

// sesID has the form of Amazon's: time, random UUID, six digits.
func sesID() string {
	h := randomHex(16)
	return fmt.Sprintf("%016x-%s-%s-%s-%s-%s-000000", time.Now().UnixMilli(), h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
