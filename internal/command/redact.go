package command

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Redacted stands where the value of a sensitive variable was.
const Redacted = "[redacted]"

// Redact returns body with the values of the named variables replaced by
// [Redacted]; everything else stays as it was written. A body that breaks off is
// redacted up to there; one that is no JSON object is returned as it is.
func Redact(body []byte, names []string) []byte {
	var out []byte
	copied := int64(0)
	in := looseDecoder(body)
	_ = members(in, func(name string) error {
		if name != "variables" || in.PeekKind() != '{' {
			return in.SkipValue()
		}
		return members(in, func(name string) error {
			value, err := in.ReadValue()
			if err != nil || !slices.Contains(names, name) {
				return err
			}
			end := in.InputOffset()
			out = append(out, body[copied:end-int64(len(value))]...)
			out, copied = append(out, `"`+Redacted+`"`...), end
			return nil
		})
	})
	if copied == 0 {
		return body
	}
	return append(out, body[copied:]...)
}

// Variables returns what a body says about its variables, whatever else is wrong
// with it: the template that takes them, those that it calls sensitive, and the
// names of all that have a value.
func Variables(body []byte) (template string, sensitive, names []string) {
	in := looseDecoder(body)
	_ = members(in, func(member string) error {
		if member == "variables" && in.PeekKind() == '{' {
			return members(in, func(name string) error {
				names = append(names, name)
				return in.SkipValue()
			})
		}
		value, err := in.ReadValue()
		if err != nil {
			return err
		}
		switch member {
		case "template":
			_ = json.Unmarshal(value, &template)
		case "sensitive":
			_ = json.Unmarshal(value, &sensitive)
		}
		return nil
	})
	return template, sensitive, names
}

func looseDecoder(body []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// members calls each for every member of the object that comes next, whose value
// each reads. It ends at the first error.
func members(in *jsontext.Decoder, each func(name string) error) error {
	if in.PeekKind() != '{' {
		return errNotObject
	}
	if _, err := in.ReadToken(); err != nil {
		return err
	}
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return err
		}
		if err := each(name.String()); err != nil {
			return err
		}
	}
	_, err := in.ReadToken()
	return err
}
