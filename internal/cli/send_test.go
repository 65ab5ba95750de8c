package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

const mailBody = `{"to":["kim@example.kr"],"subject":"안내","text":"접수되었습니다."}`

var uuidRE = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestSendOne(t *testing.T) {
	s := newStream(t, jetstream.StreamConfig{})
	got := publisher(t, Backends{Bus: s.open}, mailBody, "send", "email.send", "--lane", "high")
	if got.code != ExitDone || got.err != "" || len(got.lines()) != 1 || !uuidRE.MatchString(got.lines()[0]) {
		t.Fatalf("got %+v", got)
	}
	stored := s.stored(t)
	if len(stored) != 1 {
		t.Fatalf("%d messages are stored", len(stored))
	}
	msg, id := stored[0], got.lines()[0]
	if msg.Subject != "email.send.high" || msg.Header.Get("Nats-Msg-Id") != id {
		t.Errorf("subject %s, header %v, id %s", msg.Subject, msg.Header, id)
	}
	if want := `{"id":"` + id + `",` + mailBody[1:]; string(msg.Data) != want {
		t.Errorf("body is %s, want %s", msg.Data, want)
	}
	if !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`).MatchString(msg.Header.Get("traceparent")) {
		t.Errorf("traceparent is %q", msg.Header.Get("traceparent"))
	}
}

func TestSendManyFromPipe(t *testing.T) {
	s := newStream(t, jetstream.StreamConfig{})
	var input strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&input, "{\"to\":\"010-1234-5678\",\"text\":\"%d\"}\n", i)
	}
	got := publisher(t, Backends{Bus: s.open}, input.String(), "send", "sms.send", "-o", "json", "--lane", "bulk")
	if got.code != ExitDone || got.err != "" || len(got.lines()) != 2500 {
		t.Fatalf("exit %d, %d lines, %q", got.code, len(got.lines()), got.err)
	}
	traces := map[string]bool{}
	for i, msg := range s.stored(t) {
		var line receipt
		if err := json.Unmarshal([]byte(got.lines()[i]), &line); err != nil || line.Status != delivery.Queued {
			t.Fatalf("line %d is %s: %v", i, got.lines()[i], err)
		}
		var body command.SMS
		if err := json.Unmarshal(msg.Data, &body); err != nil || body.ID != line.ID.String() || body.Text != fmt.Sprint(i) {
			t.Fatalf("message %d is %s, printed %s", i, msg.Data, line.ID)
		}
		traces[msg.Header.Get("traceparent")] = true
	}
	if len(traces) != 2500 {
		t.Errorf("%d traces for 2500 commands", len(traces))
	}
	if want := `{"id":"`; !strings.HasPrefix(got.lines()[0], want) || !strings.HasSuffix(got.lines()[0], `","status":"queued"}`) {
		t.Errorf("a line is %s", got.lines()[0])
	}
}

func TestSendABadLine(t *testing.T) {
	input := mailBody + "\n\n" + `{"to":["kim@example.kr"],"subjct":"x","text":"y"}` + "\n" + mailBody + "\n" + `{"to":["no-address"],"subject":"x","text":"y"}` + "\n"
	file := filepath.Join(t.TempDir(), "many.ndjson")
	if err := os.WriteFile(file, []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	mistake := `line 3: subjct: is not a field of email.send; did you mean "subject"?`
	for _, tt := range []struct {
		name   string
		stdin  string
		args   []string
		stored int
		want   string
	}{
		{
			"pipe", input, nil, 1,
			"publisher: " + mistake + "; 1 command was published, nothing from this line on: correct it and go on from there\n",
		},
		{
			"pipe, the first line", "\n\n" + input[len(mailBody)+2:], nil, 0,
			"publisher: " + mistake + "; nothing was published: correct it and send again\n",
		},
		{
			"file", "", []string{"-f", file}, 0,
			"publisher: " + mistake + "; nothing was published: correct it and send again\n",
		},
		{
			"keep going", input, []string{"--keep-going"}, 2,
			"publisher: " + mistake + "\npublisher: line 5: to[0]: is not an e-mail address such as kim@example.kr\n" +
				"publisher: 2 commands were published, 2 lines were not: correct these and publish only them\n",
		},
		{
			"keep going over a file", "", []string{"--keep-going", "-f", file}, 2,
			"publisher: " + mistake + "\npublisher: line 5: to[0]: is not an e-mail address such as kim@example.kr\n" +
				"publisher: 2 commands were published, 2 lines were not: correct these and publish only them\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStream(t, jetstream.StreamConfig{})
			got := publisher(t, Backends{Bus: s.open}, tt.stdin, append([]string{"send", "email.send"}, tt.args...)...)
			if got.code != ExitFailed || got.err != tt.want {
				t.Errorf("exit %d, says\n%q, want\n%q", got.code, got.err, tt.want)
			}
			if n := len(s.stored(t)); n != tt.stored || len(got.lines()) != tt.stored {
				t.Errorf("%d stored, %d ids printed, want %d", n, len(got.lines()), tt.stored)
			}
		})
	}
}

func TestSendManyBadLinesAreCounted(t *testing.T) {
	s := newStream(t, jetstream.StreamConfig{})
	got := publisher(t, Backends{Bus: s.open}, strings.Repeat("garbage\n", 100), "send", "email.send", "--keep-going")
	if got.code != ExitFailed || strings.Count(got.err, "\n") != mostMistakes+2 || !strings.Contains(got.err, "\npublisher: 0 commands were published, 100 lines were not") {
		t.Errorf("got %+v", got)
	}
}

func TestSendFromFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "one.json")
	pretty := "\xef\xbb\xbf{\r\n  \"to\": [\"kim@example.kr\"],\r\n  \"subject\": \"안내\",\r\n  \"text\": \"접수\"\r\n}\r\n"
	if err := os.WriteFile(file, []byte(pretty), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStream(t, jetstream.StreamConfig{})
	if got := publisher(t, Backends{Bus: s.open}, "", "send", "email.send", "-f", file, "--id", "order-42", "--at", "+10m", "--expires", "+1h", "--provider", "ses"); got.code != ExitDone || got.out != command.ParseID("order-42").String()+"\n" {
		t.Fatalf("got %+v", got)
	}
	cmd, err := command.Decode(command.EmailSend, command.Normal, s.stored(t)[0].Data, command.Source{})
	if err != nil {
		t.Fatal(err)
	}
	env := cmd.Envelope()
	if env.ID != "order-42" || env.Provider != "ses" || env.ExpiresAt.Sub(env.SendAt) != 50*time.Minute || time.Until(env.SendAt) > 10*time.Minute || time.Until(env.SendAt) < 9*time.Minute {
		t.Errorf("envelope is %+v", env)
	}
	if want := fmt.Sprintf("order-42@%d", env.SendAt.UnixMilli()); s.stored(t)[0].Header.Get("Nats-Msg-Id") != want {
		t.Errorf("Nats-Msg-Id is %q, want %q", s.stored(t)[0].Header.Get("Nats-Msg-Id"), want)
	}

	// A redirected stdin is a file, which is read from where it stands.
	stdin, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	if got := publisherIn(t.Context(), t, Backends{Bus: s.open}, stdin, "send", "email.send"); got.code != ExitDone || len(got.lines()) != 1 {
		t.Errorf("redirected: %+v", got)
	}
	for _, args := range [][]string{nil, {"--id", "x"}} {
		if got := publisher(t, Backends{Bus: s.open}, " \n", append([]string{"send", "email.send"}, args...)...); got.code != ExitFailed || !strings.HasPrefix(got.err, "publisher: the input is empty: give one JSON object") {
			t.Errorf("empty input %v: %+v", args, got)
		}
	}
	got := publisher(t, Backends{Bus: s.open}, mailBody+"\n"+mailBody+"\n", "send", "email.send", "--id", "x")
	if got.code != ExitUsage || !strings.HasPrefix(got.err, "publisher: --id: names one command, but line 2 holds another") {
		t.Errorf("one id for two: %+v", got)
	}
	if n := len(s.stored(t)); n != 2 {
		t.Errorf("%d are stored, want 2", n)
	}
}

func TestSendToAFullStream(t *testing.T) {
	s := newStream(t, jetstream.StreamConfig{MaxMsgs: 3, Discard: jetstream.DiscardNew})
	input := strings.Repeat(mailBody+"\n", 5)
	got := publisher(t, Backends{Bus: s.open}, input, "send", "email.send")
	if got.code != ExitFailed || len(got.lines()) != 3 || len(s.stored(t)) != 3 {
		t.Fatalf("got %+v with %d stored", got, len(s.stored(t)))
	}
	want := regexp.MustCompile(`^publisher: publish \S{36} of line 4: nats: .*maximum messages exceeded.*; [12] commands? (was|were) not stored and 3 stored: publish those again whose ids were not printed\n$`)
	if !want.MatchString(got.err) {
		t.Errorf("says %q", got.err)
	}
}

func TestSendThroughTheOutbox(t *testing.T) {
	direct, outbox := newStream(t, jetstream.StreamConfig{}), newStream(t, jetstream.StreamConfig{})
	both := Backends{Bus: direct.open, Outbox: outbox.open}
	for _, args := range [][]string{{"--outbox"}, {"--direct"}, {}} {
		if got := publisher(t, both, mailBody, append([]string{"send", "email.send"}, args...)...); got.code != ExitDone {
			t.Fatalf("%v: %+v", args, got)
		}
	}
	if got := publisher(t, Backends{Outbox: outbox.open}, mailBody, "send", "email.send"); got.code != ExitDone {
		t.Fatalf("outbox alone: %+v", got)
	}
	if n, m := len(direct.stored(t)), len(outbox.stored(t)); n != 2 || m != 2 {
		t.Errorf("%d went directly and %d through the outbox, want 2 and 2", n, m)
	}
}

func TestSendInterrupted(t *testing.T) {
	s := newStream(t, jetstream.StreamConfig{})
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	in, typing := io.Pipe()
	interrupted := make(chan outcome, 1)
	go func() { interrupted <- publisherIn(ctx, t, Backends{Bus: s.open}, in, "send", "email.send") }()
	if _, err := io.WriteString(typing, mailBody+"\n"); err != nil {
		t.Fatal(err)
	}
	// A slow input is published line by line: the first does not wait for more.
	eventually(t, func() bool { return len(s.stored(t)) == 1 })
	interrupt()
	got := <-interrupted
	if err := typing.Close(); err != nil { // frees the goroutine that reads
		t.Fatal(err)
	}
	if got.code != ExitFailed || len(got.lines()) != 1 || got.err != "publisher: interrupted: 1 command was published, the rest was not\n" {
		t.Errorf("got %+v", got)
	}
}

func TestSendTellsABrokenOutput(t *testing.T) {
	s := newStream(t, jetstream.StreamConfig{})
	p := newProgram(strings.NewReader(mailBody), brokenPipe{}, io.Discard, Backends{Bus: s.open})
	if code := p.run(t.Context(), []string{"--data-dir", t.TempDir(), "send", "email.send"}); code != ExitFailed {
		t.Errorf("exit %d", code)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 10s")
		}
		<-time.After(5 * time.Millisecond)
	}
}
