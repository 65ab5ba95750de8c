package smtp

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Headers of SendGrid's signed event webhook.
const (
	SendGridSignature = "X-Twilio-Email-Event-Webhook-Signature"
	SendGridTimestamp = "X-Twilio-Email-Event-Webhook-Timestamp"
)

// SendGridWebhook verifies and reads SendGrid's event webhook: ECDSA (P-256) over
// the timestamp header and the raw body, batches of events as a JSON array.
type SendGridWebhook struct {
	keys      []*ecdsa.PublicKey
	tolerance time.Duration
}

// NewSendGridWebhook takes verification keys as the vendor's console shows them
// (base64 SPKI) or as PEM. Any of them is accepted, so that a key can be replaced
// while the old one still signs. Without keys nothing is accepted.
func NewSendGridWebhook(publicKeys []string, tolerance time.Duration) (*SendGridWebhook, error) {
	w := &SendGridWebhook{tolerance: tolerance}
	for _, text := range publicKeys {
		key, err := parseKey(text)
		if err != nil {
			return nil, err
		}
		w.keys = append(w.keys, key)
	}
	return w, nil
}

func parseKey(text string) (*ecdsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if block, _ := pem.Decode([]byte(text)); block != nil {
		der, err = block.Bytes, nil
	}
	if err != nil {
		return nil, fmt.Errorf("smtp: sendgrid: webhook.public_key is neither base64 nor PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("smtp: sendgrid: webhook.public_key cannot be read: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("smtp: sendgrid: webhook.public_key is a %T, not an ECDSA key", parsed)
	}
	return key, nil
}

// Verify checks the signature over the body as it came, to the last byte.
func (w *SendGridWebhook) Verify(_ context.Context, header http.Header, body []byte, now time.Time) error {
	const op = "sendgrid: verify"
	stamp, text := header.Get(SendGridTimestamp), header.Get(SendGridSignature)
	if stamp == "" || text == "" {
		return fault.New(fault.Unauthorized, op, "%s or %s is missing", SendGridSignature, SendGridTimestamp)
	}
	if len(w.keys) == 0 {
		return fault.New(fault.Refused, op, "no verification key is configured (webhook.public_key)")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fault.New(fault.Refused, op, "the timestamp is no number of seconds")
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > w.tolerance || off < -w.tolerance {
		return fault.New(fault.Refused, op, "the timestamp is %s off; at most %s are allowed (webhook.tolerance)", off.Round(time.Second), w.tolerance)
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return fault.New(fault.Refused, op, "the signature is not base64")
	}
	hash := sha256.New()
	hash.Write([]byte(stamp))
	hash.Write(body)
	digest := hash.Sum(nil)
	for _, key := range w.keys {
		if ecdsa.VerifyASN1(key, digest, signature) {
			return nil
		}
	}
	return fault.New(fault.Refused, op, "the signature was made with none of the keys")
}

// Split returns the events of a batch one by one.
func (w *SendGridWebhook) Split(_ http.Header, body []byte) ([]delivery.Notice, error) {
	var batch []jsontext.Value
	if err := json.Unmarshal(body, &batch, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return nil, fault.New(fault.Invalid, "sendgrid: split", "the body is no JSON array")
	}
	notices := make([]delivery.Notice, 0, len(batch))
	for _, event := range batch {
		var id struct {
			EventID string `json:"sg_event_id"`
		}
		if event.Kind() != '{' || json.Unmarshal(event, &id, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
			return nil, fault.New(fault.Invalid, "sendgrid: split", "an event is no JSON object")
		}
		notices = append(notices, delivery.Notice{EventID: id.EventID, Event: event})
	}
	return notices, nil
}
