package providers

import (
	"crypto/subtle"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Decode reads a vendor's JSON, leniently where strictness would turn an accepted
// message into an unknown outcome. Its error never shows what the vendor said.
func Decode(body []byte, into any) error {
	if json.Unmarshal(body, into, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return errors.New("not the documented JSON")
	}
	return nil
}

// OfCall names the call in a mistake of the command, which a driver found before it
// called. err is a [fault.Error].
func OfCall(endpoint string, err error) error {
	e := *fault.As(err)
	e.Op = endpoint
	return &e
}

// KnowsSecret reports whether text is one of the secrets. How long it takes tells
// nothing of them.
func KnowsSecret(secrets []string, text string) bool {
	fits := 0
	for _, secret := range secrets {
		fits |= subtle.ConstantTimeCompare([]byte(text), []byte(secret))
	}
	return fits == 1
}
