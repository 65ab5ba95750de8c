package templates

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Info describes a template for people and for the CLI.
type Info struct {
	Name string `json:"name"`
	// Description by locale; empty without a template.yaml.
	Description map[string]string `json:"description,omitzero"`
	// Category is transactional or marketing.
	Category string `json:"category"`
	// Locales of the e-mail, and SMSLocales of the SMS; empty when it has no such form.
	Locales    []string   `json:"locales"`
	SMSLocales []string   `json:"sms_locales"`
	Variables  []Variable `json:"variables"`
}

// Variable is one value that a template takes.
type Variable struct {
	Name string `json:"name"`
	// Type is text, multiline, number, boolean, url, date, datetime, list, object or any.
	Type      string `json:"type"`
	Required  bool   `json:"required"`
	Sensitive bool   `json:"sensitive"`
	// Channel is email or sms for a variable that only that form needs, else "".
	Channel     string         `json:"channel,omitzero"`
	Description string         `json:"description,omitzero"`
	Example     jsontext.Value `json:"example,omitzero"`
}

// entry is one compiled template.
type entry struct {
	name     string
	contract contract
	mails    localised[mail]
	notes    localised[note]
}

func (e *entry) info() Info {
	in := Info{
		Name: e.name, Category: e.contract.category,
		Locales: slices.Clone(e.mails.names), SMSLocales: slices.Clone(e.notes.names),
	}
	if len(e.contract.description) > 0 {
		in.Description = make(map[string]string, len(e.contract.description))
		for locale, text := range e.contract.description {
			in.Description[locale] = text
		}
	}
	for _, name := range e.contract.names {
		v := e.contract.variables[name]
		in.Variables = append(in.Variables, Variable{
			Name: name, Type: string(v.Type), Required: !v.Optional, Sensitive: v.Sensitive, Channel: v.Channel,
			Description: v.Description, Example: v.example(nil).Clone(),
		})
	}
	return in
}

// masked stands for a value that must not be shown.
const masked = `"[redacted]"`

// Mask returns variables with the sensitive ones replaced by "[redacted]", for
// listings and logs. The map given is not changed.
func Mask(variables map[string]jsontext.Value, sensitive []string) map[string]jsontext.Value {
	if variables == nil {
		return nil
	}
	shown := make(map[string]jsontext.Value, len(variables))
	for name, value := range variables {
		if slices.Contains(sensitive, name) {
			value = jsontext.Value(masked)
		}
		shown[name] = value
	}
	return shown
}

// listed joins names for an error, a few of them when there are many.
func listed(names []string) string {
	const most = 12
	if len(names) == 0 {
		return "none"
	}
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// clip bounds a name that is repeated in an error.
func clip(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
