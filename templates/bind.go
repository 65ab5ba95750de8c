package templates

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// maxURL is what mail programs and gateways still carry in one piece.
const maxURL = 2048

// bind checks variables against the contract and turns them into what templates
// work on. A JSON null counts as not given.
func (c *contract) bind(channel string, variables map[string]jsontext.Value) (map[string]any, error) {
	for name := range variables {
		if _, known := c.variables[name]; !known {
			return nil, c.unknown(variables)
		}
	}
	data := make(map[string]any, len(c.names))
	left := budget{values: maxValues}
	for _, name := range c.names {
		v := c.variables[name]
		field := "variables." + name
		raw, given := variables[name]
		if !given || raw.Kind() == jsontext.KindNull {
			if !v.Optional && (v.Channel == "" || v.Channel == channel) {
				return nil, v.missing(field, c.template)
			}
			data[name], _ = v.Type.empty()
			continue
		}
		value, err := decode(field, raw, &left)
		if err != nil {
			return nil, err
		}
		if data[name], err = v.check(field, value); err != nil {
			return nil, err
		}
		if data[name] == "" && !v.Optional && v.Type != kindAny {
			return nil, v.missing(field, c.template) // "Dear ," helps nobody
		}
	}
	return data, nil
}

// unknown names the first variable, by name, that the template does not take.
func (c *contract) unknown(variables map[string]jsontext.Value) error {
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if _, known := c.variables[name]; !known {
			return fault.InvalidField("variables."+clip(name), "is not a variable of template %q; it takes %s", c.template, listed(c.names))
		}
	}
	return nil
}

func (v *spec) missing(field, template string) error {
	what := string(v.Type)
	if v.Description != "" {
		what += ": " + v.Description
	}
	return fault.InvalidField(field, "is missing; template %q needs it (%s)", template, what)
}

// check returns value as the type asks. Errors name the field and the type wanted,
// never the value, which may be a person's.
func (v *spec) check(field string, value any) (any, error) {
	switch v.Type {
	case kindText, kindMultiline:
		text, ok := asText(value)
		if !ok {
			return nil, wrongType(field, "a string", value)
		}
		if v.Type == kindText {
			return oneLine(text), nil
		}
		return strings.ReplaceAll(text, "\r\n", "\n"), nil
	case kindNumber:
		if _, ok := value.(string); ok || !isNumber(value) {
			return nil, wrongType(field, "a number", value)
		}
	case kindBoolean:
		if _, ok := value.(bool); !ok {
			return nil, wrongType(field, "true or false", value)
		}
	case kindURL:
		return checkURL(field, value)
	case kindDate, kindDatetime:
		return v.checkMoment(field, value)
	case kindList:
		return v.checkList(field, value)
	case kindObject:
		return v.checkObject(field, value)
	case kindAny:
	}
	return value, nil
}

func (v *spec) checkMoment(field string, value any) (any, error) {
	text, _ := value.(string)
	at, err := parseMoment(text)
	if err == nil && (v.Type == kindDate || at.clock) {
		return text, nil
	}
	if v.Type == kindDate {
		return nil, fault.InvalidField(field, "must be a date such as 2026-01-31")
	}
	return nil, fault.InvalidField(field, "must be a time such as 2026-01-31T18:00:00+09:00")
}

func (v *spec) checkList(field string, value any) (any, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, wrongType(field, "a list", value)
	}
	if v.Of == nil {
		return list, nil
	}
	for i, element := range list {
		checked, err := v.Of.check(field+"["+strconv.Itoa(i)+"]", element)
		if err != nil {
			return nil, err
		}
		list[i] = checked
	}
	return list, nil
}

func (v *spec) checkObject(field string, value any) (any, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return nil, wrongType(field, "an object", value)
	}
	if v.Fields == nil {
		return object, nil
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, known := v.Fields[name]; !known {
			return nil, fault.InvalidField(field+"."+clip(name), "is not known; there are %s", listed(slices.Sorted(maps.Keys(v.Fields))))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Fields)) {
		inner := v.Fields[name]
		element, given := object[name]
		if !given {
			if !inner.Optional {
				return nil, fault.InvalidField(field+"."+name, "is missing (%s)", inner.Type)
			}
			object[name], _ = inner.Type.empty()
			continue
		}
		checked, err := inner.check(field+"."+name, element)
		if err != nil {
			return nil, err
		}
		object[name] = checked
	}
	return object, nil
}

// checkURL admits what a link in a mail may be. User information is refused:
// https://portal.gangwon.kr@elsewhere.example is how people are led astray.
func checkURL(field string, value any) (any, error) {
	text, ok := value.(string)
	if !ok {
		return nil, wrongType(field, "a URL", value)
	}
	bad := fault.InvalidField(field, "must be an http, https or mailto URL of at most %d bytes, without user name or spaces", maxURL)
	if len(text) > maxURL || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\"<>\\`", r)
	}) {
		return nil, bad
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.User != nil:
		return nil, bad
	case (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "":
		return text, nil
	case u.Scheme == "mailto" && strings.Contains(u.Opaque, "@"):
		return text, nil
	}
	return nil, bad
}

func wrongType(field, want string, value any) error {
	return fault.InvalidField(field, "must be %s, not %s", want, wordFor(value))
}
