package command

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// ErrNewer reports a body whose version this worker does not know yet. During a
// rolling upgrade such a command waits for a newer worker; it is never rejected.
var ErrNewer = errors.New("command: body version is newer than this worker understands")

// Source says where a message came from: what identity and headers fall back on.
type Source struct {
	// MsgID is the Nats-Msg-Id header, "" when none came.
	MsgID string
	// Stream, Sequence and Timestamp name the stored message; together they give
	// an id that a redelivery repeats.
	Stream    string
	Sequence  uint64
	Timestamp time.Time
	// Generation is the replay counter carried by the message.
	Generation              int
	TraceParent, TraceState string
}

// Decode reads one body strictly: unknown members, wrong types, duplicate
// names, invalid UTF-8 and NUL characters are mistakes. The returned command is
// never nil: on a mistake it has an id and a digest, so that the rejection can
// be recorded, and Payload is nil. The error is a [fault.Error] with reason
// invalid that names the field, or [ErrNewer].
func Decode(kind Kind, lane Lane, body []byte, src Source) (*Command, error) {
	cmd := &Command{
		Kind: kind, Lane: lane, Body: body, Generation: src.Generation, RequestedAt: src.Timestamp,
		TraceParent: src.TraceParent, TraceState: src.TraceState,
	}
	payload, err := decodePayload(kind, body)
	if err == nil {
		cmd.ID = identify(payload.Common().ID, src)
		cmd.Digest, err = DigestOf(kind, body)
	}
	if err != nil {
		loose := looseEnvelope(body)
		cmd.ID = identify(loose.ID, src)
		cmd.Digest, _ = DigestOf(kind, body)
		if loose.V > Version {
			return cmd, ErrNewer
		}
		return cmd, err
	}
	cmd.Payload = payload
	return cmd, nil
}

// identify picks the id: the body's, else the message's, else one made of the
// stored message's place, which a redelivery repeats and a new message does not.
func identify(bodyID string, src Source) uuid.UUID {
	switch {
	case bodyID != "":
		return ParseID(bodyID)
	case src.MsgID != "":
		return ParseID(src.MsgID)
	default:
		return ParseID(fmt.Sprintf("%s/%d/%d", src.Stream, src.Sequence, src.Timestamp.UnixNano()))
	}
}

func newPayload(kind Kind) Payload {
	switch kind {
	case EmailSend:
		return new(Email)
	case SMSSend:
		return new(SMS)
	case BusinessVerify:
		return new(Business)
	case AddressSearch:
		return new(Address)
	case WebhookProcess:
		return new(Webhook)
	case DeliveryCancel:
		return new(Cancel)
	case BusinessComplete:
		return new(Complete)
	}
	return nil
}

func decodePayload(kind Kind, body []byte) (Payload, error) {
	payload := newPayload(kind)
	switch {
	case payload == nil:
		return nil, fault.New(fault.Invalid, "command: decode", "kind %q is not known", kind)
	case len(body) > MaxBody:
		return nil, fault.New(fault.Invalid, "command: decode", "body has %d bytes; at most %d are allowed", len(body), MaxBody)
	case hasNUL(body):
		return nil, fault.New(fault.Invalid, "command: decode", `body contains the character \u0000, which cannot be stored`)
	}
	if err := json.Unmarshal(body, payload, json.RejectUnknownMembers(true)); err != nil {
		return nil, explain(kind, body, err)
	}
	env := payload.Common()
	if env.V > Version {
		return nil, ErrNewer
	}
	if err := env.validate(); err != nil {
		return nil, err
	}
	if err := payload.validate(); err != nil {
		return nil, err
	}
	return payload, nil
}

// hasNUL finds an escaped NUL: Postgres stores it neither as text nor as jsonb.
// A raw one is a syntax error already.
func hasNUL(body []byte) bool {
	const escape = `\u0000`
	for rest := body; ; {
		i := bytes.Index(rest, []byte(escape))
		if i < 0 {
			return false
		}
		backslashes := 0
		for j := i - 1; j >= 0 && rest[j] == '\\'; j-- {
			backslashes++
		}
		if backslashes%2 == 0 {
			return true
		}
		rest = rest[i+len(escape):]
	}
}

// looseEnvelope reads what identity and version a body has, whatever else is
// wrong with it.
func looseEnvelope(body []byte) (env struct {
	ID string `json:"id"`
	V  int    `json:"v"`
}) {
	var members map[string]jsontext.Value
	if json.Unmarshal(body, &members) != nil {
		return env
	}
	_ = json.Unmarshal(members["id"], &env.ID)
	_ = json.Unmarshal(members["v"], &env.V)
	return env
}

// explain turns a JSON error into one that names field, value and remedy.
func explain(kind Kind, body []byte, err error) error {
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if syntax.JSONPointer != "" && errors.Is(err, jsontext.ErrDuplicateName) {
			return fault.InvalidField(FieldPath(syntax.JSONPointer), "stands twice")
		}
		// Of the body nothing is repeated: this error is logged and shown, and whom a
		// body is for, or which link it carries, is nobody else's business.
		return fault.New(fault.Invalid, "command: decode", "body is not JSON: %s at byte %d of %d",
			strings.TrimPrefix(rootCause(syntax).Error(), "jsontext: "), syntax.ByteOffset, len(body))
	}
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return fault.Wrap(fault.Invalid, "command: decode", err)
	}
	field := FieldPath(semantic.JSONPointer)
	if errors.Is(err, json.ErrUnknownName) {
		if near := nearest(kind, semantic.JSONPointer.LastToken()); near != "" {
			return fault.InvalidField(field, "is not a field of %s; did you mean %q?", kind, near)
		}
		return fault.InvalidField(field, "is not a field of %s", kind)
	}
	if field == "" {
		return fault.New(fault.Invalid, "command: decode", "body must be a JSON object, not %s", kindWord(semantic.JSONKind))
	}
	return fault.InvalidField(field, "must be %s, not %s", typeWord(semantic), valueWord(semantic))
}

func rootCause(syntax *jsontext.SyntacticError) error {
	if syntax.Err != nil {
		return syntax.Err
	}
	return syntax
}

// FieldPath turns a JSON pointer ("/to/0") into the form people write ("to[0]").
func FieldPath(pointer jsontext.Pointer) string {
	var b strings.Builder
	for token := range pointer.Tokens() {
		switch {
		case token != "" && strings.Trim(token, "0123456789") == "":
			b.WriteString("[" + token + "]")
		case b.Len() > 0:
			b.WriteString("." + clip(token))
		default:
			b.WriteString(clip(token))
		}
	}
	return b.String()
}

// clip bounds a value that is repeated in an error.
func clip(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
