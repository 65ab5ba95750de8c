package config

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

const sealedPrefix = "sealed:"

// GenerateKey returns a new age identity for GANGWAY_SECRETS_KEY and the
// recipient (public key) that seals for it.
func GenerateKey() (key Secret, recipient string, err error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return Secret{}, "", fmt.Errorf("config: generate key: %w", err)
	}
	return NewSecret(identity.String()), identity.Recipient().String(), nil
}

// Recipients returns the public keys of the identities in keys, in their order.
func Recipients(keys Secret) ([]string, error) {
	identities, err := parseIdentities(keys)
	if err != nil {
		return nil, err
	}
	var recipients []string
	for _, identity := range identities {
		recipients = append(recipients, identity.Recipient().String())
	}
	return recipients, nil
}

// Identities returns each of the keys by itself, in their order.
func Identities(keys Secret) ([]Secret, error) {
	identities, err := parseIdentities(keys)
	var list []Secret
	for _, identity := range identities {
		list = append(list, NewSecret(identity.String()))
	}
	return list, err
}

// Seal encrypts a secret for one or more recipients ("age1…") and returns the
// value to put into a file: "sealed:…".
func Seal(secret Secret, recipients ...string) (string, error) {
	parsed := make([]age.Recipient, 0, len(recipients))
	for _, text := range recipients {
		recipient, err := age.ParseX25519Recipient(text)
		if err != nil {
			return "", fmt.Errorf("config: seal: recipient %q is not an age public key (age1…)", text)
		}
		parsed = append(parsed, recipient)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, parsed...)
	if err != nil {
		return "", fmt.Errorf("config: seal: %w", err)
	}
	if _, err := io.WriteString(w, secret.Reveal()); err != nil {
		return "", fmt.Errorf("config: seal: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("config: seal: %w", err)
	}
	return sealedPrefix + base64.StdEncoding.EncodeToString(sealed.Bytes()), nil
}

// Unseal opens what [Seal] made with any of the identities in keys: during a
// rotation the new and the old one stand there together.
func Unseal(sealed string, keys Secret) (Secret, error) {
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(sealed), sealedPrefix))
	if err != nil {
		return Secret{}, errors.New("config: unseal: value is not base64; seal it again with worker secrets encrypt")
	}
	identities, err := parseIdentities(keys)
	if err != nil {
		return Secret{}, err
	}
	if len(identities) == 0 {
		return Secret{}, errors.New("config: unseal: no key; set GANGWAY_SECRETS_KEY or GANGWAY_SECRETS_KEY_FILE")
	}
	all := make([]age.Identity, 0, len(identities))
	for _, identity := range identities {
		all = append(all, identity)
	}
	r, err := age.Decrypt(bytes.NewReader(data), all...)
	if err != nil {
		if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
			return Secret{}, errors.New("config: unseal: GANGWAY_SECRETS_KEY does not open it; it was sealed for another key")
		}
		return Secret{}, errors.New("config: unseal: value is damaged; seal it again with worker secrets encrypt")
	}
	text, err := io.ReadAll(io.LimitReader(r, maxSecret))
	if err != nil {
		return Secret{}, errors.New("config: unseal: value is damaged; seal it again with worker secrets encrypt")
	}
	return NewSecret(string(text)), nil
}

// parseIdentities reads age identities apart by white space or commas; lines
// that begin with # are comments, as age-keygen writes them.
func parseIdentities(keys Secret) ([]*age.X25519Identity, error) {
	var identities []*age.X25519Identity
	for line := range strings.Lines(keys.Reveal()) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' }) {
			identity, err := age.ParseX25519Identity(word)
			if err != nil {
				return nil, errors.New("config: secrets key is not an age identity (AGE-SECRET-KEY-1…); make one with worker secrets keygen")
			}
			identities = append(identities, identity)
		}
	}
	return identities, nil
}
