package cli

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"github.com/gangwon-portal/gangway/internal/command"
)

// mailing is one run of email.
type mailing struct {
	wording
	to, cc, bcc     []string
	replyTo         string
	html, htmlFile  string
	attach, objects []string
}

func (p *program) emailCommand() *cobra.Command {
	m := &mailing{wording: wording{dispatch: dispatch{p: p, kind: command.EmailSend}}}
	cmd := &cobra.Command{
		Use:   "email",
		Short: "Send one e-mail",
		Long: `Send one e-mail: a template, or a subject with text, HTML or both. Prints the
command's id.`,
		Example: `  publisher email --to kim@example.kr --subject "안내" --text "접수되었습니다." --wait
  publisher email --to kim@example.kr --template application-received --locale ko \
    --var name=김민수 --var number=2026-0042
  publisher email --to kim@example.kr --cc lee@example.kr --subject Report \
    --html-file report.html --attach report.pdf --lane high
  publisher email --to kim@example.kr --subject Reminder --text "Tomorrow" --at 2026-12-31T09:00:00+09:00`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			body, err := m.compose()
			if err != nil {
				return err
			}
			return m.one(ctx, body)
		}),
	}
	f := cmd.Flags()
	f.StringSliceVar(&m.to, "to", nil, "`ADDRESS` of a recipient; repeat for more")
	f.StringSliceVar(&m.cc, "cc", nil, "`ADDRESS` of a copy; repeat for more")
	f.StringSliceVar(&m.bcc, "bcc", nil, "`ADDRESS` of a blind copy; repeat for more")
	f.StringVar(&m.replyTo, "reply-to", "", "`ADDRESS` for answers")
	f.StringVar(&m.html, "html", "", "`HTML` of the message")
	f.StringVar(&m.htmlFile, "html-file", "", "`FILE` with the HTML; - is stdin")
	f.StringArrayVar(&m.attach, "attach", nil, "`FILE` to attach; repeat for more")
	f.StringArrayVar(&m.objects, "attach-object", nil, "`NAME` of an object in bucket gangway_attachments to attach; repeat for more")
	m.flags(cmd)
	return cmd
}

func (m *mailing) compose() ([]byte, error) {
	if len(m.to) == 0 {
		return nil, usagef("--to is missing: name at least one recipient")
	}
	env, err := m.envelope()
	if err != nil {
		return nil, err
	}
	text, err := m.body()
	if err != nil {
		return nil, err
	}
	html, err := m.p.either("html", m.html, "html-file", m.htmlFile)
	if err != nil {
		return nil, err
	}
	variables, err := m.values()
	if err != nil {
		return nil, err
	}
	attachments, err := m.attachments()
	if err != nil {
		return nil, err
	}
	return encode(&command.Email{
		Envelope: env, To: m.to, Cc: m.cc, Bcc: m.bcc, From: m.by, ReplyTo: m.replyTo,
		Template: m.template, Locale: m.locale, Variables: variables, Sensitive: m.sensitive,
		Subject: m.subject, Text: text, HTML: html, Attachments: attachments, Category: m.category,
	})
}

// attachments reads the files. Base64 adds a third, so that about 700 KiB fit
// into a command; more goes through the object bucket.
func (m *mailing) attachments() ([]command.Attachment, error) {
	var list []command.Attachment
	total := 0
	for _, name := range m.attach {
		content, err := m.p.readFile("attach", name)
		if errors.Is(err, errTooLarge) {
			return nil, usagef("%w; %s", err, byObject)
		}
		if err != nil {
			return nil, err
		}
		if total += len(content); total*4/3 > command.MaxBody {
			return nil, usagef("--attach: %s makes the attachments larger than a command may be (%d bytes); %s", name, command.MaxBody, byObject)
		}
		// macOS spells Korean file names with separate letters; mail programs do not join them.
		base := norm.NFC.String(filepath.Base(name))
		list = append(list, command.Attachment{Filename: base, ContentType: contentType(base, content), Content: content})
	}
	for _, name := range m.objects {
		base := filepath.Base(name)
		list = append(list, command.Attachment{Filename: base, ContentType: contentType(base, nil), Object: name})
	}
	return list, nil
}

const byObject = "store it with nats object put gangway_attachments FILE and give --attach-object NAME"

func contentType(name string, content []byte) string {
	if byName := mime.TypeByExtension(filepath.Ext(name)); byName != "" {
		return byName
	}
	if content == nil {
		return "application/octet-stream"
	}
	return http.DetectContentType(content)
}
