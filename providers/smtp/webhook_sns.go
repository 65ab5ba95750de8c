package smtp

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // signature version 1 of SNS is SHA-1
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// SESWebhook verifies and reads events of Amazon SES that come through an SNS
// topic. Whoever has an AWS account can have SNS sign a message, so that the
// topics that are believed are listed.
type SESWebhook struct {
	options SESWebhookOptions
	certs   *certificates
}

// SESWebhookOptions say what is believed.
type SESWebhookOptions struct {
	TopicARNs []string
	// Tolerance is how far the timestamp may be off. SNS repeats for up to an hour.
	Tolerance time.Duration
	// Certificates are trusted beside those that Amazon's host rule allows to fetch:
	// the simulator's, and a folder's in mock mode.
	Certificates []*x509.Certificate
	// Confirm are further hosts (host:port, plain HTTP) whose subscriptions are
	// confirmed: the simulator's.
	Confirm []string
	// Client fetches certificates and confirms subscriptions; nil for an ordinary
	// one. It must not follow redirects.
	Client *http.Client
	Now    func() time.Time
}

// NewSESWebhook returns a source for events of SES.
func NewSESWebhook(options SESWebhookOptions) *SESWebhook {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Client == nil {
		options.Client = &http.Client{
			Timeout:       5 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &SESWebhook{options: options, certs: newCertificates(options.Client, options.Now)}
}

// snsMessage is the envelope of SNS.
type snsMessage struct {
	Type             string
	MessageID        string `json:"MessageId"`
	TopicARN         string `json:"TopicArn"`
	Subject          *string
	Message          string
	Timestamp        string
	SignatureVersion string
	Signature        string
	SigningCertURL   string
	SubscribeURL     string
	Token            string
}

// Types of the envelope.
const (
	snsNotification = "Notification"
	snsSubscribe    = "SubscriptionConfirmation"
	snsUnsubscribe  = "UnsubscribeConfirmation"
)

// Verify checks topic, time and signature, cheapest first: a certificate is
// fetched for messages of known topics only.
func (w *SESWebhook) Verify(ctx context.Context, _ http.Header, body []byte, now time.Time) error {
	const op = "ses: verify"
	m, err := readSNS(body)
	if err != nil {
		return err
	}
	signed, ok := m.signed()
	switch {
	case !ok:
		return fault.New(fault.Invalid, op, "type %q is none of SNS", clipped(m.Type))
	case m.Signature == "" || m.SigningCertURL == "":
		return fault.New(fault.Unauthorized, op, "the message is not signed")
	case !slices.Contains(w.options.TopicARNs, m.TopicARN):
		return fault.New(fault.Refused, op, "topic %q is not listed in webhook.topic_arns", clipped(m.TopicARN))
	}
	at, err := time.Parse(time.RFC3339, m.Timestamp)
	if err != nil {
		return fault.New(fault.Refused, op, "the timestamp cannot be read")
	}
	if off := now.Sub(at); off > w.options.Tolerance || off < -w.options.Tolerance {
		return fault.New(fault.Refused, op, "the timestamp is %s off; at most %s are allowed (webhook.tolerance)", off.Round(time.Second), w.options.Tolerance)
	}
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil {
		return fault.New(fault.Refused, op, "the signature is not base64")
	}
	hash, digest, ok := m.digest(signed)
	if !ok {
		return fault.New(fault.Refused, op, "signature version %q is not known", clipped(m.SignatureVersion))
	}
	for _, trusted := range w.options.Certificates {
		if key, ok := trusted.PublicKey.(*rsa.PublicKey); ok && current(trusted, now) && rsa.VerifyPKCS1v15(key, hash, digest, signature) == nil {
			return nil
		}
	}
	key, err := w.certs.key(ctx, m.SigningCertURL, now)
	if err != nil {
		return err
	}
	if rsa.VerifyPKCS1v15(key, hash, digest, signature) != nil {
		return fault.New(fault.Refused, op, "the signature does not fit the message")
	}
	return nil
}

// Split unwraps the envelope. The one message that is no event, sent when an
// event destination is made, is not processed.
func (w *SESWebhook) Split(_ http.Header, body []byte) ([]delivery.Notice, error) {
	m, err := readSNS(body)
	if err != nil {
		return nil, err
	}
	if m.Type != snsNotification {
		event, err := json.Marshal(snsRequest{SNS: m.Type, TopicARN: m.TopicARN, SubscribeURL: m.SubscribeURL})
		if err != nil {
			return nil, fault.New(fault.Invalid, "ses: split", "the message has texts that are not UTF-8")
		}
		return []delivery.Notice{{EventID: m.MessageID, Event: event}}, nil
	}
	event := jsontext.Value(strings.TrimSpace(m.Message))
	if len(event) == 0 || event[0] != '{' || !event.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil, nil
	}
	return []delivery.Notice{{EventID: m.MessageID, Event: event}}, nil
}

func readSNS(body []byte) (snsMessage, error) {
	var m snsMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fault.New(fault.Invalid, "ses: read", "the body is no message of SNS")
	}
	return m, nil
}

// signed is the text that SNS signs: names and values, a line each, in the byte
// order of the names.
func (m snsMessage) signed() (string, bool) {
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + "\n" + value + "\n") }
	line("Message", m.Message)
	line("MessageId", m.MessageID)
	switch m.Type {
	case snsNotification:
		if m.Subject != nil {
			line("Subject", *m.Subject)
		}
	case snsSubscribe, snsUnsubscribe:
		line("SubscribeURL", m.SubscribeURL)
	default:
		return "", false
	}
	line("Timestamp", m.Timestamp)
	if m.Type != snsNotification {
		line("Token", m.Token)
	}
	line("TopicArn", m.TopicARN)
	line("Type", m.Type)
	return b.String(), true
}

func (m snsMessage) digest(signed string) (crypto.Hash, []byte, bool) {
	switch m.SignatureVersion {
	case "1":
		sum := sha1.Sum([]byte(signed)) //nolint:gosec // see above
		return crypto.SHA1, sum[:], true
	case "2":
		sum := sha256.Sum256([]byte(signed))
		return crypto.SHA256, sum[:], true
	}
	return 0, nil, false
}

// clipped bounds a stranger's text in an error.
func clipped(text string) string { return text[:min(len(text), 120)] }
