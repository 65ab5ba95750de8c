package templates

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Bounds of what one message may bring: a list of a million elements would be
// walked by every template that ranges over it.
const (
	maxValues = 5000
	maxDepth  = 8
)

// decimal is a number that an int64 cannot hold as it was written: 1.50, 1e9.
type decimal string

// budget counts down the values of one message.
type budget struct{ values int }

// decode turns JSON into string, bool, int64, decimal, []any and map[string]any.
// Strings and numbers, nearly everything there is, need no decoder.
func decode(field string, raw jsontext.Value, left *budget) (any, error) {
	raw = bytes.Trim(raw, " \t\r\n") // no more than JSON allows
	switch raw.Kind() {
	case jsontext.KindString:
		text, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return nil, notJSON(field)
		}
		return string(text), nil
	case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
		if !raw.IsValid() {
			return nil, notJSON(field)
		}
		return scalar(raw.Kind(), string(raw)), nil
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(raw))
	value, err := decodeNext(field, decoder, left)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, notJSON(field)
	}
	return value, nil
}

func decodeNext(field string, from *jsontext.Decoder, left *budget) (any, error) {
	if left.values--; left.values < 0 {
		return nil, fault.InvalidField(field, "has too many values; at most %d in all variables together", maxValues)
	}
	if from.StackDepth() > maxDepth {
		return nil, fault.InvalidField(field, "is nested too deep; at most %d levels", maxDepth)
	}
	token, err := from.ReadToken()
	if err != nil {
		return nil, notJSON(field)
	}
	switch token.Kind() {
	case jsontext.KindBeginArray:
		return decodeList(field, from, left)
	case jsontext.KindBeginObject:
		return decodeObject(field, from, left)
	case jsontext.KindNull:
		return nil, nil
	default:
		return scalar(token.Kind(), token.String()), nil
	}
}

func decodeList(field string, from *jsontext.Decoder, left *budget) (any, error) {
	list := []any{}
	for from.PeekKind() != jsontext.KindEndArray {
		value, err := decodeNext(field+"["+strconv.Itoa(len(list))+"]", from, left)
		if err != nil {
			return nil, err
		}
		if value == nil {
			return nil, fault.InvalidField(field+"["+strconv.Itoa(len(list))+"]", "is null; leave it out")
		}
		list = append(list, value)
	}
	if _, err := from.ReadToken(); err != nil {
		return nil, notJSON(field)
	}
	return list, nil
}

// decodeObject leaves out members that are null, so that they count as not given.
func decodeObject(field string, from *jsontext.Decoder, left *budget) (any, error) {
	object := map[string]any{}
	for from.PeekKind() != jsontext.KindEndObject {
		name, err := from.ReadToken()
		if err != nil {
			return nil, notJSON(field)
		}
		key := name.String()
		value, err := decodeNext(field+"."+clip(key), from, left)
		if err != nil {
			return nil, err
		}
		if value != nil {
			object[key] = value
		}
	}
	if _, err := from.ReadToken(); err != nil {
		return nil, notJSON(field)
	}
	return object, nil
}

// scalar keeps a number as it was written where an int64 would print it otherwise.
func scalar(kind jsontext.Kind, text string) any {
	switch kind {
	case jsontext.KindTrue:
		return true
	case jsontext.KindFalse:
		return false
	case jsontext.KindNumber:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
			return n
		}
		return decimal(text)
	}
	return text
}

func notJSON(field string) error { return fault.InvalidField(field, "is not JSON") }

func asText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case decimal:
		return string(v), true
	}
	return "", false
}

func isNumber(value any) bool {
	switch value.(type) {
	case int64, decimal:
		return true
	}
	return false
}

func wordFor(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case int64, decimal:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "null"
}

// oneLine folds line breaks and control characters into single spaces, so that no
// value can add a header line or break a table cell.
func oneLine(text string) string {
	odd := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
	if !strings.ContainsFunc(text, odd) {
		return strings.TrimSpace(text)
	}
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if odd(r) {
			return ' '
		}
		return r
	}, text)), " ")
}
