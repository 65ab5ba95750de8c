package bounce

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"time"
)

// Report is a delivery status notification: what became of one message, for each
// of some recipients.
type Report struct {
	// ID is the notification's own Message-ID.
	ID string
	// EnvelopeID is what the message's sender called it in SMTP (ENVID); MessageID
	// is the Message-ID of the message that came back.
	EnvelopeID, MessageID string
	ReportingMTA          string
	Arrived               time.Time // at the reporting server; zero when not said
	Date                  time.Time // of the notification
	Recipients            []Recipient
}

// Recipient is what became of the message for one recipient.
type Recipient struct {
	// Original is the recipient that the sender named, Final the one that the server
	// made of it; "" when not said.
	Original, Final string
	Action          string // failed, delayed, delivered, relayed, expanded
	Status          string // RFC 3463: "5.1.1"; "" when not said
	// Diagnostic is what a server said; it may hold anything.
	Diagnostic, RemoteMTA   string
	LastAttempt, RetryUntil time.Time
}

// ErrNoReport is the error of a message that is no delivery status notification.
var ErrNoReport = errors.New("bounce: the message is no delivery status notification")

// Bounds of what is read of one message. Notifications that have more are cut.
const (
	maxRecipients = 500
	maxFields     = 2000
	maxValue      = 4 << 10
	maxParts      = 32
	maxDepth      = 4
)

// Parse reads a notification. It takes what mail servers send rather than what
// the standard wants: a message that was cut, encoded parts, fields in any block.
func Parse(message []byte) (Report, error) {
	header, body := fields(message)
	r := Report{ID: messageID(header.get("Message-Id"))}
	r.Date = date(header.get("Date"))
	r.part(header, body, 0)
	if len(r.Recipients) == 0 {
		return Report{}, ErrNoReport
	}
	if r.MessageID == "" {
		r.MessageID = messageID(header.get("In-Reply-To"))
	}
	return r, nil
}

// part reads a part of the message and those within it.
func (r *Report) part(header headers, body []byte, depth int) {
	kind, parameters, _ := mime.ParseMediaType(header.get("Content-Type"))
	switch {
	case strings.HasPrefix(kind, "multipart/") && depth < maxDepth && parameters["boundary"] != "":
		parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
		for range maxParts {
			// The last part of a message that was cut has no end, and is read as far as
			// it goes.
			p, err := parts.NextRawPart()
			if p == nil || err != nil {
				return
			}
			content, _ := io.ReadAll(p)
			r.part(headers{{"Content-Type", p.Header.Get("Content-Type")}, {"Content-Transfer-Encoding", p.Header.Get("Content-Transfer-Encoding")}}, content, depth+1)
		}
	case kind == "message/delivery-status", kind == "message/global-delivery-status":
		r.status(decoded(header, body))
	case kind == "message/rfc822", kind == "text/rfc822-headers", kind == "message/global", kind == "message/global-headers":
		if returned, _ := fields(decoded(header, body)); r.MessageID == "" && depth > 0 {
			r.MessageID = messageID(returned.get("Message-Id"))
		}
	}
}

// status reads the blocks of fields: the first one about the message, then one
// for each recipient.
func (r *Report) status(body []byte) {
	for len(bytes.TrimSpace(body)) > 0 {
		var block headers
		block, body = fields(bytes.TrimLeft(body, "\r\n"))
		if id := block.get("Original-Envelope-Id"); id != "" && r.EnvelopeID == "" {
			r.EnvelopeID = id
		}
		if name := typed(block.get("Reporting-MTA")); name != "" && r.ReportingMTA == "" {
			r.ReportingMTA = name
		}
		if at := date(block.get("Arrival-Date")); !at.IsZero() {
			r.Arrived = at
		}
		recipient := Recipient{
			Original: address(block.get("Original-Recipient")), Final: address(block.get("Final-Recipient")),
			Action: word(block.get("Action")), Status: enhanced(block.get("Status")),
			Diagnostic: typed(block.get("Diagnostic-Code")), RemoteMTA: typed(block.get("Remote-MTA")),
			LastAttempt: date(block.get("Last-Attempt-Date")), RetryUntil: date(block.get("Will-Retry-Until")),
		}
		if recipient.Action != "" && len(r.Recipients) < maxRecipients {
			r.Recipients = append(r.Recipients, recipient)
		}
	}
}

// Code is the status code, or the server's own where the reporting one says
// nothing in particular, as "5.0.0" does.
func (r Recipient) Code() string {
	if said := enhanced(r.Diagnostic); said != "" && (r.Status == "" || strings.HasSuffix(r.Status, ".0.0")) {
		return said
	}
	return r.Status
}

// Address is the recipient as the sender of the message knows it, if that is said.
func (r Recipient) Address() string {
	if r.Original != "" {
		return r.Original
	}
	return r.Final
}

// headers are fields in their order; names may come twice.
type headers [][2]string

func (h headers) get(name string) string {
	for _, field := range h {
		if strings.EqualFold(field[0], name) {
			return field[1]
		}
	}
	return ""
}

// fields reads fields up to an empty line and returns what follows it. Lines
// that are no fields are left out.
func fields(text []byte) (h headers, rest []byte) {
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			return h, text
		}
		if last := len(h) - 1; line[0] == ' ' || line[0] == '\t' {
			if last >= 0 && len(h[last][1])+len(line) < maxValue {
				h[last][1] = strings.TrimSpace(h[last][1] + " " + clean(line))
			}
			continue
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if found && len(h) < maxFields && len(name) < 128 {
			h = append(h, [2]string{string(bytes.TrimSpace(name)), clean(value[:min(len(value), maxValue)])})
		}
	}
	return h, nil
}

func clean(text []byte) string {
	return strings.TrimSpace(strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, string(text)), ""))
}

// decoded undoes the encoding of a part, as far as it can be.
func decoded(header headers, body []byte) []byte {
	var r io.Reader
	switch strings.ToLower(header.get("Content-Transfer-Encoding")) {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body))
	case "quoted-printable":
		r = quotedprintable.NewReader(bytes.NewReader(body))
	default:
		return body
	}
	content, _ := io.ReadAll(r)
	return content
}

// typed leaves out what says of which type a value is: "smtp; 550 …".
func typed(value string) string {
	kind, rest, found := strings.Cut(value, ";")
	if found && !strings.ContainsAny(strings.TrimSpace(kind), " @") {
		return strings.TrimSpace(rest)
	}
	return strings.TrimSpace(value)
}

// address reads "rfc822; kim@example.kr", "" for what is no address.
func address(value string) string {
	parsed, err := mail.ParseAddress(strings.Trim(typed(value), "<> "))
	if err != nil || len(parsed.Address) > 320 {
		return ""
	}
	return parsed.Address
}

func word(value string) string {
	first, _, _ := strings.Cut(strings.ToLower(value), " ")
	switch first = strings.Trim(first, ".,;"); first {
	case "failed", "delayed", "delivered", "relayed", "expanded":
		return first
	}
	return ""
}

func date(value string) time.Time {
	at, err := mail.ParseDate(value)
	if err != nil || at.Year() < 2000 || at.Year() > 9999 {
		return time.Time{}
	}
	return at.UTC()
}

// enhanced finds a code of RFC 3463 in a text.
func enhanced(value string) string {
	found := enhancedRE.FindStringSubmatch(value)
	if found == nil {
		return ""
	}
	return found[1]
}

var enhancedRE = regexp.MustCompile(`(?:^|[ ;#(-])([245]\.\d{1,3}\.\d{1,3})(?:$|[ ;:,)-])`)

// messageID reads the first id of a field, without its brackets.
func messageID(value string) string {
	id, _, _ := strings.Cut(strings.TrimLeft(value, "< "), ">")
	if id = strings.TrimSpace(id); len(id) > 250 || strings.ContainsAny(id, " <") {
		return ""
	}
	return id
}
