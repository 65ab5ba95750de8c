package smstext

import (
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// AdMark is what an advertisement begins with, in exactly this spelling: other
// spellings count as attempts to get past filters.
const AdMark = "(광고)"

// optOutWords is what the last line of an advertisement says before the number,
// in the form that NHN Cloud checks.
const optOutWords = "무료수신거부"

// Advertiser is what an advertisement has to say about who sends it. Article 50
// of the Act on Promotion of Information and Communications Network Utilization
// and Information Protection (정보통신망 이용촉진 및 정보보호 등에 관한 법률) with
// Article 61 and Annex 6 of its Enforcement Decree demands the mark in front,
// the sender's name with a contact, and a way to opt out that costs nothing.
type Advertiser struct {
	Sender string // name and contact: "강원기업포털 033-249-0000"
	OptOut string // free number, registered with the gateway: "080-123-4567"
}

// Mark returns subject and text with everything that the law demands; what they
// already have is not repeated. Without a sender or a number nothing may be
// sent, which is a mistake of the installation: an internal fault.
func (a Advertiser) Mark(subject, text string) (markedSubject, markedText string, err error) {
	if strings.TrimSpace(a.Sender) == "" || digits(a.OptOut) == "" {
		return "", "", fault.New(fault.Internal, "sms: marketing",
			"advertising needs the sender's name with a contact and a free opt-out number; set both in the configuration")
	}
	body := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), AdMark))
	if body == "" {
		return "", "", fault.InvalidField("text", "is empty")
	}
	if !strings.Contains(body, a.Sender) {
		body = "[" + a.Sender + "] " + body
	}
	if !a.closes(body) {
		body += "\n" + optOutWords + " " + a.OptOut
	}
	if subject = strings.TrimSpace(subject); subject != "" && !strings.HasPrefix(subject, AdMark) {
		subject = AdMark + subject
	}
	return subject, AdMark + body, nil
}

// closes reports whether the last line already offers the way out.
func (a Advertiser) closes(body string) bool {
	last := body[strings.LastIndexByte(body, '\n')+1:]
	words := strings.Join(strings.Fields(last), "")
	return strings.Contains(words, "거부") && strings.Contains(digits(last), digits(a.OptOut))
}

// QuietUntil says whether advertising must not reach a mobile at that moment,
// and when the ban ends. Article 50(3) of the same act forbids it from 21:00 to
// 08:00 in Korea without a separate consent; its Enforcement Decree exempts
// e-mail. until is zero when it is not quiet.
func QuietUntil(at time.Time) (until time.Time, quiet bool) {
	// Korea has kept UTC+9 without summer time since 1988; a fixed zone needs no
	// time zone database in the container.
	local := at.In(Seoul())
	year, month, day := local.Date()
	switch hour := local.Hour(); {
	case hour < 8:
	case hour >= 21:
		day++
	default:
		return time.Time{}, false
	}
	return time.Date(year, month, day, 8, 0, 0, 0, local.Location()), true
}

// Seoul returns the time zone in which Korean gateways give and take times.
func Seoul() *time.Location { return time.FixedZone("KST", 9*60*60) }
