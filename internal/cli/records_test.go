package cli

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
)

// readAll returns each record as "line: text", and each mistake as "line! text".
func readAll(t testing.TB, r io.Reader, lines bool) []string {
	t.Helper()
	source := newRecords(r, lines)
	var got []string
	for {
		rec, err := source.next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if mistake, ok := errors.AsType[*lineError](err); ok {
			got = append(got, "! "+mistake.Error())
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(rune('0'+rec.line))+": "+string(rec.body))
	}
}

func TestRecords(t *testing.T) {
	for _, tt := range []struct {
		name, input string
		lines       bool
		want        []string
	}{
		{"nothing", "", false, nil},
		{"blank lines only", "\n \r\n\n", false, nil},
		{"one object without an end of line", `{"a":1}`, false, []string{`1: {"a":1}`}},
		{"ndjson with blank lines and CRLF", "{\"a\":1}\r\n\r\n{\"b\":2}\r\n", false, []string{`1: {"a":1}`, `3: {"b":2}`}},
		{"byte order mark", "\xef\xbb\xbf{\"a\":1}\n", false, []string{`1: {"a":1}`}},
		{"one object over lines", "\n{\n  \"a\": \"}\",\n  \"b\": [1,\n 2]\n}\n", false, []string{"2: {\n  \"a\": \"}\",\n  \"b\": [1,\n 2]\n}\n"}},
		{"several objects over lines", "{\n\"a\":1\n}\n\n{\n\"b\":2\n}", false, []string{"1: {\n\"a\":1\n}\n", "5: {\n\"b\":2\n}"}},
		{"a broken line spoils only itself", "{\"a\":1}\n{\"b\":\n{\"c\":3}", false, []string{`1: {"a":1}`, `2: {"b":`, `3: {"c":3}`}},
		{"an object without an end", "{\n\"a\":1\n", false, []string{"1: {\n\"a\":1\n"}},
		{"lines asked for", "{\"b\":\n{\"c\":3}", true, []string{`1: {"b":`, `2: {"c":3}`}},
		{"no JSON at all", "to: kim\nfrom: lee", false, []string{"1: to: kim", "2: from: lee"}},
		{"braces and quotes in text", `{"a":"{\"["}` + "\n{}", false, []string{`1: {"a":"{\"["}`, "2: {}"}},
		{
			"a line too long is told and passed over", "{}\n{\"a\":\"" + strings.Repeat("x", maxRecord) + "\"}\n{}", false,
			[]string{"1: {}", "! line 2: has 4194312 bytes; at most 1048576 are allowed", "3: {}"},
		},
		{
			"an object too long is told", "{\n" + strings.Repeat("\"a\":1,\n", maxRecord/7+1), false,
			[]string{"! line 1: the object that begins here has no end within 4194304 bytes: close it"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := readAll(t, strings.NewReader(tt.input), tt.lines)
			if strings.HasPrefix(tt.name, "an object too long") {
				got = got[:1]
			}
			if diff := cmp.Diff(trimmed(tt.want), trimmed(got)); diff != "" {
				t.Errorf("records differ (-want +got):\n%s", diff)
			}
		})
	}
}

func trimmed(list []string) []string {
	for i := range list {
		list[i] = strings.TrimRight(list[i], "\n")
	}
	return list
}

func TestRecordsTellAReadError(t *testing.T) {
	source := newRecords(io.MultiReader(strings.NewReader("{}\n"), iotestErr{}), false)
	if _, err := source.next(); err != nil {
		t.Fatal(err)
	}
	if _, err := source.next(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error is %v", err)
	}
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// FuzzRecords: no input panics or hangs, nothing but space is lost, and no
// record is larger than its bound.
func FuzzRecords(f *testing.F) {
	for _, seed := range []string{"", "{}", "{\n}", "{\"a\":\"\\\"{\"}\n{}", "[[[\n]]]", "\xef\xbb\xbf{}\n", "\"", "{\"a\":\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		source := newRecords(bytes.NewReader(input), false)
		var kept []byte
		last := 0
		for {
			rec, err := source.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if rec.line <= last || len(rec.body) > maxRecord {
				t.Fatalf("record of line %d with %d bytes after line %d", rec.line, len(rec.body), last)
			}
			last = rec.line
			kept = append(kept, rec.body...)
		}
		if want, got := squeezed(bytes.TrimPrefix(input, []byte("\xef\xbb\xbf"))), squeezed(kept); !bytes.Equal(want, got) {
			t.Fatalf("%q became %q", want, got)
		}
	})
}

func squeezed(text []byte) []byte { return bytes.Join(bytes.Fields(text), nil) }

// FuzzPrepare: whatever leaves the preparer is accepted by the strict decoder
// under the very id that it has, and says what the flags said.
func FuzzPrepare(f *testing.F) {
	f.Add([]byte(`{"to":["a@b.kr"],"subject":"s","text":"t"}`))
	f.Add([]byte(`{"id":"x","to":["a@b.kr"],"subject":"s","text":"t"}`))
	f.Add([]byte(`{"i\u0064":"x","id":"y","to":["a@b.kr"],"subject":"s","text":"t","provider":"ses"}`))
	f.Add([]byte(`{"id":null,"to":["a@b.kr"],"template":"t","variables":{"a":[1, 2.50]}}`))
	f.Add([]byte(`{"id":"a\nb","to":["a@b.kr"],"subject":"s","text":"\ud83d\ude00"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := &preparer{kind: command.EmailSend, lane: command.Normal, newID: uuid.NewV7, set: []member{textMember("provider", "smtp1")}}
		m, err := p.message(body)
		if err != nil {
			if m.Body != nil {
				t.Fatalf("%q: an error and a message", body)
			}
			return
		}
		cmd, err := command.Decode(command.EmailSend, command.Normal, m.Body, command.Source{})
		if err != nil || cmd.ID != m.ID || cmd.Envelope().Provider != "smtp1" || cmd.Envelope().ID == "" {
			t.Fatalf("%q became %q: %v", body, m.Body, err)
		}
		if strings.ContainsFunc(m.MsgID, func(r rune) bool { return r < ' ' || r > '~' }) || m.MsgID == "" {
			t.Fatalf("%q has the Nats-Msg-Id %q", body, m.MsgID)
		}
	})
}
