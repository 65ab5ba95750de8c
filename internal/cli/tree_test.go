package cli

import (
	"context"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// everything is a publisher that has every backend; none may be opened.
func everything(t *testing.T) Backends {
	return Backends{
		Bus: closed[Bus](t), Outbox: closed[Bus](t), Deliveries: closed[Deliveries](t), Templates: closed[Templates](t),
		DeadLetters: closed[DeadLetters](t), Unknowns: closed[Unknowns](t), Manual: closed[Bus](t),
		Suppressions: closed[Suppressions](t), Webhooks: closed[Webhooks](t), Providers: closed[Providers](t), Cache: closed[Cache](t),
		Stats: closed[Stats](t), Alerts: closed[Alerts](t), Audit: closed[Audit](t), Eraser: closed[Eraser](t),
	}
}

// TestEverythingIsEverything notices a backend that the tests of the whole tree
// would miss.
func TestEverythingIsEverything(t *testing.T) {
	all := reflect.ValueOf(everything(t))
	for i := range all.NumField() {
		if name := all.Type().Field(i).Name; all.Field(i).IsNil() && name != "Close" {
			t.Errorf("%s is missing", name)
		}
	}
}

func closed[B any](t *testing.T) Open[B] {
	return func(context.Context, Settings) (B, error) {
		t.Errorf("a %T was opened", *new(B))
		return *new(B), io.ErrUnexpectedEOF
	}
}

func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, child := range cmd.Commands() {
		walk(child, visit)
	}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	backends := everything(t)
	root := newProgram(strings.NewReader(""), io.Discard, io.Discard, backends).root()
	count := 0
	walk(root, func(cmd *cobra.Command) {
		count++
		path := strings.Fields(cmd.CommandPath())[1:]
		got := publisher(t, backends, "", append(path, "--help")...)
		if got.code != ExitDone || got.err != "" {
			t.Errorf("%s --help: exit %d, %q", cmd.CommandPath(), got.code, got.err)
		}
		if !strings.Contains(got.out, "Examples:\n  publisher "+strings.Join(path, " ")) && !strings.Contains(got.out, "Examples:\n  source <(publisher") {
			t.Errorf("%s --help shows no example of itself:\n%s", cmd.CommandPath(), got.out)
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short text is %q", cmd.CommandPath(), cmd.Short)
		}
		for line := range strings.Lines(got.out) {
			if strings.Contains(line, "string ") && strings.Contains(line, "--") {
				t.Errorf("%s: a flag does not say what it takes: %s", cmd.CommandPath(), line)
			}
		}
	})
	if count < 40 {
		t.Errorf("only %d commands were looked at", count)
	}
}

// TestExamplesParse runs the flags and arguments of every example through the
// commands themselves.
func TestExamplesParse(t *testing.T) {
	root := newProgram(strings.NewReader(""), io.Discard, io.Discard, everything(t)).root()
	walk(root, func(cmd *cobra.Command) {
		examples := strings.ReplaceAll(cmd.Example, "\\\n", " ")
		for line := range strings.Lines(examples) {
			words := shellWords(line)
			start := slices.Index(words, "publisher")
			if start < 0 {
				continue
			}
			// Flags keep their values between runs: each example gets a fresh tree.
			fresh := newProgram(strings.NewReader(""), io.Discard, io.Discard, everything(t)).root()
			found, rest, err := fresh.Find(words[start+1:])
			if err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			if found.Args != nil {
				if err := found.Args(found, found.Flags().Args()); err != nil {
					t.Errorf("%q: %v", line, err)
				}
			}
		}
	})
}

// shellWords splits one command of a line, honouring quotes, up to a pipe or
// redirection.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, inside := rune(0), false
	for _, r := range strings.TrimSpace(line) {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inside = r, true
		case r == ' ':
			if inside || word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteRune(r)
		}
	}
	if inside || word.Len() > 0 {
		words = append(words, word.String())
	}
	if start := slices.Index(words, "publisher"); start > 0 {
		words = words[start:]
	}
	for i, w := range words {
		if w == "|" || w == ">" || w == "<" {
			return words[:i]
		}
	}
	return words
}

func TestCommandsWithoutBackendDoNotExist(t *testing.T) {
	bus := closed[Bus](t)
	for _, tt := range []struct {
		name     string
		backends Backends
		want     []string
	}{
		{"nothing", Backends{}, []string{"completion", "version"}},
		{"NATS only", Backends{Bus: bus}, []string{"address", "business", "completion", "email", "send", "sms", "version"}},
		{
			"the first release", Backends{Bus: bus, Outbox: bus, Deliveries: closed[Deliveries](t)},
			[]string{"address", "business", "cancel", "completion", "email", "list", "send", "sms", "status", "version"},
		},
		{"manual needs the rows", Backends{Manual: bus}, []string{"completion", "version"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := newProgram(strings.NewReader(""), io.Discard, io.Discard, tt.backends).root()
			var names []string
			for _, cmd := range root.Commands() {
				if cmd.Name() != "help" {
					names = append(names, cmd.Name())
				}
			}
			slices.Sort(names)
			if !slices.Equal(names, tt.want) {
				t.Errorf("commands are %v, want %v", names, tt.want)
			}
		})
	}
	for _, flag := range []string{"--wait", "--outbox"} {
		if got := publisher(t, Backends{Bus: bus}, "", "send", "email.send", flag); got.code != ExitUsage || !strings.Contains(got.err, "unknown flag") {
			t.Errorf("send %s without Postgres: %+v", flag, got)
		}
	}
	if got := publisher(t, Backends{Bus: bus}, "", "status", "x"); got.code != ExitUsage || !strings.Contains(got.err, `"status" is not a command`) {
		t.Errorf("status without Postgres: %+v", got)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string
	}{
		{"snd", `publisher: "snd" is not a command of publisher: did you mean send or sms?`},
		{"nothing-like-it --flag", `publisher: "nothing-like-it" is not a command of publisher: give one of `},
		{"send", "publisher: send: KIND is missing (see publisher send --help)"},
		{"send email.sent", `publisher: "email.sent" is not known: give one of email.send, sms.send`},
		{"send email.send extra", `publisher: send: "extra" is one argument too many`},
		{"send email.send --lane fast", `publisher: --lane: "fast" is not known: give one of high, normal, bulk (see publisher send --help)`},
		{"send delivery.cancel --lane bulk", "publisher: --lane: delivery.cancel has no lanes"},
		{"send business.complete --outbox", "publisher: --outbox: the outbox does not take business.complete"},
		{"send email.send --at tomorrow", `publisher: --at: "tomorrow" is not a time: give RFC 3339`},
		{"send email.send --expires -5m", `publisher: --expires: "-5m" is not a time`},
		{"send email.send --direct --outbox", "publisher: --direct and --outbox exclude each other: give one"},
		{"send email.send -f /no/such/file", "publisher: -f: open /no/such/file: no such file"},
		{"send email.send -f /", "publisher: -f: / is a folder"},
		{"send email.send --frm x", "publisher: unknown flag: --frm (see publisher send --help)"},
		{"email", "publisher: --to is missing"},
		{"email --to no-address --subject s --text t", `publisher: to[0]: is not an e-mail address such as kim@example.kr`},
		{"email --to a@b.kr", "publisher: subject: is missing: give subject with text or html, or a template"},
		{"email --to a@b.kr --template t --var name", `publisher: --var: "name" is not NAME=VALUE`},
		{"email --to a@b.kr --template t --var a=1 --var a=2", `publisher: --var: "a" is given twice`},
		{"email --to a@b.kr --subject s --text a --text-file b", "publisher: --text and --text-file exclude each other"},
		{"email --to a@b.kr --subject s --text t --attach /no/such", "publisher: --attach: open /no/such"},
		{"email --to a@b.kr --subject s --text t --at +2m --expires +1m", "publisher: expires_at: "},
		{"sms --text hi", "publisher: --to is missing"},
		{"sms --to 12 --text hi", `publisher: to: is not a phone number such as 010-1234-5678`},
		{"business", "publisher: the registration number is missing"},
		{"business 123", `publisher: registration_number: "123" is not a business registration number`},
		{"business 124-81-00998 --registration-number 124-81-00998", "publisher: the registration number is given twice"},
		{"address", "publisher: the keyword is missing"},
		{"address x --size 1000", "publisher: size: must be 1 to 100, not 1000"},
		{"status", "publisher: status: ID is missing"},
		{"list --status done", `publisher: --status: "done" is not known: give one of queued, scheduled`},
		{"list --kind email", `publisher: --kind: "email" is not known`},
		{"list --reason bad", `publisher: --reason: "bad" is not known`},
		{"list --since yesterday", `publisher: --since: "yesterday" is not a time: give a span such as 24h`},
		{"list --limit -1", "publisher: --limit: -1 is less than 0"},
		{"list -o yaml", `publisher: invalid argument "yaml" for "-o, --output" flag: "yaml" must be table or json`},
		{"completion tcsh", `publisher: "tcsh" is not a shell`},
		{"help nothing", `publisher: help: "nothing" is not a command`},
		{"deadletters", "publisher: deadletters: say what to do: discard, list, replay, show"},
		{"deadletters replai", `publisher: "replai" is not a command of publisher deadletters: did you mean replay?`},
		{"deadletters discard", "publisher: nothing says which letters: give numbers, ids or filters, or --all"},
		{"deadletters replay --all --rate fast", `publisher: --rate: "fast" is not a rate: give one such as 50/s`},
		{"deadletters list --since 1h --until 2h", "publisher: --until: 2h is not after --since 1h"},
		{"unknown settle x", "publisher: say what happened: --sent when it was sent"},
		{"unknown settle x --sent --not-sent", "publisher: say what happened"},
		{"manual complete x", "publisher: company.name: is missing"},
		{"suppressions add nobody", `publisher: "nobody" is neither an e-mail address nor a phone number`},
		{"providers set ses rate=fast", "publisher: rate=fast is not a number of calls a second"},
		{"providers set ses burst=0", "publisher: burst=0 is not a number of calls from 1"},
		{"providers set ses colour=red", `publisher: "colour=red" cannot be set`},
		{"providers set ses", "publisher: providers set: rate=N|burst=N is missing"},
		{"cache purge juso.* --registration-number 124-81-00998", "publisher: --registration-number goes with business.verify"},
		{"forget kim", `publisher: "kim" is neither an e-mail address nor a phone number`},
		{"templates render t --part footer", `publisher: --part: "footer" is not known`},
	} {
		t.Run(tt.args, func(t *testing.T) {
			got := publisher(t, everything(t), "", strings.Fields(tt.args)...)
			if got.code != ExitUsage {
				t.Errorf("exit %d, want %d", got.code, ExitUsage)
			}
			if !strings.HasPrefix(got.err, tt.want) || strings.Count(got.err, "\n") != 1 {
				t.Errorf("says %q, want one line that begins %q", got.err, tt.want)
			}
			if got.out != "" {
				t.Errorf("prints %q", got.out)
			}
		})
	}
}

func TestVersionAndCompletion(t *testing.T) {
	if got := publisher(t, Backends{}, "", "version"); got.code != ExitDone || !strings.HasPrefix(got.out, "publisher  ") {
		t.Errorf("version: %+v", got)
	}
	if got := publisher(t, Backends{}, "", "version", "-o", "json"); !strings.HasPrefix(got.out, `{"version":"`) || len(got.lines()) != 1 {
		t.Errorf("version -o json: %+v", got)
	}
	if got := publisher(t, Backends{}, ""); got.code != ExitDone || !strings.Contains(got.out, "Usage:") {
		t.Errorf("alone: %+v", got)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := publisher(t, Backends{}, "", "completion", shell); got.code != ExitDone || len(got.out) < 1000 {
			t.Errorf("completion %s: exit %d, %d bytes, %q", shell, got.code, len(got.out), got.err)
		}
	}
	got := publisher(t, everything(t), "", "__complete", "list", "--status", "bo")
	if !strings.Contains(got.out, "bounced") {
		t.Errorf("statuses are not completed: %+v", got)
	}
}
