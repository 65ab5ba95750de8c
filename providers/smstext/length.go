package smstext

import (
	"strings"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Lengths of Korean carriers in CP949 bytes.
const (
	MaxShort   = 90   // an SMS
	MaxLong    = 2000 // an LMS
	MaxSubject = 40   // the subject of an LMS
)

// Message is a text in the form that Korean gateways take.
type Message struct {
	// Long says that it goes as LMS: it has a subject, or more than [MaxShort] bytes.
	Long    bool
	Subject string
	Text    string
	Bytes   int // of Text in CP949
}

// Type returns the word that all Korean gateways use for it: "SMS" or "LMS".
func (m Message) Type() string {
	if m.Long {
		return "LMS"
	}
	return "SMS"
}

// Fit makes subject and text fit for a Korean gateway and chooses SMS or LMS.
// What cannot be sent is an invalid fault on the field subject or text. It never
// cuts: some gateways do so silently, which loses the end of a sentence.
func Fit(subject, text string) (Message, error) {
	// A command may carry a mebibyte; nobody has to look at each character of it.
	for field, value := range map[string]string{"text": text, "subject": subject} {
		if len(value) > 8*MaxLong {
			return Message{}, fault.InvalidField(field, "is far too long for Korean mobiles: %d bytes", len(value))
		}
	}
	text, err := Korean("text", text)
	if err != nil {
		return Message{}, err
	}
	if strings.TrimSpace(text) == "" {
		return Message{}, fault.InvalidField("text", "is empty")
	}
	subject, err = Korean("subject", subject)
	if err != nil {
		return Message{}, err
	}
	subject = strings.Join(strings.Fields(subject), " ") // one line
	if size := Size(subject); size > MaxSubject {
		return Message{}, fault.InvalidField("subject", "is %d bytes long for Korean mobiles; at most %d fit", size, MaxSubject)
	}
	size := Size(text)
	if size > MaxLong {
		return Message{}, fault.InvalidField("text", "is %d bytes long for Korean mobiles; at most %d fit", size, MaxLong)
	}
	return Message{Long: subject != "" || size > MaxShort, Subject: subject, Text: text, Bytes: size}, nil
}

// Title returns the subject of a long message, and its first line as far as it
// fits where it has none, for gateways that demand one.
func (m Message) Title() string {
	if m.Subject != "" {
		return m.Subject
	}
	line, _, _ := strings.Cut(strings.TrimSpace(m.Text), "\n")
	size := 0
	for at, r := range line {
		if size += Size(string(r)); size > MaxSubject {
			return strings.TrimSpace(line[:at])
		}
	}
	return strings.TrimSpace(line)
}
