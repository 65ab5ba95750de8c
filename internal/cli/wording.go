package cli

import (
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
)

// labels are what every kind carries through to status and events.
type labels struct {
	metadata    []string
	correlation string
}

func (l *labels) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&l.metadata, "metadata", nil, "`NAME=VALUE` that comes back in status and events; repeat for more")
	cmd.Flags().StringVar(&l.correlation, "correlation-id", "", "`ID` of yours that comes back in status and events")
}

func (l *labels) envelope() (command.Envelope, error) {
	metadata, err := assignments("metadata", l.metadata)
	return command.Envelope{Metadata: metadata, CorrelationID: l.correlation}, err
}

// wording is a message to a person, as far as e-mail and SMS are alike.
type wording struct {
	dispatch
	labels
	text, textFile          string
	template, locale        string
	variables               []string
	variablesFile, category string
	sensitive               []string
	subject, by             string
}

func (m *wording) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&m.by, "from", "", "`SENDER`; else the configured one")
	f.StringVar(&m.subject, "subject", "", "`SUBJECT` line")
	f.StringVar(&m.text, "text", "", "`TEXT` of the message")
	f.StringVar(&m.textFile, "text-file", "", "`FILE` with the text; - is stdin")
	f.StringVar(&m.template, "template", "", "`NAME` of the template to fill in, in place of subject and text")
	f.StringVar(&m.locale, "locale", "", "`LOCALE` of the template, such as ko or en")
	f.StringArrayVar(&m.variables, "var", nil, "`NAME=VALUE` of a template variable; repeat for more")
	f.StringVar(&m.variablesFile, "vars", "", "`FILE` with a JSON object of template variables; - is stdin")
	f.StringSliceVar(&m.sensitive, "sensitive", nil, "`NAME` of a variable that is masked everywhere")
	f.StringVar(&m.category, "category", "", "`CATEGORY`: transactional (the default) or marketing")
	m.labels.flags(cmd)
	offers(cmd, "category", []string{command.Transactional, command.Marketing})
	m.dispatch.flags(cmd)
}

// body reads the text, from the flag or the file.
func (m *wording) body() (string, error) {
	return m.p.either("text", m.text, "text-file", m.textFile)
}

// values joins the variables of file and flags; a flag wins.
func (m *wording) values() (map[string]jsontext.Value, error) {
	values := map[string]jsontext.Value{}
	if m.variablesFile != "" {
		text, err := m.p.readText("vars", m.variablesFile)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			return nil, usagef("--vars: %s does not hold a JSON object: %w", m.variablesFile, err)
		}
	}
	given, err := assignments("var", m.variables)
	if err != nil {
		return nil, err
	}
	for name, value := range given {
		values[name] = textMember(name, value).value
	}
	if len(values) == 0 {
		return nil, nil
	}
	return values, nil
}

// either returns what one of two flags gives: the words themselves, or a file.
func (p *program) either(flag, text, fileFlag, file string) (string, error) {
	switch {
	case file == "":
		return text, nil
	case text != "":
		return "", usagef("--%s and --%s exclude each other: give one", flag, fileFlag)
	}
	return p.readText(fileFlag, file)
}

// readText reads a whole file of text that is to fit into a command.
func (p *program) readText(flag, name string) (string, error) {
	content, err := p.readFile(flag, name)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(content) {
		return "", usagef("--%s: %s is not UTF-8 text: convert it, for example with iconv -f cp949 -t utf-8", flag, name)
	}
	return string(content), nil
}

var errTooLarge = fmt.Errorf("has more than %d bytes, and a whole command has at most as many", command.MaxBody)

// readFile reads a whole file that is to fit into a command; - is stdin.
func (p *program) readFile(flag, name string) ([]byte, error) {
	reader := p.in
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, misused(flag, err)
		}
		defer func() { _ = file.Close() }()
		reader = file
	}
	content, err := io.ReadAll(io.LimitReader(reader, command.MaxBody+1))
	if err != nil {
		return nil, misused(flag, err)
	}
	if len(content) > command.MaxBody {
		return nil, misused(flag, fmt.Errorf("%s %w", name, errTooLarge))
	}
	return content, nil
}

// encode makes the body of a payload.
func encode(payload command.Payload) ([]byte, error) {
	body, err := json.Marshal(payload, json.Deterministic(true))
	if err != nil {
		return nil, usagef("a flag holds text that is not UTF-8: %w", err)
	}
	return body, nil
}
