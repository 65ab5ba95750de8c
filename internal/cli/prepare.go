package cli

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// member is one name and value of a JSON object, the value as it was written.
type member struct {
	name  string
	raw   jsontext.Value // the name as it was written
	value jsontext.Value
}

// preparer makes messages of bodies.
type preparer struct {
	kind  command.Kind
	lane  command.Lane
	set   []member // put into each body in place of what it says
	newID func() (uuid.UUID, error)
}

// message makes the message of one body: the id stands in it, what the flags
// say has replaced what it said, and the strict decoder has found no mistake.
func (f *preparer) message(body []byte) (Message, error) {
	members, err := split(body)
	if err != nil {
		if _, explained := command.Decode(f.kind, f.lane, body, command.Source{}); explained != nil {
			return Message{}, explained
		}
		return Message{}, fault.Wrap(fault.Invalid, "read command", err)
	}
	for _, m := range f.set {
		members = replace(members, m)
	}
	given := find(members, "id")
	explicit := given != nil && given.Kind() != 'n' && string(given) != `""`
	if !explicit {
		id, err := f.newID()
		if err != nil {
			return Message{}, fmt.Errorf("make an id: %w", err)
		}
		members = replace(members, textMember("id", id.String()))
	}
	body = join(members)
	cmd, err := command.Decode(f.kind, f.lane, body, command.Source{})
	if errors.Is(err, command.ErrNewer) {
		return Message{}, fault.InvalidField("v", "is newer than this publisher understands (%d): use a newer one", command.Version)
	}
	if err != nil {
		return Message{}, err
	}
	trace, err := traceParent()
	if err != nil {
		return Message{}, err
	}
	env := cmd.Envelope()
	msgID := env.ID
	if strings.ContainsFunc(msgID, func(r rune) bool { return r < ' ' || r > '~' }) {
		msgID = cmd.ID.String() // a header holds printable ASCII
	}
	if explicit && !env.SendAt.IsZero() {
		// The same id with another send_at moves a scheduled command, but only
		// under another Nats-Msg-Id: an equal one is dropped as a duplicate.
		msgID += "@" + strconv.FormatInt(env.SendAt.UnixMilli(), 10)
	}
	return Message{
		ID: cmd.ID, Kind: f.kind, Lane: f.lane, Body: body,
		MsgID: msgID, TraceParent: trace, SendAt: env.SendAt,
	}, nil
}

// split reads the members of an object. Names that stand twice are kept, so
// that the decoder can refuse them.
func split(body []byte) ([]member, error) {
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '{' {
		return nil, errors.New("not an object")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	var members []member
	for d.PeekKind() != '}' {
		raw, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		m := member{raw: raw.Clone()}
		// Invalid UTF-8 is left to the decoder, which names the field.
		name, _ := jsontext.AppendUnquote(nil, raw)
		m.name = string(name)
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		m.value = value.Clone()
		members = append(members, m)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	if rest := bytes.TrimSpace(body[d.InputOffset():]); len(rest) > 0 {
		return nil, errors.New("something follows the object")
	}
	return members, nil
}

// join writes an object on one line.
func join(members []member) []byte {
	body := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(append(append(body, m.raw...), ':'), m.value...)
	}
	value := jsontext.Value(append(body, '}'))
	// Compact only drops spaces between tokens; on text that it cannot read it
	// changes nothing, and the decoder says what is wrong.
	_ = value.Compact()
	return value
}

// replace puts m first and drops what stood under its name.
func replace(members []member, m member) []member {
	kept := make([]member, 0, len(members)+1)
	kept = append(kept, m)
	for _, other := range members {
		if other.name != m.name {
			kept = append(kept, other)
		}
	}
	return kept
}

func find(members []member, name string) jsontext.Value {
	for _, m := range members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// textMember returns a member of text. What is not UTF-8 was replaced by then,
// and the error says only that.
func textMember(name, text string) member {
	raw, _ := jsontext.AppendQuote(nil, name)
	value, _ := jsontext.AppendQuote(nil, text)
	return member{name: name, raw: raw, value: value}
}

// timeMember returns a member that holds a time.
func timeMember(name string, t time.Time) member {
	return textMember(name, t.Format(time.RFC3339Nano))
}

// traceParent makes the W3C header of a new trace that is recorded.
func traceParent() (string, error) {
	var ids [24]byte
	if _, err := rand.Read(ids[:]); err != nil {
		return "", fmt.Errorf("make a trace id: %w", err)
	}
	return "00-" + hex.EncodeToString(ids[:16]) + "-" + hex.EncodeToString(ids[16:]) + "-01", nil
}
