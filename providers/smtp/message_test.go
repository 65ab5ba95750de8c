package smtp

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// deliver sends a message to a real server and reads back what arrived.
func deliver(t *testing.T, change func(*Options), c providers.Call[providers.Email]) (*mail.Message, string) {
	t.Helper()
	s := serve(t, nil)
	if _, err := s.driver(change).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	raw := s.received()[0].content
	for line := range strings.SplitSeq(raw, "\n") {
		if len(line) > 997 {
			t.Errorf("a line has %d bytes: %.60s…", len(line), line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
			t.Errorf("a line is not ASCII: %q", line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m, raw
}

// leaf is one part of a message, decoded.
type leaf struct{ kind, name, disposition, content string }

func leaves(t *testing.T, header func(string) string, body io.Reader) []leaf {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		var all []leaf
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				return all
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, leaves(t, part.Header.Get, part)...)
		}
	}
	switch header("Content-Transfer-Encoding") {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	disposition, named, _ := mime.ParseMediaType(header("Content-Disposition"))
	return []leaf{{kind, named["filename"], disposition, strings.ReplaceAll(string(content), "\r\n", "\n")}}
}

// TestKorean: subject, names, both bodies and file names arrive as written.
func TestKorean(t *testing.T) {
	c := call(recipient)
	c.Request.From = "강원특별자치도 기업지원 포털 <portal@gangwon.example>"
	c.Request.ReplyTo = "담당자 <help@gangwon.example>"
	c.Request.Cc = []string{"lee@example.kr"}
	c.Request.Bcc = []string{"hidden@example.kr"}
	c.Request.Subject = strings.Repeat("신청서가 접수되었습니다 ", 12) + "✓ (2026-0042)"
	c.Request.Text = "안녕하세요, 김민수 님.\n\n.점으로 시작하는 줄\nFrom 로 시작하는 줄\n"
	c.Request.HTML = "<p>안녕하세요, <b>김민수</b> 님.</p>"
	pdf := bytes.Repeat([]byte{0, 1, 2, 0xff, '\r', '\n', '.'}, 5000)
	name := strings.Repeat("신청서류", 20) + " 최종.pdf"
	c.Request.Attachments = []providers.File{
		{Name: name, ContentType: "application/pdf", Content: pdf},
		{Name: "a \"quoted\"; name.txt", ContentType: "text/plain; charset=utf-8", Content: []byte("text")},
		{Name: "unknown", ContentType: "not a type", Content: nil},
	}
	m, raw := deliver(t, nil, c)
	words := new(mime.WordDecoder)
	if subject, err := words.DecodeHeader(m.Header.Get("Subject")); err != nil || subject != c.Request.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	from, err := m.Header.AddressList("From")
	if err != nil || from[0].Name != "강원특별자치도 기업지원 포털" || from[0].Address != "portal@gangwon.example" {
		t.Errorf("from %v, %v", from, err)
	}
	if reply, err := m.Header.AddressList("Reply-To"); err != nil || reply[0].Name != "담당자" {
		t.Errorf("reply-to %v, %v", reply, err)
	}
	if strings.Contains(raw, "hidden@") {
		t.Error("the Bcc recipient is in the message")
	}
	got := leaves(t, m.Header.Get, m.Body)
	want := []leaf{
		{"text/plain", "", "", c.Request.Text},
		{"text/html", "", "", c.Request.HTML},
		{"application/pdf", name, "attachment", strings.ReplaceAll(string(pdf), "\r\n", "\n")},
		{"text/plain", "a \"quoted\"; name.txt", "attachment", "text"},
		{"application/octet-stream", "unknown", "attachment", ""},
	}
	if len(got) != len(want) {
		t.Fatalf("%d parts, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("part %d: %+.200v, want %+.200v", i, got[i], want[i])
		}
	}
	if !strings.Contains(raw, "multipart/alternative") || !strings.Contains(raw, "multipart/mixed") {
		t.Error("text and HTML are no alternatives, or files are not beside them")
	}
}

// TestHeaders: the vendors' own and the ordinary ones.
func TestHeaders(t *testing.T) {
	c := call(recipient)
	c.Request.Marketing, c.Request.Unsubscribe = true, "https://portal.example/u?t="+strings.Repeat("x", 300)
	for _, preset := range []string{"", Gmail, Outlook, SendGrid, SES} {
		t.Run(preset, func(t *testing.T) {
			m, _ := deliver(t, func(o *Options) {
				o.Preset, o.Auth, o.ConfigurationSet = preset, AuthPlain, "portal"
			}, c)
			want := map[string]string{
				"Message-Id": "<" + c.Request.MessageID + ">", "Auto-Submitted": "auto-generated",
				"List-Unsubscribe": "<" + c.Request.Unsubscribe + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
				"X-Smtpapi": "", "X-Ses-Message-Tags": "", "X-Ses-Configuration-Set": "", "User-Agent": "", "X-Mailer": "",
			}
			switch preset {
			case SendGrid:
				want["X-Smtpapi"] = `{"unique_args": {"gangway_id": "` + c.ID.String() + `"}}`
			case SES:
				want["X-Ses-Message-Tags"], want["X-Ses-Configuration-Set"] = "gangway_id="+c.ID.String(), "portal"
			}
			for name, value := range want {
				if got := m.Header.Get(name); got != value {
					t.Errorf("%s: %q, want %q", name, got, value)
				}
			}
			if _, err := m.Header.Date(); err != nil {
				t.Errorf("Date: %v", err)
			}
		})
	}
	c.Request.Unsubscribe = "mailto:stop@portal.example"
	if m, _ := deliver(t, nil, c); m.Header.Get("List-Unsubscribe") != "<mailto:stop@portal.example>" || m.Header.Get("List-Unsubscribe-Post") != "" {
		t.Errorf("mailto: %v", m.Header)
	}
}

// TestMessageID is the same in every attempt, also without one of the request's.
func TestMessageID(t *testing.T) {
	c := call(recipient)
	c.Request.MessageID = ""
	for range 2 {
		if m, _ := deliver(t, nil, c); m.Header.Get("Message-Id") != "<"+c.ID.String()+"@gangwon.example>" {
			t.Errorf("Message-ID %q", m.Header.Get("Message-Id"))
		}
	}
}

// TestInjection: no text of a command opens a header, a part or a command.
func TestInjection(t *testing.T) {
	const evil = "x\r\nBcc: thief@evil.example\r\n\r\nbody"
	s := serve(t, nil)
	d := s.driver(nil)
	for name, change := range map[string]func(*providers.Email){
		"subject":              func(m *providers.Email) { m.Subject = evil },
		"subject LF":           func(m *providers.Email) { m.Subject = "a\nBcc: thief@evil.example" },
		"subject NUL":          func(m *providers.Email) { m.Subject = "a\x00b" },
		"from":                 func(m *providers.Email) { m.From = "\"a\r\nBcc: thief@evil.example\" <a@b.kr>" },
		"from command":         func(m *providers.Email) { m.From = "a@b.kr>\r\nRCPT TO:<thief@evil.example" },
		"reply_to":             func(m *providers.Email) { m.ReplyTo = evil },
		"to":                   func(m *providers.Email) { m.To = []string{"a@b.kr\r\nDATA"} },
		"to list":              func(m *providers.Email) { m.To = []string{"a@b.kr, thief@evil.example"} },
		"cc":                   func(m *providers.Email) { m.Cc = []string{"a@b.kr\nX: y"} },
		"bcc":                  func(m *providers.Email) { m.Bcc = []string{"<a@b.kr> SIZE=1\r\n"} },
		"message_id":           func(m *providers.Email) { m.MessageID = "a@b\r\nX: y" },
		"message_id brackets":  func(m *providers.Email) { m.MessageID = "a@b> <c@d" },
		"unsubscribe":          func(m *providers.Email) { m.Unsubscribe = "https://a.kr/\r\nX: y" },
		"unsubscribe brackets": func(m *providers.Email) { m.Unsubscribe = "https://a.kr/>, <mailto:thief@evil.example" },
		"unsubscribe scheme":   func(m *providers.Email) { m.Unsubscribe = "javascript:alert(1)" },
		"filename":             func(m *providers.Email) { m.Attachments = []providers.File{{Name: "a\r\nX: y", Content: []byte("x")}} },
		"content_type": func(m *providers.Email) {
			m.Attachments = []providers.File{{Name: "a", ContentType: "text/plain\r\nX: y", Content: []byte("x")}}
		},
		"nobody": func(m *providers.Email) { m.To = nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := call(recipient)
			change(&c.Request)
			_, err := d.Do(t.Context(), c)
			if fault.Of(err) != fault.Invalid || fault.As(err).Field == "" {
				t.Fatalf("%v, want invalid with its field", err)
			}
			if strings.Contains(err.Error(), "thief") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error repeats the value: %v", err)
			}
		})
	}
	if n := s.connections(); n != 0 {
		t.Errorf("%d connections for invalid messages", n)
	}
	// In the bodies everything may stand, the end of the content included.
	c := call(recipient)
	c.Request.Text = "a\r\n.\r\nMAIL FROM:<thief@evil.example>\r\n..\r\n"
	if _, err := d.Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := s.received(); len(got) != 1 || s.count("MAIL") != 1 {
		t.Errorf("%d messages by %d MAIL", len(got), s.count("MAIL"))
	}
}

// FuzzCompose: whatever is composed parses, has the headers that were meant,
// and only those.
func FuzzCompose(f *testing.F) {
	f.Add("제목", "본문", "<p>본문</p>", "파일.pdf", "kim@example.kr")
	f.Add("a\tb", "\r\n.\r\n", "", "x\"y", "\"odd local\"@example.kr")
	d, err := New(Options{Host: "127.0.0.1", Preset: SES, Auth: AuthNone, From: "portal@gangwon.example"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, subject, text, html, file, to string) {
		e, _, err := d.compose(providers.Call[providers.Email]{ID: uuid.New(), Request: providers.Email{
			To: []string{to}, Subject: subject, Text: text, HTML: html, Attachments: []providers.File{{Name: file, Content: []byte(text)}},
		}})
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatalf("%v", err)
			}
			return
		}
		m, err := mail.ReadMessage(bytes.NewReader(e.content))
		if err != nil {
			t.Fatalf("%v in %q", err, e.content)
		}
		for name, values := range m.Header {
			switch name {
			case "Message-Id", "Date", "Mime-Version", "Subject", "From", "To", "Auto-Submitted", "X-Ses-Message-Tags", "Content-Type":
				if len(values) != 1 {
					t.Errorf("%d headers %s", len(values), name)
				}
			default:
				t.Errorf("header %s: %q", name, values)
			}
		}
		for _, command := range []string{path(e.from), path(e.recipients[0])} {
			if strings.ContainsAny(command, "\r\n\x00") {
				t.Errorf("command %q", command)
			}
		}
	})
}
