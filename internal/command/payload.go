package command

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Categories of a message to a person.
const (
	Transactional = "transactional"
	Marketing     = "marketing"
)

// Email is the body of email.send: a template, or a subject with text or HTML.
type Email struct {
	Envelope
	To          []string                  `json:"to"`
	Cc          []string                  `json:"cc,omitzero"`
	Bcc         []string                  `json:"bcc,omitzero"`
	From        string                    `json:"from,omitzero"`
	ReplyTo     string                    `json:"reply_to,omitzero"`
	Template    string                    `json:"template,omitzero"`
	Locale      string                    `json:"locale,omitzero"`
	Variables   map[string]jsontext.Value `json:"variables,omitzero"`
	Sensitive   []string                  `json:"sensitive,omitzero"`
	Subject     string                    `json:"subject,omitzero"`
	Text        string                    `json:"text,omitzero"`
	HTML        string                    `json:"html,omitzero"`
	Attachments []Attachment              `json:"attachments,omitzero"`
	Category    string                    `json:"category,omitzero"`
}

// Attachment is a file: its bytes inline, or the name of an object in the
// gangway_attachments bucket.
type Attachment struct {
	Filename    string `json:"filename"`
	ContentType string `json:"content_type,omitzero"`
	Content     []byte `json:"content,omitzero"`
	Object      string `json:"object,omitzero"`
}

// Recipients returns every address in the order To, Cc, Bcc.
func (e *Email) Recipients() []string {
	all := make([]string, 0, len(e.To)+len(e.Cc)+len(e.Bcc))
	return append(append(append(all, e.To...), e.Cc...), e.Bcc...)
}

// Summary implements [Payload].
func (e *Email) Summary() Summary {
	return Summary{Recipient: strings.Join(e.Recipients(), ","), Subject: e.Subject, Template: e.Template}
}

// SMS is the body of sms.send.
type SMS struct {
	Envelope
	To        string                    `json:"to"`
	From      string                    `json:"from,omitzero"`
	Subject   string                    `json:"subject,omitzero"`
	Text      string                    `json:"text,omitzero"`
	Template  string                    `json:"template,omitzero"`
	Locale    string                    `json:"locale,omitzero"`
	Variables map[string]jsontext.Value `json:"variables,omitzero"`
	Sensitive []string                  `json:"sensitive,omitzero"`
	Category  string                    `json:"category,omitzero"`
}

// Summary implements [Payload].
func (s *SMS) Summary() Summary {
	return Summary{Recipient: s.To, Subject: s.Subject, Template: s.Template}
}

// Business is the body of business.verify. With Representative it asks whether
// that person represents the company.
type Business struct {
	Envelope
	RegistrationNumber string `json:"registration_number"`
	Representative     string `json:"representative,omitzero"`
	OpenedOn           string `json:"opened_on,omitzero"` // YYYY-MM-DD
}

// Summary implements [Payload].
func (b *Business) Summary() Summary { return Summary{Recipient: b.RegistrationNumber} }

// Address is the body of address.search.
type Address struct {
	Envelope
	Keyword string `json:"keyword"`
	Page    int    `json:"page,omitzero"` // from 1
	Size    int    `json:"size,omitzero"` // 1 to 100; default 10
	English bool   `json:"english,omitzero"`
}

// Summary implements [Payload].
func (a *Address) Summary() Summary { return Summary{Recipient: a.Keyword} }

// Cancel is the body of delivery.cancel.
type Cancel struct {
	Envelope
	DeliveryID string `json:"delivery_id"`
	Reason     string `json:"reason,omitzero"`
}

// Summary implements [Payload].
func (c *Cancel) Summary() Summary { return Summary{Recipient: c.DeliveryID} }

// Company is what is known of a company.
type Company struct {
	RegistrationNumber string `json:"registration_number,omitzero"`
	Name               string `json:"name,omitzero"`
	Representative     string `json:"representative,omitzero"`
	Status             string `json:"status,omitzero"` // active, suspended, closed
	Type               string `json:"type,omitzero"`
	TaxType            string `json:"tax_type,omitzero"`
	Industry           string `json:"industry,omitzero"`
	Address            string `json:"address,omitzero"`
	PostalCode         string `json:"postal_code,omitzero"`
	Phone              string `json:"phone,omitzero"`
	OpenedOn           string `json:"opened_on,omitzero"` // YYYY-MM-DD
	ClosedOn           string `json:"closed_on,omitzero"` // YYYY-MM-DD
}

// Complete is the body of business.complete.
type Complete struct {
	Envelope
	DeliveryID string  `json:"delivery_id"`
	Company    Company `json:"company"`
	EnteredBy  string  `json:"entered_by"`
	Note       string  `json:"note,omitzero"`
}

// Summary implements [Payload].
func (c *Complete) Summary() Summary { return Summary{Recipient: c.DeliveryID} }

// Webhook is the body of webhook.process: one verified provider event.
type Webhook struct {
	Envelope
	// Provider of the envelope names the configured provider.
	EventID    string            `json:"event_id"`
	ReceivedAt string            `json:"received_at"` // RFC 3339
	Headers    map[string]string `json:"headers,omitzero"`
	Event      jsontext.Value    `json:"event"`
}

// Summary implements [Payload].
func (w *Webhook) Summary() Summary { return Summary{Recipient: w.EventID} }
