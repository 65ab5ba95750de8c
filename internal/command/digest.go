package command

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/go-json-experiment/json"
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

// DigestOf hashes kind and body over RFC 8785 canonical JSON without id,
// send_at and expires_at. It is taken from the raw body, not from the decoded
// structure, so that a later worker with more fields computes the same digest,
// and so that the order and spacing that jsonb changes do not matter.
func DigestOf(kind Kind, body []byte) (Digest, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(body, &members); err != nil {
		return Digest{}, fault.Wrap(fault.Invalid, "command: digest", err)
	}
	for _, name := range digestFree {
		delete(members, name)
	}
	canonical, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return Digest{}, fault.Wrap(fault.Invalid, "command: digest", err)
	}
	value := jsontext.Value(canonical)
	if err := value.Canonicalize(); err != nil {
		return Digest{}, fault.Wrap(fault.Invalid, "command: digest", err)
	}
	hash := sha256.New()
	hash.Write([]byte(kind))
	hash.Write([]byte{'\n'})
	hash.Write(value)
	var d Digest
	hash.Sum(d[:0])
	return d, nil
}
