package templates

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Categories, the words of the command body.
const (
	transactional = "transactional"
	marketing     = "marketing"
)

// Channels a variable may be bound to.
const (
	channelEmail = "email"
	channelSMS   = "sms"
)

// kind is the type of a variable.
type kind string

// The types of template.yaml. A text may also be given as a number, which prints
// as it was written; its line breaks become spaces, those of multiline stay.
const (
	kindText      kind = "text"
	kindMultiline kind = "multiline"
	kindNumber    kind = "number"
	kindBoolean   kind = "boolean"
	kindURL       kind = "url"      // http, https or mailto
	kindDate      kind = "date"     // 2026-01-31, or RFC 3339
	kindDatetime  kind = "datetime" // RFC 3339, or 2026-01-31 18:00 in Korea
	kindList      kind = "list"
	kindObject    kind = "object"
	kindAny       kind = "any"
)

// empty is what stands for an optional variable that was not
// given: false in {{if}}, and nothing when printed.
func (k kind) empty() (any, bool) {
	switch k {
	case kindText, kindMultiline, kindURL, kindDate, kindDatetime, kindNumber, kindAny:
		return "", true
	case kindBoolean:
		return false, true
	case kindList:
		return []any{}, true
	case kindObject:
		return map[string]any{}, true
	}
	return nil, false
}

// spec is what template.yaml says of one variable, or of a part of one.
type spec struct {
	Type        kind            `yaml:"type"`
	Optional    bool            `yaml:"optional"`
	Sensitive   bool            `yaml:"sensitive"`
	Channel     string          `yaml:"channel"` // email or sms: needed there only
	Description string          `yaml:"description"`
	Example     any             `yaml:"example"`
	Examples    map[string]any  `yaml:"examples"` // by locale, before Example
	Of          *spec           `yaml:"of"`       // what an element of a list is
	Fields      map[string]spec `yaml:"fields"`   // of an object

	values map[string]jsontext.Value // Example under "", and Examples by folded locale
}

// contract is what a template asks of the variables it is given.
type contract struct {
	template    string
	declared    bool // by a template.yaml; else inferred from the files
	category    string
	description map[string]string
	names       []string // in the order of template.yaml; inferred: sorted
	variables   map[string]*spec
	sensitive   []string
}

// parseContract reads a template.yaml. It reports every mistake, joined.
func parseContract(name, body string) (contract, error) {
	var file struct {
		Category    string            `yaml:"category"`
		Description map[string]string `yaml:"description"`
		Variables   map[string]*spec  `yaml:"variables"`
	}
	c := contract{template: name, declared: true, category: transactional}
	decoder := yaml.NewDecoder(strings.NewReader(body))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("cannot be read: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var wrong []error
	switch file.Category {
	case "":
	case transactional, marketing:
		c.category = file.Category
	default:
		wrong = append(wrong, fault.InvalidField("category", "must be %s or %s, not %q", transactional, marketing, file.Category))
	}
	c.description, c.variables = file.Description, file.Variables
	c.names = orderOf(body, file.Variables)
	for _, name := range c.names {
		v := c.variables[name]
		if v == nil {
			v = &spec{}
			c.variables[name] = v
		}
		wrong = append(wrong, v.settle("variables."+name)...)
		wrong = append(wrong, v.readExamples("variables."+name)...)
		if v.Channel != "" && v.Channel != channelEmail && v.Channel != channelSMS {
			wrong = append(wrong, fault.InvalidField("variables."+name+".channel", "must be %s or %s, not %q", channelEmail, channelSMS, v.Channel))
		}
		if v.Sensitive {
			c.sensitive = append(c.sensitive, name)
		}
	}
	return c, errors.Join(wrong...)
}

// orderOf returns the names in the order of the file, which is the order people
// find natural in a listing; a Go map has none.
func orderOf(body string, variables map[string]*spec) []string {
	var file struct {
		Variables yaml.Node `yaml:"variables"`
	}
	if err := yaml.Unmarshal([]byte(body), &file); err != nil || file.Variables.Kind != yaml.MappingNode {
		return slices.Sorted(maps.Keys(variables))
	}
	names := make([]string, 0, len(variables))
	for i := 0; i < len(file.Variables.Content); i += 2 {
		names = append(names, file.Variables.Content[i].Value)
	}
	return names
}

// settle fills what is left out and reports what cannot be.
func (v *spec) settle(field string) (wrong []error) {
	if v.Type == "" {
		v.Type = kindText
	}
	if _, ok := v.Type.empty(); !ok {
		wrong = append(wrong, fault.InvalidField(field+".type",
			"must be text, multiline, number, boolean, url, date, datetime, list, object or any, not %q", v.Type))
	}
	if v.Of != nil {
		if v.Type != kindList {
			wrong = append(wrong, fault.InvalidField(field+".of", "belongs to a list, not to %s", v.Type))
		}
		wrong = append(wrong, v.Of.settle(field+".of")...)
	}
	if v.Fields != nil && v.Type != kindObject {
		wrong = append(wrong, fault.InvalidField(field+".fields", "belong to an object, not to %s", v.Type))
	}
	for _, name := range slices.Sorted(maps.Keys(v.Fields)) {
		inner := v.Fields[name]
		wrong = append(wrong, inner.settle(field+".fields."+name)...)
		v.Fields[name] = inner
	}
	return wrong
}
