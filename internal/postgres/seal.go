package postgres

import (
	"fmt"
	"maps"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Sealer encrypts the bodies of dead letters. What is sealed in one place does
// not open in another.
type Sealer interface {
	// Seal returns the body as it is kept and the id of the key; "" leaves it as it is.
	Seal(body []byte, place string) (sealed []byte, key string)
	// Knows reports whether the key with this id is here.
	Knows(key string) bool
	Open(sealed []byte, place string) ([]byte, error)
}

// SealedPlace is where the body of a delivery's letter is kept: it opens nowhere
// else.
func SealedPlace(id uuid.UUID) string { return "letter " + id.String() }

// sealedKeySQL is the id of the key of a letter l, null when it is not sealed.
const sealedKeySQL = `l.headers -> 'Gangway-Sealed' ->> 0`

// unsealed is the sealer of those who have no key.
type unsealed struct{}

func (unsealed) Seal(body []byte, _ string) (sealed []byte, key string) { return body, "" }
func (unsealed) Knows(string) bool                                      { return false }
func (unsealed) Open([]byte, string) ([]byte, error) {
	return nil, fault.New(fault.Refused, "postgres: open", "no key is known")
}

// seal returns the content of a letter as it is stored. A mark that came with the
// message is not ours.
func (r Reader) seal(id uuid.UUID, content delivery.LetterContent) *delivery.LetterContent {
	if _, forged := content.Headers[delivery.HeaderSealed]; forged {
		content.Headers = maps.Clone(content.Headers)
		delete(content.Headers, delivery.HeaderSealed)
	}
	if content.Body == nil {
		return &content
	}
	sealed, key := r.sealer.Seal(content.Body, SealedPlace(id))
	if key == "" {
		return &content
	}
	headers := map[string][]string{delivery.HeaderSealed: {key}}
	maps.Copy(headers, content.Headers)
	return &delivery.LetterContent{Body: sealed, Headers: headers}
}

// open returns the body of a letter as it was before it was sealed, and takes the
// mark off its headers; not when no key opens it.
func (r Reader) open(id uuid.UUID, payload []byte, headers map[string][]string) (body []byte, readable bool) {
	key := headers[delivery.HeaderSealed]
	if len(key) == 0 || payload == nil {
		return payload, true
	}
	body, err := r.sealer.Open(payload, SealedPlace(id))
	if err != nil {
		return fmt.Appendf(nil, "sealed under key %s, which does not open it here: set GANGWAY_SECRETS_KEY to the secrets key of the workers", key[0]), false
	}
	delete(headers, delivery.HeaderSealed)
	return body, true
}
