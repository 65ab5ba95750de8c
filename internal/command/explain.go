package command

import (
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func kindWord(kind jsontext.Kind) string {
	switch kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "text"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "a list"
	default:
		return "something else"
	}
}

func valueWord(err *json.SemanticError) string {
	if len(err.JSONValue) > 0 {
		return kindWord(err.JSONKind) + " (" + clip(string(err.JSONValue)) + ")"
	}
	return kindWord(err.JSONKind)
}

func typeWord(err *json.SemanticError) string {
	t := err.GoType
	switch {
	case t == nil:
		return "of another type"
	case t == reflect.TypeFor[time.Time]():
		return "a time in RFC 3339 (2026-01-31T09:00:00+09:00)"
	case t == reflect.TypeFor[[]byte]():
		return "base64 text"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	default:
		return "of another type"
	}
}

// nearest returns the known field of kind that an unknown one most likely means.
func nearest(kind Kind, unknown string) string {
	best, bestDistance := "", 3
	for _, name := range fieldNames(reflect.TypeOf(newPayload(kind)).Elem()) {
		if d := distance(strings.ToLower(unknown), name); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			names = append(names, fieldNames(field.Type)...)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// distance is Levenshtein's edit distance. Inputs are short field names; longer
// ones are called far away.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
