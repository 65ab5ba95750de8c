package resilience

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Sealer encrypts what is kept where others can read it: AES-256-GCM under keys
// derived from secrets by HKDF. The newest secret seals; every one opens, so that
// secrets rotate without losing what is kept. A sealed text names its key and is
// bound to the place it is kept in.
//
//	4 bytes key id | 12 bytes nonce | ciphertext | 16 bytes tag
//
// age would do the same a hundred times slower: it agrees on a new key for each
// value.
type Sealer struct {
	newest keyID
	keys   map[keyID]cipher.AEAD
}

type keyID [4]byte

// ErrSealed is returned for text that none of the keys opens.
var ErrSealed = errors.New("resilience: sealed under a key that is not known, for another place, or damaged")

// NewSealer derives keys for purpose ("cache v1") from secrets, newest first.
func NewSealer(purpose string, secrets ...string) (*Sealer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("resilience: sealer: no secret")
	}
	s := &Sealer{keys: map[keyID]cipher.AEAD{}}
	for i, secret := range secrets {
		derived, err := hkdf.Key(sha256.New, []byte(secret), nil, "gangway "+purpose, 36)
		if err != nil {
			return nil, fmt.Errorf("resilience: sealer: %w", err)
		}
		block, err := aes.NewCipher(derived[:32])
		if err != nil {
			return nil, fmt.Errorf("resilience: sealer: %w", err)
		}
		id := keyID(derived[32:])
		if s.keys[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("resilience: sealer: %w", err)
		}
		if i == 0 {
			s.newest = id
		}
	}
	return s, nil
}

// Newest is the id of the key that seals.
func (s *Sealer) Newest() string { return hex.EncodeToString(s.newest[:]) }

// Knows reports whether the key with this id is among those that open.
func (s *Sealer) Knows(id string) bool {
	var key keyID
	n, err := hex.Decode(key[:], []byte(id)[:min(len(id), 2*len(key))])
	_, known := s.keys[key]
	return err == nil && n == len(key) && len(id) == 2*n && known
}

// Seal appends the sealed text to prefix. place must be given again to open it.
func (s *Sealer) Seal(prefix, plain []byte, place string) []byte {
	return s.keys[s.newest].Seal(append(prefix, s.newest[:]...), nil, plain, []byte(place))
}

// Open returns the text again, or [ErrSealed].
func (s *Sealer) Open(sealed []byte, place string) ([]byte, error) {
	var id keyID
	if copy(id[:], sealed) < len(id) {
		return nil, ErrSealed
	}
	aead, ok := s.keys[id]
	if !ok {
		return nil, ErrSealed
	}
	plain, err := aead.Open(nil, nil, sealed[len(id):], []byte(place))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
