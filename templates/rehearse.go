package templates

import (
	"errors"
	htmltemplate "html/template"
	"io"
	"path"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// rehearse renders everything once: with all variables, and with the required ones
// alone. Templates without a template.yaml have no example values; their HTML is
// escaped all the same, which finds what html/template does not accept.
func (l *loader) rehearse(set *Set) {
	for _, name := range set.names {
		e := set.entries[name]
		for _, locale := range e.mails.names {
			m := e.mails.by[fold(locale)]
			if !l.escape(m) || !e.contract.declared {
				continue
			}
			l.tryOut(e, locale, channelEmail, func(data map[string]any) error {
				_, err := m.render(data)
				return err
			})
		}
		for _, locale := range e.notes.names {
			n := e.notes.by[fold(locale)]
			if e.contract.declared {
				l.tryOut(e, locale, channelSMS, func(data map[string]any) error {
					_, err := n.render(data)
					return err
				})
			}
		}
	}
}

func (l *loader) tryOut(e *entry, locale, channel string, render func(map[string]any) error) {
	for _, optional := range []bool{true, false} {
		values := e.contract.examples(l.order.own(locale), optional)
		with := "example values"
		if !optional {
			with = "required example values alone"
		}
		err := perform(e, channel, values, render)
		switch f, ok := errors.AsType[*fault.Error](err); {
		case ok:
			l.mistake(path.Join(e.name, locale), "does not render with its %s: %s %s", with, f.Field, f.Message)
			return
		case err != nil:
			l.mistake(path.Join(e.name, locale), "does not render with its %s: %v", with, err)
			return
		}
	}
}

func perform(e *entry, channel string, values map[string]jsontext.Value, render func(map[string]any) error) error {
	data, err := e.contract.bind(channel, values)
	if err != nil {
		return err
	}
	return render(data)
}

// escape makes html/template read the page now; it does so at the first execution.
func (l *loader) escape(m *mail) bool {
	if m.html == nil {
		return true
	}
	err := m.html.run.Execute(io.Discard, map[string]any{})
	if wrong, ok := errors.AsType[*htmltemplate.Error](err); ok {
		l.mistake(m.html.file, "%s", wrong.Description)
		return false
	}
	return true
}
