package command

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Digest tells whether two bodies under one id are the same command.
type Digest [sha256.Size]byte

// String returns the first 16 hexadecimal digits, enough for a person to compare.
func (d Digest) String() string { return hex.EncodeToString(d[:8]) }

// digestFree are the members that may differ between two publications of one
// command: who it is and when it is due.
var digestFree = []string{"id", "send_at", "expires_at"}

// webhookBound are the only members that tell webhooks apart: a provider that
// sends an event once more stamps it anew, and it is the same event.
var webhookBound = []string{"provider", "event_id"}

// DigestOf hashes kind and body over RFC 8785 canonical JSON without id,
// send_at and expires_at; of a webhook only who reported which event. It is taken
// from the raw body, not from the decoded structure, so that a later worker with
// more fields computes the same digest, and so that the order and spacing that
// jsonb changes do not matter.
func DigestOf(kind Kind, body []byte) (Digest, error) {
	text := make([]byte, 0, len(kind)+1+len(body))
	text = append(append(text, kind...), '\n')
	if plain, ok := plainForm(text, body, func(name []byte) bool { return counts(kind, name) }); ok {
		return sha256.Sum256(plain), nil
	}
	canonical, err := canonical(kind, body)
	if err != nil {
		return Digest{}, fault.Wrap(fault.Invalid, "command: digest", err)
	}
	return sha256.Sum256(append(text, canonical...)), nil
}

// counts reports whether a member of that name tells commands apart.
func counts(kind Kind, name []byte) bool {
	is := func(n string) bool { return string(name) == n }
	return !slices.ContainsFunc(digestFree, is) && (kind != WebhookProcess || slices.ContainsFunc(webhookBound, is))
}

// canonical copies the members that count, then sorts and normalises the copy.
func canonical(kind Kind, body []byte) (jsontext.Value, error) {
	in := jsontext.NewDecoder(bytes.NewBuffer(body))
	if begin, err := in.ReadToken(); err != nil || begin.Kind() != '{' {
		return nil, errors.Join(err, errNotObject)
	}
	out := make(jsontext.Value, 0, len(body)+2)
	out = append(out, '{')
	for in.PeekKind() == '"' {
		name, err := in.ReadValue()
		if err != nil {
			return nil, err
		}
		// The decoder reuses its buffer: the name is copied before the value is read.
		start := len(out)
		out = append(append(out, name...), ':')
		nameEnd := len(out) - 2
		value, err := in.ReadValue()
		if err != nil {
			return nil, err
		}
		if !counts(kind, out[start+1:nameEnd]) {
			out = out[:start]
			continue
		}
		out = append(append(out, value...), ',')
	}
	if _, err := in.ReadToken(); err != nil {
		return nil, err
	}
	if out[len(out)-1] == ',' {
		out = out[:len(out)-1]
	}
	out = append(out, '}')
	return out, out.Canonicalize()
}

var errNotObject = errors.New("body is not a JSON object")
