package templates

import (
	"bytes"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// readExamples turns the examples into JSON once, as a command would carry them.
func (v *spec) readExamples(field string) (wrong []error) {
	v.values = map[string]jsontext.Value{}
	take := func(locale string, example any) {
		value, err := json.Marshal(example, json.Deterministic(true), jsontext.EscapeForHTML(false))
		if err != nil {
			wrong = append(wrong, fault.InvalidField(field+".example", "cannot be written as JSON"))
			return
		}
		v.values[locale] = bytes.TrimSpace(value)
	}
	if v.Example == nil && len(v.Examples) == 0 {
		return []error{fault.InvalidField(field+".example", "is missing: templates are tried out with it")}
	}
	if v.Example != nil {
		take("", v.Example)
	}
	for locale, example := range v.Examples {
		take(fold(locale), example)
	}
	return wrong
}

// example returns the value for the first locale of the chain that has one.
func (v *spec) example(chain []string) jsontext.Value {
	for _, locale := range chain {
		if value, ok := v.values[locale]; ok {
			return value
		}
	}
	if value, ok := v.values[""]; ok {
		return value
	}
	for _, locale := range slices.Sorted(maps.Keys(v.values)) {
		return v.values[locale]
	}
	return nil
}

func (c *contract) examples(chain []string, optional bool) map[string]jsontext.Value {
	values := make(map[string]jsontext.Value, len(c.names))
	for _, name := range c.names {
		if v := c.variables[name]; optional || !v.Optional {
			if example := v.example(chain); example != nil {
				values[name] = example.Clone()
			}
		}
	}
	return values
}
