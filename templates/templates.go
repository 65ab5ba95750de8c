// Package templates turns a template's name and variables into the words of an
// e-mail or an SMS.
//
// A template is a folder: <name>/<locale>.subject, .html, .txt and .sms, and
// template.yaml, which says what variables it takes. They stand in one layout
// (_layout.html, _layout.txt) and share _partials. All are embedded, and a folder
// of the operator's may replace or add to them file by file.
//
// Everything that can be done once is done by [Load]: layout, partials and content
// become one document, its style sheet is moved into the elements (mail programs
// drop <style>), the text part is derived from it, and every template is rendered
// with its example values, so that a mistake is found at the start and not in
// front of a citizen.
package templates

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Set is every template, ready to render. It is immutable and safe for
// concurrent use: to reload, Load again and swap.
type Set struct {
	entries map[string]*entry
	names   []string // sorted
	order   locales
}

// Options says what Load reads. The zero value loads the shipped templates.
type Options struct {
	// Base replaces the embedded files; nil takes those.
	Base fs.FS
	// Overrides replaces and adds files, path by path; nil for none. Usually os.DirFS.
	Overrides fs.FS
	// DefaultLocale is taken when a command names none; "" is "ko".
	DefaultLocale string
	// Fallback is tried in this order when a template has neither the locale asked
	// for nor its language; nil is ko, en. (ko-KR → ko → these → the first there is.)
	Fallback []string
}

// Email is a rendered e-mail. Text is never empty; HTML is "" for a template that
// has only a text form. Locale is the one that was found.
type Email struct {
	Subject, Text, HTML string
	Locale              string
}

// SMS is a rendered text message; Subject is that of a long message, or "".
type SMS struct {
	Subject, Text string
	Locale        string
}

// Load reads, compiles and tries out every template. The error joins every mistake
// found, each an invalid [fault.Error] whose Field is the file.
func Load(o Options) (*Set, error) {
	if o.Base == nil {
		o.Base = shipped
	}
	if o.DefaultLocale == "" {
		o.DefaultLocale = "ko"
	}
	if o.Fallback == nil {
		o.Fallback = []string{"ko", "en"}
	}
	l := &loader{order: locales{def: o.DefaultLocale, fallback: o.Fallback}, parsed: map[string]parsed{}}
	l.read(o.Base, o.Overrides)
	set := l.compile()
	if len(l.mistakes) == 0 {
		l.rehearse(set)
	}
	if len(l.mistakes) > 0 {
		return nil, errors.Join(l.mistakes...)
	}
	return set, nil
}

// Email renders name in the locale nearest to the one asked for. Errors are
// invalid faults: an unknown template ("template"), or a variable that is missing,
// unknown or of the wrong type ("variables.<name>"). They never repeat a value.
func (s *Set) Email(name, locale string, variables map[string]jsontext.Value) (Email, error) {
	e, err := s.entry(name)
	if err != nil {
		return Email{}, err
	}
	m := pick(e.mails, s.order, locale)
	if m == nil {
		return Email{}, fault.InvalidField("template", "%q has no e-mail form, only SMS", name)
	}
	data, err := e.contract.bind(channelEmail, variables)
	if err != nil {
		return Email{}, err
	}
	return m.render(data)
}

// SMS renders the SMS form of name; errors are those of [Set.Email].
func (s *Set) SMS(name, locale string, variables map[string]jsontext.Value) (SMS, error) {
	e, err := s.entry(name)
	if err != nil {
		return SMS{}, err
	}
	m := pick(e.notes, s.order, locale)
	if m == nil {
		return SMS{}, fault.InvalidField("template", "%q has no SMS form, only e-mail", name)
	}
	data, err := e.contract.bind(channelSMS, variables)
	if err != nil {
		return SMS{}, err
	}
	return m.render(data)
}

// List describes every template, sorted by name.
func (s *Set) List() []Info {
	all := make([]Info, 0, len(s.names))
	for _, name := range s.names {
		all = append(all, s.entries[name].info())
	}
	return all
}

// Info describes one template; false when there is none of that name.
func (s *Set) Info(name string) (Info, bool) {
	e, ok := s.entries[name]
	if !ok {
		return Info{}, false
	}
	return e.info(), true
}

// Category is what a command with this template is when it does not say:
// transactional or marketing; "" for an unknown template.
func (s *Set) Category(name string) string {
	if e, ok := s.entries[name]; ok {
		return e.contract.category
	}
	return ""
}

// Sensitive names the variables of a template that must be masked in every listing
// and wiped at the final status, beside those that the command itself names.
func (s *Set) Sensitive(name string) []string {
	if e, ok := s.entries[name]; ok {
		return slices.Clone(e.contract.sensitive)
	}
	return nil
}

// Examples returns the example values of a template in a locale, enough to render
// it; nil for an unknown template.
func (s *Set) Examples(name, locale string) map[string]jsontext.Value {
	e, ok := s.entries[name]
	if !ok {
		return nil
	}
	return e.contract.examples(s.order.own(locale), true)
}

func (s *Set) entry(name string) (*entry, error) {
	if e, ok := s.entries[name]; ok {
		return e, nil
	}
	return nil, fault.InvalidField("template", "there is no template %q; there are %s", clip(name), listed(s.names))
}
