package telemetry

import (
	"encoding/base64"
	"net/url"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

// Redactor is the one choke point between what the program knows and what it
// writes down: logs, attempt rows, traces. It removes secrets (by the name of a
// header, field or parameter, and by their known texts) and masks personal data.
// Redacting twice changes nothing more. It is safe for concurrent use.
type Redactor struct {
	names map[string]class // never changed after New
	known atomic.Pointer[knownTexts]
}

// NewRedactor returns a redactor that also removes the given secrets wherever
// they appear.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{names: classes()}
	r.SetSecrets(secrets...)
	return r
}

// SetSecrets replaces the secrets that are removed by their text, such as after
// a reload. Texts of less than six bytes are left out: they would tear holes
// into everything else.
func (r *Redactor) SetSecrets(secrets ...string) {
	var texts []string
	seen := map[string]bool{}
	for _, secret := range secrets {
		if len(secret) < 6 || secret == Redacted {
			continue
		}
		// The forms in which a driver puts a secret on the wire.
		for _, form := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)),
			strings.Trim(quote(secret), `"`),
		} {
			if !seen[form] {
				seen[form] = true
				texts = append(texts, form)
			}
		}
	}
	r.known.Store(newKnownTexts(texts))
}

// Text redacts free text: a log message, an error, a header's value. Text without
// anything to hide is returned as it is, without an allocation.
func (r *Redactor) Text(text string) string {
	return r.scan(r.secretsOut(text))
}

// Mask hides one recipient, or several with commas, so that a person who knows
// the address recognises it: "k***@example.kr", "***5678".
func (r *Redactor) Mask(recipient string) string {
	recipient = r.secretsOut(recipient)
	if strings.Contains(recipient, ",") {
		parts := strings.Split(recipient, ",")
		for i, part := range parts {
			parts[i] = maskOne(strings.TrimSpace(part))
		}
		return strings.Join(parts, ",")
	}
	return maskOne(strings.TrimSpace(recipient))
}

func (r *Redactor) secretsOut(text string) string {
	if known := r.known.Load(); known != nil {
		return known.out(text)
	}
	return text
}

func maskOne(address string) string {
	// "Kim <kim@example.kr>": the display name says no more than the address.
	if open := strings.LastIndexByte(address, '<'); open >= 0 {
		address = strings.TrimSuffix(address[open+1:], ">")
	}
	if address == "" || strings.Contains(address, "***") || address == Redacted {
		return address
	}
	if at := strings.LastIndexByte(address, '@'); at > 0 {
		// Whatever stands behind the domain is no part of an address.
		end := at + 1
		for end < len(address) && isDomain(address[end]) {
			end++
		}
		return firstRune(address) + "***" + address[at:end]
	}
	digits := 0
	for i := range len(address) {
		if isDigit(address[i]) {
			digits++
		}
	}
	if digits >= 6 {
		return maskPhone(address)
	}
	return firstRune(address) + "***"
}

// maskPhone keeps the last four digits.
func maskPhone(number string) string {
	var kept []byte
	for i := len(number) - 1; i >= 0 && len(kept) < 4; i-- {
		if isDigit(number[i]) {
			kept = append(kept, number[i])
		}
	}
	for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
		kept[i], kept[j] = kept[j], kept[i]
	}
	return "***" + string(kept)
}

// maskPerson keeps the family name of a Korean name, the first letter of others.
func maskPerson(name string) string {
	if name == "" || strings.HasSuffix(name, "**") {
		return name
	}
	return firstRune(name) + "**"
}

func firstRune(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return text[:size]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
