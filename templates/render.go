package templates

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	texttemplate "text/template"
	"text/template/parse"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Bounds of what a template may write. Gmail shows 102 KB of HTML and hides the
// rest; these only stop what has run away.
const (
	maxSubject = 900 // bytes, as in a command's own subject
	maxHTML    = 512 << 10
	maxText    = 256 << 10
	maxSMS     = 4 << 10 // a long message holds 2,000 bytes of CP949
)

// page is one compiled piece.
type page struct {
	file string
	run  interface {
		Execute(to io.Writer, data any) error
	}
	tree *parse.Tree // as composed, before escaping
	most int
	// last is the length written last, so that the next buffer need not grow.
	last *atomic.Int64
}

func newPage(file string, run interface {
	Execute(to io.Writer, data any) error
}, tree *parse.Tree, most int) *page {
	return &page{file: file, run: run, tree: tree, most: most, last: new(atomic.Int64)}
}

// mail is an e-mail in one locale.
type mail struct {
	locale              string
	subject, html, text *page
	derived             bool // the text part follows from the HTML
}

// note is an SMS in one locale; subject is nil where there is none.
type note struct {
	locale        string
	subject, text *page
}

func (m *mail) body() *page {
	if m.html != nil {
		return m.html
	}
	return m.text
}

func (m *mail) render(data map[string]any) (Email, error) {
	subject, err := m.subject.heading(data)
	if err != nil {
		return Email{}, err
	}
	out := Email{Subject: subject, Locale: m.locale}
	if m.html != nil {
		if out.HTML, err = m.html.render(data); err != nil {
			return Email{}, err
		}
		if strings.Contains(out.HTML, unsafeURL) {
			return Email{}, unsafe(data)
		}
	}
	if out.Text, err = m.text.render(data); err != nil {
		return Email{}, err
	}
	if m.derived {
		out.Text = settleBreaks(out.Text)
	} else {
		out.Text = tidy(out.Text)
	}
	if out.Text == "" {
		return Email{}, fault.InvalidField("variables", "leave %s without a word", m.text.file)
	}
	return out, nil
}

func (n *note) render(data map[string]any) (SMS, error) {
	out := SMS{Locale: n.locale}
	var err error
	if n.subject != nil {
		if out.Subject, err = n.subject.heading(data); err != nil {
			return SMS{}, err
		}
	}
	text, err := n.text.render(data)
	if err != nil {
		return SMS{}, err
	}
	if out.Text = tidy(text); out.Text == "" {
		return SMS{}, fault.InvalidField("variables", "leave %s without a word", n.text.file)
	}
	return out, nil
}

// heading renders a subject: one line, never empty.
func (p *page) heading(data map[string]any) (string, error) {
	text, err := p.render(data)
	if err != nil {
		return "", err
	}
	if text = strings.Join(strings.Fields(oneLine(text)), " "); text == "" {
		return "", fault.InvalidField("variables", "leave the subject of %s empty", p.file)
	}
	return text, nil
}

func (p *page) render(data map[string]any) (string, error) {
	to := bounded{most: p.most}
	to.text.Grow(min(int(p.last.Load())+256, p.most))
	if err := p.run.Execute(&to, data); err != nil {
		return "", p.failure(err)
	}
	p.last.Store(int64(to.text.Len()))
	return to.text.String(), nil
}

var errFull = errors.New("too long")

// failure says what went wrong without the value that caused it: text/template
// repeats values in its errors, and these end in logs and rows.
func (p *page) failure(err error) error {
	if errors.Is(err, errFull) {
		return fault.InvalidField("variables", "make %s longer than %d bytes", p.file, p.most)
	}
	where, why := "", "its type does not fit"
	if exec, ok := errors.AsType[texttemplate.ExecError](err); ok {
		text := exec.Error()
		if _, after, ok := strings.Cut(text, "at <"); ok {
			if expression, _, ok := strings.Cut(after, ">: "); ok {
				where = " at {{" + clip(expression) + "}}"
			}
		}
		if strings.Contains(text, "map has no entry for key") {
			why = "a value it needs there was not given"
		}
	}
	if bad, ok := errors.AsType[argumentError](err); ok {
		why = bad.Error()
	}
	return fault.InvalidField("variables", "cannot be used by %s%s: %s", p.file, where, why)
}

// unsafeURL is what html/template writes in place of a URL it does not trust.
const unsafeURL = "ZgotmplZ"

// unsafe names the variable with a scheme that no link may have.
func unsafe(data map[string]any) error {
	for _, name := range sortedKeys(data) {
		text, ok := data[name].(string)
		scheme, _, hasScheme := strings.Cut(text, ":")
		if ok && hasScheme && !strings.ContainsAny(scheme, "/ ") && checkScheme(scheme) {
			return fault.InvalidField("variables."+name, "must be an http, https or mailto URL")
		}
	}
	return fault.InvalidField("variables", "hold a link that is not an http, https or mailto URL")
}

func checkScheme(scheme string) bool {
	switch strings.ToLower(scheme) {
	case "http", "https", "mailto":
		return false
	}
	return true
}

// bounded is a writer that refuses to grow beyond its bound.
type bounded struct {
	text strings.Builder
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > b.most {
		return 0, errFull
	}
	return b.text.Write(p)
}

// WriteString spares io.WriteString a copy; html/template writes strings.
func (b *bounded) WriteString(s string) (int, error) {
	if b.text.Len()+len(s) > b.most {
		return 0, errFull
	}
	return b.text.WriteString(s)
}

// tidy takes trailing spaces from lines and leaves at most one empty line: branches
// that write nothing leave holes.
func tidy(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	empty := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" {
			empty++
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n"[:min(empty, 1)+1])
		}
		empty = 0
		b.WriteString(line)
	}
	return b.String()
}
