package smtp

import (
	"bytes"
	"fmt"
	"mime"
	"net/mail"
	"net/url"
	"strings"
	"unicode"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// gangwayID is the name under which vendors carry our id back in their reports.
const gangwayID = "gangway_id"

// compose makes the message and a summary of its headers for the exchange.
// Its errors are invalid: no server is asked.
func (d *Driver) compose(call providers.Call[providers.Email]) (envelope, []byte, error) {
	p, err := d.parse(call)
	if err != nil {
		return envelope{}, nil, err
	}
	msg := gomail.NewMsg(gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(p.from)
	msg.ToMailAddress(p.to...)
	msg.CcMailAddress(p.cc...)
	if len(p.to)+len(p.cc) == 0 {
		msg.SetGenHeader("To", "undisclosed-recipients:;")
	}
	if p.replyTo != nil {
		msg.ReplyToMailAddress(p.replyTo)
	}
	msg.SetMessageIDWithValue(p.messageID)
	msg.SetDateWithValue(d.options.Now())
	msg.Subject(call.Request.Subject)
	for _, h := range d.headers(call) {
		msg.SetGenHeader(gomail.Header(h[0]), h[1])
	}
	body(msg, call.Request)
	var content bytes.Buffer
	if _, err := msg.WriteTo(&content); err != nil {
		return envelope{}, nil, &fault.Error{Reason: fault.Internal, Op: "smtp: compose", Message: "the message cannot be built", Err: err}
	}
	e := envelope{from: p.from.Address, recipients: p.recipients, given: p.given, content: content.Bytes()}
	if call.ID != uuid.Nil {
		e.id = call.ID.String()
	}
	if most := d.preset.MaxBytes; most > 0 && int64(content.Len()) > most {
		return e, nil, fault.New(fault.Refused, "smtp: compose", "the message has %d bytes; %s takes at most %d", content.Len(), d.options.Name, most)
	}
	return e, p.summary(call.Request.Subject, content.Len()), nil
}

// headers are those beyond the ordinary ones.
func (d *Driver) headers(call providers.Call[providers.Email]) [][2]string {
	// Out-of-office replies to a portal help nobody (RFC 3834).
	all := [][2]string{{"Auto-Submitted", "auto-generated"}}
	if link := call.Request.Unsubscribe; link != "" {
		all = append(all, [2]string{"List-Unsubscribe", "<" + link + ">"})
		if strings.HasPrefix(strings.ToLower(link), "https:") {
			all = append(all, [2]string{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"}) // RFC 8058
		}
	}
	switch d.options.Preset {
	case SendGrid:
		// Spaces, so that the header can be folded; ASCII only, values are strings.
		all = append(all, [2]string{"X-SMTPAPI", fmt.Sprintf(`{"unique_args": {"%s": "%s"}}`, gangwayID, call.ID)})
	case SES:
		all = append(all, [2]string{"X-SES-MESSAGE-TAGS", gangwayID + "=" + call.ID.String()})
		if set := d.options.ConfigurationSet; set != "" {
			all = append(all, [2]string{"X-SES-CONFIGURATION-SET", set})
		}
	}
	return all
}

// body writes text, HTML, or both as alternatives, then the attachments.
func body(msg *gomail.Msg, m providers.Email) {
	text := func(content string) (string, gomail.PartOption) {
		content = strings.ReplaceAll(strings.ReplaceAll(content, "\r\n", "\n"), "\n", "\r\n")
		return content, gomail.WithPartEncoding(encoding(content))
	}
	if m.Text != "" || m.HTML == "" {
		content, option := text(m.Text)
		msg.SetBodyString(gomail.TypeTextPlain, content, option)
	}
	if m.HTML != "" {
		content, option := text(m.HTML)
		msg.AddAlternativeString(gomail.TypeTextHTML, content, option)
	}
	for _, file := range m.Attachments {
		msg.AttachReadSeeker(file.Name, bytes.NewReader(file.Content), func(f *gomail.File) { nameFile(f, file) })
	}
}

// encoding picks base64 for text that is mostly not ASCII: quoted-printable
// makes nine characters of each Korean syllable.
func encoding(content string) gomail.Encoding {
	foreign := 0
	for i := range len(content) {
		if content[i] >= 0x80 {
			foreign++
		}
	}
	if foreign*6 > len(content) {
		return gomail.EncodingB64
	}
	return gomail.EncodingQP
}

// nameFile sets type and name of an attachment, the name as RFC 2231 has it: an
// encoded word within quotes, the usual makeshift, outgrows the longest line.
func nameFile(f *gomail.File, file providers.File) {
	kind, parameters, err := mime.ParseMediaType(file.ContentType)
	if err != nil || !strings.Contains(kind, "/") || strings.HasPrefix(kind, "multipart/") {
		kind, parameters = "application/octet-stream", nil
	}
	if parameters == nil {
		parameters = map[string]string{}
	}
	parameters["name"] = file.Name
	f.Header.Set("Content-Type", mime.FormatMediaType(kind, parameters))
	f.Header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
}

// parsed are the checked addresses of a message.
type parsed struct {
	from, replyTo *mail.Address
	to, cc        []*mail.Address
	recipients    []string // each once, in the order To, Cc, Bcc
	given         []string // the same as the request spells them
	messageID     string
}

// parse refuses everything that could open a header or a command of its own.
func (d *Driver) parse(call providers.Call[providers.Email]) (parsed, error) {
	m := call.Request
	var p parsed
	var err error
	sender := m.From
	if sender == "" {
		sender = d.options.From
	}
	if p.from, err = address("from", sender); err != nil {
		return p, err
	}
	if m.ReplyTo != "" {
		if p.replyTo, err = address("reply_to", m.ReplyTo); err != nil {
			return p, err
		}
	}
	seen := map[string]bool{}
	list := func(field string, texts []string) ([]*mail.Address, error) {
		var found []*mail.Address
		for i, text := range texts {
			a, err := address(fmt.Sprintf("%s[%d]", field, i), text)
			if err != nil {
				return nil, err
			}
			found = append(found, a)
			if key := strings.ToLower(a.Address); !seen[key] {
				seen[key] = true
				p.recipients, p.given = append(p.recipients, a.Address), append(p.given, text)
			}
		}
		return found, nil
	}
	if p.to, err = list("to", m.To); err != nil {
		return p, err
	}
	if p.cc, err = list("cc", m.Cc); err != nil {
		return p, err
	}
	if _, err = list("bcc", m.Bcc); err != nil {
		return p, err
	}
	if len(p.recipients) == 0 {
		return p, invalid("to", "names no recipient")
	}
	p.messageID = stableID(call, p.from)
	return p, d.lines(m, p.messageID)
}

// lines checks the texts that become headers.
func (d *Driver) lines(m providers.Email, messageID string) error {
	fields := [][2]string{{"subject", m.Subject}, {"unsubscribe", m.Unsubscribe}, {"message_id", messageID}}
	for i, file := range m.Attachments {
		name := fmt.Sprintf("attachments[%d].", i)
		fields = append(fields, [2]string{name + "filename", file.Name}, [2]string{name + "content_type", file.ContentType})
	}
	for _, field := range fields {
		// A tab may stand in a subject; it opens nothing.
		if strings.ContainsFunc(strings.ReplaceAll(field[1], "\t", " "), unicode.IsControl) {
			return invalid(field[0], "must be one line without control characters")
		}
	}
	if strings.ContainsAny(messageID, "<> ") || !ascii(messageID) || !strings.Contains(messageID, "@") || len(messageID) > 250 {
		return invalid("message_id", "is no message id such as name@example.kr")
	}
	if m.Unsubscribe == "" {
		return nil
	}
	link, err := url.Parse(m.Unsubscribe)
	if err != nil || !ascii(m.Unsubscribe) || strings.ContainsAny(m.Unsubscribe, "<>, ") || link.Scheme != "https" && link.Scheme != "http" && link.Scheme != "mailto" {
		return invalid("unsubscribe", "is neither a web address nor mailto")
	}
	return nil
}

// stableID is the Message-ID: the request's, else one that the command's id and
// the sender make, the same in every attempt.
func stableID(call providers.Call[providers.Email], from *mail.Address) string {
	if call.Request.MessageID != "" {
		return call.Request.MessageID
	}
	id := call.ID
	if id == uuid.Nil {
		id = uuid.New()
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	return id.String() + "@" + domain
}

func address(field, text string) (*mail.Address, error) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return nil, invalid(field, "must be one line without control characters")
	}
	a, err := mail.ParseAddress(text)
	if err != nil || len(a.Address) > 320 || strings.ContainsFunc(a.Address+a.Name, unicode.IsControl) {
		return nil, invalid(field, "is not an e-mail address")
	}
	return a, nil
}

func invalid(field, says string) error {
	e := fault.InvalidField(field, "%s", says)
	e.Op = "smtp: compose"
	return e
}

// summary is what the log shows of the message: its headers, not its content.
func (p parsed) summary(subject string, size int) []byte {
	var b bytes.Buffer
	join := func(all []*mail.Address) string {
		texts := make([]string, len(all))
		for i, a := range all {
			texts[i] = a.Address
		}
		return strings.Join(texts, ", ")
	}
	fmt.Fprintf(&b, "From: %s\nTo: %s\n", p.from.Address, join(p.to))
	if len(p.cc) > 0 {
		fmt.Fprintf(&b, "Cc: %s\n", join(p.cc))
	}
	fmt.Fprintf(&b, "Subject: %s\nMessage-ID: <%s>\nRecipients: %d\nSize: %d\n", subject, p.messageID, len(p.recipients), size)
	return b.Bytes()
}
