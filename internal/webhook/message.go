package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Message is one event as it goes to the bus.
type Message struct {
	// ID is its Nats-Msg-Id, made of the provider's id of the event, and so the
	// identity of the command: a repeat of the event is the same command.
	ID          string
	Body        []byte // of webhook.process
	TraceParent string // "" when the sender sent none
}

// tooBigError is an event that no command can carry.
type tooBigError struct{ limit int64 }

func (*tooBigError) Error() string { return "an event is too large for a command" }

func (r *Receiver) messages(req *http.Request, notices []delivery.Notice) ([]Message, error) {
	headers := kept(req.Header)
	received := r.options.Now().UTC().Format(time.RFC3339Nano)
	trace := req.Header.Get("traceparent")
	if len(trace) > 64 {
		trace = ""
	}
	messages := make([]Message, 0, len(notices))
	for _, notice := range notices {
		m, err := NewMessage(req.PathValue("provider"), notice, headers, received)
		if err != nil {
			return nil, err
		}
		m.TraceParent = trace
		if !slices.ContainsFunc(messages, func(other Message) bool { return other.ID == m.ID }) {
			messages = append(messages, m)
		}
	}
	return messages, nil
}

// NewMessage makes the command that processes an event of a provider.
func NewMessage(provider string, notice delivery.Notice, headers map[string]string, receivedAt string) (Message, error) {
	event, err := tidy(notice.Event)
	if err != nil {
		return Message{}, fault.Wrap(fault.Invalid, "webhook: event", err)
	}
	eventID := clean(notice.EventID)
	switch {
	case eventID == "":
		eventID = digest(string(event))
	case len(eventID) > maxEventID:
		eventID = digest(eventID)
	}
	body, err := json.Marshal(&command.Webhook{
		Envelope: command.Envelope{Provider: provider}, EventID: eventID, ReceivedAt: receivedAt, Headers: headers, Event: event,
	}, json.Deterministic(true))
	if err != nil {
		return Message{}, fault.Wrap(fault.Invalid, "webhook: event", err)
	}
	if len(body) > command.MaxBody {
		return Message{}, fault.Wrap(fault.Invalid, "webhook: event", &tooBigError{limit: command.MaxBody})
	}
	return Message{ID: messageID(provider, eventID), Body: body}, nil
}

// messageID is readable where the provider's id can stand in a header.
func messageID(provider, eventID string) string {
	if strings.ContainsFunc(eventID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		eventID = digest(eventID)
	}
	return "webhook." + provider + "." + eventID
}

// maxEventID is the longest id that a provider's event keeps, in bytes.
const maxEventID = 200

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:16])
}

// tidy makes an event one that a command can carry and a database store: vendors
// send names twice, broken surrogates and NUL characters as well.
func tidy(event jsontext.Value) (jsontext.Value, error) {
	if len(event) == 0 {
		return nil, errors.New("the event is empty")
	}
	if event.IsValid() && !strings.Contains(string(event), `\u0000`) {
		return event, nil
	}
	var loose any
	if err := json.Unmarshal(event, &loose, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return nil, errors.New("the event is not JSON")
	}
	return json.Marshal(withoutNUL(loose), json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
}

func withoutNUL(value any) any {
	switch v := value.(type) {
	case string:
		return clean(v)
	case []any:
		for i := range v {
			v[i] = withoutNUL(v[i])
		}
		return v
	case map[string]any:
		tidied := make(map[string]any, len(v))
		for name, member := range v {
			tidied[clean(name)] = withoutNUL(member)
		}
		return tidied
	default:
		return v
	}
}

// kept are the headers that travel with an event. What opens an account does not:
// some vendors' signatures are the secret itself.
func kept(header http.Header) map[string]string {
	secrets := []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Solapi-Secret", "X-Toast-Webhook-Signature"}
	headers := make(map[string]string, len(header))
	for name, values := range header {
		if len(headers) < maxHeaders && len(values) > 0 && len(name) <= 64 && !slices.Contains(secrets, name) {
			headers[clean(name)] = clip(clean(values[0]))
		}
	}
	return headers
}

// maxHeaders is how many headers an event takes along.
const maxHeaders = 32

func clean(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\ufffd")
}

func clip(text string) string {
	const most = 512
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}
