package command

import (
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Bounds of single fields.
const (
	maxRecipients  = 50   // Amazon SES takes no more in one message
	maxMetadata    = 2048 // bytes, keys and values together
	maxAttachments = 25 << 20
	maxAhead       = 366 * 24 * time.Hour
	maxName        = 200
)

var (
	nameRE   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$`)
	localeRE = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][A-Za-z]{1,3})?$`)
	digitsRE = regexp.MustCompile(`[^0-9]`)
)

func (e *Envelope) validate() error {
	size := 0
	for key, value := range e.Metadata {
		size += len(key) + len(value)
	}
	switch {
	case e.V < 0:
		return fault.InvalidField("v", "must be 1 or absent, not %d", e.V)
	case len(e.ID) > 256:
		return fault.InvalidField("id", "has %d bytes; at most 256 are allowed", len(e.ID))
	case size > maxMetadata:
		return fault.InvalidField("metadata", "has %d bytes; at most %d are allowed", size, maxMetadata)
	case len(e.CorrelationID) > maxName:
		return fault.InvalidField("correlation_id", "has %d bytes; at most %d are allowed", len(e.CorrelationID), maxName)
	case e.Provider != "" && !nameRE.MatchString(e.Provider):
		return fault.InvalidField("provider", "%q is not a provider's name", clip(e.Provider))
	case time.Until(e.SendAt) > maxAhead:
		return fault.InvalidField("send_at", "%s is more than a year ahead", e.SendAt.Format(time.RFC3339))
	case !e.ExpiresAt.IsZero() && !e.SendAt.IsZero() && !e.ExpiresAt.After(e.SendAt):
		return fault.InvalidField("expires_at", "%s is not after send_at", e.ExpiresAt.Format(time.RFC3339))
	}
	return nil
}

func (e *Email) validate() error {
	if len(e.To) == 0 {
		return fault.InvalidField("to", "must name at least one recipient")
	}
	if n := len(e.To) + len(e.Cc) + len(e.Bcc); n > maxRecipients {
		return fault.InvalidField("to", "to, cc and bcc name %d recipients; at most %d are allowed", n, maxRecipients)
	}
	for _, list := range []struct {
		field     string
		addresses []string
	}{{"to", e.To}, {"cc", e.Cc}, {"bcc", e.Bcc}} {
		for i, address := range list.addresses {
			if err := mailbox(index(list.field, i), address); err != nil {
				return err
			}
		}
	}
	if e.From != "" {
		if err := mailbox("from", e.From); err != nil {
			return err
		}
	}
	if e.ReplyTo != "" {
		if err := mailbox("reply_to", e.ReplyTo); err != nil {
			return err
		}
	}
	if err := content(e.Template, e.Locale, e.Category, len(e.Text)+len(e.HTML) > 0 || e.Subject != "", len(e.Variables) > 0); err != nil {
		return err
	}
	if e.Template == "" {
		if strings.TrimSpace(e.Subject) == "" {
			return fault.InvalidField("subject", "is missing: give subject with text or html, or a template")
		}
		if e.Text == "" && e.HTML == "" {
			return fault.InvalidField("text", "is missing: give text, html or both, or a template")
		}
	}
	if err := line("subject", e.Subject, 900); err != nil {
		return err
	}
	return e.validateAttachments()
}

func (e *Email) validateAttachments() error {
	total := 0
	for i, a := range e.Attachments {
		field := index("attachments", i)
		switch {
		case a.Filename == "" || len(a.Filename) > 255 || strings.ContainsAny(a.Filename, "\r\n\"/\\"):
			return fault.InvalidField(field+".filename", "%q is not a file name", clip(a.Filename))
		case strings.ContainsAny(a.ContentType, "\r\n"):
			return fault.InvalidField(field+".content_type", "%q is not a media type", clip(a.ContentType))
		case (len(a.Content) > 0) == (a.Object != ""):
			return fault.InvalidField(field, "must have exactly one of content and object")
		}
		total += len(a.Content)
	}
	if total > maxAttachments {
		return fault.InvalidField("attachments", "have %d bytes; at most %d are allowed", total, maxAttachments)
	}
	return nil
}

func (s *SMS) validate() error {
	if n := len(digitsRE.ReplaceAllString(s.To, "")); len(s.To) > 32 || n < 8 || n > 15 {
		return fault.InvalidField("to", "is not a phone number such as 010-1234-5678")
	}
	if err := content(s.Template, s.Locale, s.Category, s.Text != "", len(s.Variables) > 0); err != nil {
		return err
	}
	if s.Template == "" && strings.TrimSpace(s.Text) == "" {
		return fault.InvalidField("text", "is missing: give text or a template")
	}
	return line("subject", s.Subject, 120)
}

// content checks what e-mail and SMS share: a template or own words, not both.
func content(template, locale, category string, hasWords, hasVariables bool) error {
	switch {
	case template != "" && !nameRE.MatchString(template):
		return fault.InvalidField("template", "%q is not a template's name", clip(template))
	case template != "" && hasWords:
		return fault.InvalidField("template", "excludes subject, text and html: give a template or your own words")
	case template == "" && hasVariables:
		return fault.InvalidField("variables", "are used by templates only")
	case locale != "" && !localeRE.MatchString(locale):
		return fault.InvalidField("locale", "%q is not a locale such as ko or en", clip(locale))
	case category != "" && category != Transactional && category != Marketing:
		return fault.InvalidField("category", "must be %s or %s, not %q", Transactional, Marketing, clip(category))
	}
	return nil
}

func (b *Business) validate() error {
	if _, err := RegistrationNumber(b.RegistrationNumber); err != nil {
		return err
	}
	if len(b.Representative) > maxName {
		return fault.InvalidField("representative", "has %d bytes; at most %d are allowed", len(b.Representative), maxName)
	}
	if b.OpenedOn != "" {
		if _, err := time.Parse(time.DateOnly, b.OpenedOn); err != nil {
			return fault.InvalidField("opened_on", "must be a date such as 1969-01-13, not %q", clip(b.OpenedOn))
		}
		if b.Representative == "" {
			return fault.InvalidField("representative", "is missing: opened_on is checked together with it")
		}
	}
	return nil
}

// RegistrationNumber returns the ten digits of a business registration number
// in any spelling. Structural rules refuse; the check digit only warns (see
// [ChecksumOK]), because numbers that fail it exist.
func RegistrationNumber(text string) (string, error) {
	digits := digitsRE.ReplaceAllString(text, "")
	if len(digits) != 10 || len(text) > 32 || digits[:3] < "101" || digits[3:5] == "00" || digits[5:9] == "0000" {
		return "", fault.InvalidField("registration_number", "%q is not a business registration number such as 124-81-00998", clip(text))
	}
	return digits, nil
}

// ChecksumOK reports whether the check digit of a ten-digit registration number
// fits: weights 1 3 7 1 3 7 1 3 5 and the carry of the ninth digit.
func ChecksumOK(digits string) bool {
	sum := 0
	for i, weight := range []int{1, 3, 7, 1, 3, 7, 1, 3, 5} {
		sum += int(digits[i]-'0') * weight
	}
	sum += int(digits[8]-'0') * 5 / 10
	return (10-sum%10)%10 == int(digits[9]-'0')
}

func (a *Address) validate() error {
	switch {
	case strings.TrimSpace(a.Keyword) == "":
		return fault.InvalidField("keyword", "is missing")
	case len(a.Keyword) > maxName:
		return fault.InvalidField("keyword", "has %d bytes; at most %d are allowed", len(a.Keyword), maxName)
	case a.Page < 0 || a.Page > 1000:
		return fault.InvalidField("page", "must be 1 to 1000, not %d", a.Page)
	case a.Size < 0 || a.Size > 100:
		return fault.InvalidField("size", "must be 1 to 100, not %d", a.Size)
	}
	return nil
}

func (c *Cancel) validate() error {
	if c.DeliveryID == "" {
		return fault.InvalidField("delivery_id", "is missing")
	}
	return nil
}

func (c *Complete) validate() error {
	switch {
	case c.DeliveryID == "":
		return fault.InvalidField("delivery_id", "is missing")
	case strings.TrimSpace(c.Company.Name) == "":
		return fault.InvalidField("company.name", "is missing")
	case strings.TrimSpace(c.EnteredBy) == "":
		return fault.InvalidField("entered_by", "is missing: say who verified the company")
	}
	switch c.Company.Status {
	case "", "active", "suspended", "closed":
		return nil
	}
	return fault.InvalidField("company.status", "must be active, suspended or closed, not %q", clip(c.Company.Status))
}

func (w *Webhook) validate() error {
	switch {
	case w.Provider == "":
		return fault.InvalidField("provider", "is missing")
	case len(w.Event) == 0:
		return fault.InvalidField("event", "is missing")
	}
	return nil
}

// mailbox accepts one bare address. A display name is refused in recipient
// fields of the bus, so that matching and suppression compare like with like. What
// was given is not repeated: the message goes to logs and dead letters.
func mailbox(field, text string) error {
	address, err := mail.ParseAddress(text)
	if err != nil || len(text) > 320 || strings.ContainsAny(text, "\r\n") {
		return fault.InvalidField(field, "is not an e-mail address such as kim@example.kr")
	}
	if field != "from" && field != "reply_to" && address.Address != text {
		return fault.InvalidField(field, "must be a bare address such as kim@example.kr")
	}
	return nil
}

// line refuses line breaks, which would open a header of the sender's choice.
func line(field, text string, most int) error {
	if strings.ContainsAny(text, "\r\n") {
		return fault.InvalidField(field, "must be one line")
	}
	if len(text) > most {
		return fault.InvalidField(field, "has %d bytes; at most %d are allowed", len(text), most)
	}
	return nil
}

func index(field string, i int) string {
	return field + "[" + strconv.Itoa(i) + "]"
}
