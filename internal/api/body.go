package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// mostBody bounds the bodies that are no commands, in bytes.
const mostBody = 256 << 10

// readBody reads a body of at most most bytes.
func readBody(r *http.Request, most int64) ([]byte, error) {
	if kind := r.Header.Get("Content-Type"); kind != "" {
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			return nil, statusError{Status: http.StatusUnsupportedMediaType, Code: fault.Invalid, Detail: "The body must be application/json, not " + clip(kind) + "."}
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, most))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, statusError{
			Status: http.StatusRequestEntityTooLarge, Code: fault.Invalid, Detail: "The body is larger than " + number(tooLarge.Limit) + " bytes.",
		}
	}
	if err != nil {
		return nil, statusError{Status: http.StatusBadRequest, Code: fault.Invalid, Detail: "The body could not be read."}
	}
	return body, nil
}

// decode reads a JSON body strictly. No body stands for an empty object.
func decode(r *http.Request, into any) error {
	body, err := readBody(r, mostBody)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	if bytes.Contains(body, []byte(`\u0000`)) {
		return fault.New(fault.Invalid, "body", `the body contains the character \u0000, which cannot be stored`)
	}
	if err := json.Unmarshal(body, into, json.RejectUnknownMembers(true)); err != nil {
		return explain(body, err)
	}
	return nil
}

// explain names the field and what stands there.
func explain(body []byte, err error) error {
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fault.InvalidField(command.FieldPath(syntax.JSONPointer), "stands twice")
		}
		return fault.New(fault.Invalid, "body", "the body is not JSON: mistake at byte %s", number(syntax.ByteOffset))
	}
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return fault.Wrap(fault.Invalid, "body", err)
	}
	field := command.FieldPath(semantic.JSONPointer)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return fault.InvalidField(field, "is not a field of this body")
	case field == "":
		return fault.New(fault.Invalid, "body", "the body must be a JSON object")
	default:
		return fault.InvalidField(field, "cannot be %s", clip(valueAt(body, semantic.JSONPointer)))
	}
}

// valueAt is the text of a value in a body.
func valueAt(body []byte, pointer jsontext.Pointer) string {
	value := jsontext.Value(body)
	for token := range pointer.Tokens() {
		var members map[string]jsontext.Value
		var items []jsontext.Value
		if json.Unmarshal(value, &members) == nil {
			value = members[token]
			continue
		}
		i, err := strconv.Atoi(token)
		if json.Unmarshal(value, &items) != nil || err != nil || i < 0 || i >= len(items) {
			break
		}
		value = items[i]
	}
	return string(value)
}
