package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPeople checks the body that each set of flags makes.
func TestPeople(t *testing.T) {
	text, html := write(t, "a.txt", "글\n"), write(t, "a.html", "<p>글</p>")
	vars := write(t, "vars.json", `{"number": 42, "name": "old", "items": [1, {"a": "b"}]}`)
	// The decomposed spelling of macOS.
	pdf := write(t, "\u1112\u1161\u11ab\u1100\u1173\u11af.pdf", "%PDF-1.7")
	for _, tt := range []struct {
		name    string
		args    []string
		stdin   string
		subject string
		want    string // the body after its id
	}{
		{
			"e-mail with own words", []string{"email", "--to", "a@b.kr,c@d.kr", "--to", "e@f.kr", "--cc", "g@h.kr", "--bcc", "i@j.kr", "--from", "portal@gangwon.kr", "--reply-to", "help@gangwon.kr", "--subject", "안내", "--text-file", text, "--html-file", html, "--category", "marketing", "--metadata", "order=4=2", "--correlation-id", "c-1", "--lane", "bulk"}, "",
			"email.send.bulk",
			`"metadata":{"order":"4=2"},"correlation_id":"c-1","to":["a@b.kr","c@d.kr","e@f.kr"],"cc":["g@h.kr"],"bcc":["i@j.kr"],"from":"portal@gangwon.kr","reply_to":"help@gangwon.kr","subject":"안내","text":"글\n","html":"<p>글</p>","category":"marketing"}`,
		},
		{
			"e-mail from a template", []string{"email", "--to", "a@b.kr", "--template", "welcome", "--locale", "ko", "--vars", vars, "--var", "name=김, 민수=x", "--sensitive", "name"}, "",
			"email.send",
			`"to":["a@b.kr"],"template":"welcome","locale":"ko","variables":{"items":[1,{"a":"b"}],"name":"김, 민수=x","number":42},"sensitive":["name"]}`,
		},
		{
			"e-mail with files and text from stdin", []string{"email", "--to", "a@b.kr", "--subject", "s", "--text-file", "-", "--attach", pdf, "--attach-object", "big/report.bin"}, "typed",
			"email.send",
			`"to":["a@b.kr"],"subject":"s","text":"typed","attachments":[{"filename":"한글.pdf","content_type":"application/pdf","content":"JVBERi0xLjc="},{"filename":"report.bin","content_type":"application/octet-stream","object":"big/report.bin"}]}`,
		},
		{
			"sms", []string{"sms", "--to", "010-1234-5678", "--text", "안녕", "--from", "0331234567", "--subject", "제목", "--lane", "high", "--provider", "solapi"}, "",
			"sms.send.high", `"provider":"solapi","to":"010-1234-5678","from":"0331234567","subject":"제목","text":"안녕"}`,
		},
		{"business by argument", []string{"business", "124-81-00998"}, "", "business.verify", `"registration_number":"124-81-00998"}`},
		{
			"business by flags", []string{"business", "--registration-number", "1248100998", "--representative", "홍길동", "--opened-on", "1969-01-13", "--metadata", "a=b"}, "",
			"business.verify", `"metadata":{"a":"b"},"registration_number":"1248100998","representative":"홍길동","opened_on":"1969-01-13"}`,
		},
		{"address by words", []string{"address", "중앙로", "1", "--page", "2", "--size", "20"}, "", "address.search", `"keyword":"중앙로 1","page":2,"size":20}`},
		{"address by flag", []string{"address", "--keyword", "중앙로", "--english"}, "", "address.search", `"keyword":"중앙로","english":true}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStream(t, jetstream.StreamConfig{})
			got := publisher(t, Backends{Bus: s.open}, tt.stdin, tt.args...)
			if got.code != ExitDone || got.err != "" || len(got.lines()) != 1 {
				t.Fatalf("got %+v", got)
			}
			msg := s.stored(t)[0]
			body, found := strings.CutPrefix(string(msg.Data), `{"id":"`+got.lines()[0]+`",`)
			if msg.Subject != tt.subject || !found || body != tt.want {
				t.Errorf("on %s:\n%s, want on %s\n%s", msg.Subject, body, tt.subject, tt.want)
			}
		})
	}
}

func TestPeopleMistakesInFiles(t *testing.T) {
	cp949 := write(t, "old.txt", "\xb1\xdb")
	big := write(t, "big.pdf", strings.Repeat("x", 900<<10))
	bigger := write(t, "bigger.pdf", strings.Repeat("x", 2<<20))
	list := write(t, "vars.json", "[1]")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--text-file", cp949}, "publisher: --text-file: " + cp949 + " is not UTF-8 text: convert it, for example with iconv -f cp949 -t utf-8"},
		{[]string{"--text", "t", "--attach", big}, "publisher: --attach: " + big + " makes the attachments larger than a command may be (1048576 bytes); store it with nats object put gangway_attachments FILE"},
		{[]string{"--text", "t", "--attach", bigger}, "publisher: --attach: " + bigger + " has more than 1048576 bytes, and a whole command has at most as many; store it with"},
		{[]string{"--text-file", bigger}, "publisher: --text-file: " + bigger + " has more than 1048576 bytes"},
		{[]string{"--template", "t", "--vars", list}, "publisher: --vars: " + list + " does not hold a JSON object"},
		{[]string{"--text", "\xff"}, "publisher: a flag holds text that is not UTF-8"},
	} {
		got := publisher(t, Backends{Bus: closed[Bus](t)}, "", append([]string{"email", "--to", "a@b.kr", "--subject", "s"}, tt.args...)...)
		if got.code != ExitUsage || !strings.HasPrefix(got.err, tt.want) {
			t.Errorf("exit %d, says %q, want %q", got.code, got.err, tt.want)
		}
	}
}

func TestLookupsShowTheirResult(t *testing.T) {
	s, l := newStream(t, jsConfig), newLedger()
	s.work(t, l, func(cmd *command.Command) delivery.View {
		from := sample().rows[id(3)]
		if cmd.Kind == command.BusinessVerify {
			from = sample().rows[id(4)]
		}
		return delivery.View{Status: delivery.Completed, Provider: from.Provider, Result: from.Result}
	})
	b := Backends{Bus: s.open, Deliveries: l.open}
	got := publisher(t, b, "", "address", "강원", "--wait")
	if got.code != ExitDone || !uuidRE.MatchString(got.lines()[0]) || !strings.Contains(got.out, "\n24266        강원특별자치도 춘천시 중앙로 1 (봉의동)") {
		t.Errorf("address: %+v", got)
	}
	got = publisher(t, b, "", "business", "124-81-00998", "--wait")
	if got.code != ExitDone || !strings.Contains(got.out, "\noutcome         found (from nicednb)\n") {
		t.Errorf("business: %+v", got)
	}
	got = publisher(t, b, "", "business", "124-81-00998", "--wait", "-o", "json")
	if len(got.lines()) != 1 || !strings.HasSuffix(got.out, `","status":"completed"}`+"\n") {
		t.Errorf("json: %+v", got)
	}
}
