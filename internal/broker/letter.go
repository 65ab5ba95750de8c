package broker

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Bounds of a letter's headers, so that they fit beside the largest body.
const (
	maxLetterError   = 1024
	maxLetterHistory = 20 // attempts; the row has all of them
	maxLetterHeaders = 16 << 10
)

// past is one attempt in [HeaderHistory].
type past struct {
	Attempt    int          `json:"attempt"`
	Round      int          `json:"round"`
	Provider   string       `json:"provider,omitzero"`
	Endpoint   string       `json:"endpoint,omitzero"`
	Outcome    string       `json:"outcome,omitzero"`
	Reason     fault.Reason `json:"reason,omitzero"`
	Code       string       `json:"code,omitzero"`
	StartedAt  time.Time    `json:"started_at,omitzero"`
	DurationMS int64        `json:"duration_ms"`
}

// letterMessage builds a dead letter of at most maxPayload bytes. What does not
// fit is cut from the end of the body, which [HeaderBodyLength] then tells: a
// letter that cannot be stored would bring its command back for ever.
func letterMessage(letter *delivery.Letter, maxPayload int) Outgoing {
	headers := keptHeaders(letter.Headers)
	headers[HeaderID] = []string{letter.ID.String()}
	if letter.Row.Version > 0 {
		headers[HeaderVersion] = []string{strconv.Itoa(letter.Row.Version)}
	}
	if letter.Row.Replays > 0 {
		headers[HeaderGeneration] = []string{strconv.Itoa(letter.Row.Replays)}
	}
	headers[HeaderReason] = []string{oneLine(string(letter.Reason), maxLetterError)}
	headers[HeaderError] = []string{oneLine(letter.Error, maxLetterError)}
	headers[HeaderAttempts] = []string{strconv.Itoa(max(letter.Row.Attempts, len(letter.Attempts)))}
	if letter.Lane != "" {
		headers[HeaderLane] = []string{string(letter.Lane)}
	}
	if !letter.FirstSeen.IsZero() {
		headers[HeaderFirstSeen] = []string{letter.FirstSeen.UTC().Format(time.RFC3339Nano)}
	}
	if history := history(letter.Attempts); history != "" {
		headers[HeaderHistory] = []string{history}
	}
	msgID := letter.ID.String() + "." + oneLine(letter.Key, 200) + ".letter"
	headers[HeaderMsgID] = []string{msgID}
	body := letter.Body
	// Room for the line that says so is left in any case.
	if room := maxPayload - headerSize(headers) - 64; maxPayload > 0 && len(body) > room {
		headers[HeaderBodyLength] = []string{strconv.Itoa(len(body))}
		body = body[:max(room, 0)]
	}
	return Outgoing{Subject: letterSubject(letter), Headers: headers, Body: body, MsgID: msgID}
}

// keptHeaders copies the original headers but those that are orders to the
// server: repeated, they would schedule, expire or refuse the letter.
func keptHeaders(original map[string][]string) map[string][]string {
	kept := make(map[string][]string, len(original)+10)
	size := 0
	for name, values := range original {
		if strings.HasPrefix(strings.ToLower(name), "nats-") {
			continue
		}
		for _, value := range values {
			value = oneLine(value, maxLetterError)
			if size += len(name) + len(value) + 4; size > maxLetterHeaders {
				return kept
			}
			kept[name] = append(kept[name], value)
		}
	}
	return kept
}

func history(attempts []delivery.Attempt) string {
	if len(attempts) == 0 {
		return ""
	}
	if extra := len(attempts) - maxLetterHistory; extra > 0 {
		attempts = attempts[extra:]
	}
	list := make([]past, len(attempts))
	for i, a := range attempts {
		list[i] = past{
			Attempt: a.Number, Round: a.Round, Provider: a.Provider, Endpoint: a.Endpoint, Outcome: a.Outcome,
			Reason: a.Reason, Code: oneLine(a.ErrorCode, 120), StartedAt: a.StartedAt.UTC(), DurationMS: a.Duration.Milliseconds(),
		}
	}
	text, err := json.Marshal(list)
	if err != nil {
		// Invalid UTF-8 in a provider's word: the row has it, the letter goes without.
		return ""
	}
	return string(text)
}

// letterSubject is deadletter.<kind>.<id>; "unknown" stands for text that is no
// kind and might not be a subject.
func letterSubject(letter *delivery.Letter) string {
	kind := letter.Kind
	if !kind.Valid() {
		kind = command.Kind("unknown")
	}
	return subjectDeadLetter + string(kind) + "." + letter.ID.String()
}

func headerSize(headers map[string][]string) int {
	size := len("NATS/1.0\r\n\r\n")
	for name, values := range headers {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	return size
}
