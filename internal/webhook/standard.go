package webhook

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Standard is the source of every provider without webhooks of its own making:
// the form of Standard Webhooks (https://www.standardwebhooks.com), so that a
// relay, a mailbox poller or the provider's successor can report as well.
type Standard struct {
	keys      []*standardwebhooks.Webhook
	tolerance time.Duration
}

// NewStandard returns a source that accepts any of the secrets, "whsec_…" or the
// bare base64; any other text is taken as the key itself. Two of them are valid
// at once while a secret is rotated. Without secrets nothing is accepted.
func NewStandard(secrets []string, tolerance time.Duration) *Standard {
	s := &Standard{tolerance: tolerance}
	for _, secret := range secrets {
		key, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			key, err = standardwebhooks.NewWebhookRaw([]byte(secret))
		}
		if err == nil && secret != "" {
			s.keys = append(s.keys, key)
		}
	}
	return s
}

// Verify implements [Source].
func (s *Standard) Verify(_ context.Context, header http.Header, body []byte, now time.Time) error {
	const op = "webhook: verify"
	stamp := header.Get(standardwebhooks.HeaderWebhookTimestamp)
	if stamp == "" || header.Get(standardwebhooks.HeaderWebhookID) == "" || header.Get(standardwebhooks.HeaderWebhookSignature) == "" {
		return fault.New(fault.Unauthorized, op, "webhook-id, webhook-timestamp or webhook-signature is missing")
	}
	if len(s.keys) == 0 {
		return fault.New(fault.Refused, op, "no secret is configured for this provider's webhooks (webhook.secrets)")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fault.New(fault.Refused, op, "webhook-timestamp is no number of seconds")
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > s.tolerance || off < -s.tolerance {
		return fault.New(fault.Refused, op, "webhook-timestamp is %s off; at most %s are allowed", off.Round(time.Second), s.tolerance)
	}
	for _, key := range s.keys {
		if key.VerifyIgnoringTimestamp(body, header) == nil {
			return nil
		}
	}
	return fault.New(fault.Refused, op, "webhook-signature was made with none of the secrets")
}

// Split implements [Source]: one event a request.
func (s *Standard) Split(header http.Header, body []byte) ([]delivery.Notice, error) {
	event := jsontext.Value(body)
	if !event.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) || event.Kind() != '{' {
		return nil, fault.New(fault.Invalid, "webhook: split", "the body is no JSON object")
	}
	return []delivery.Notice{{EventID: header.Get(standardwebhooks.HeaderWebhookID), Event: event}}, nil
}

var (
	_ Source      = (*Standard)(nil)
	_ Invalidator = (*Standard)(nil)
)
