package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

func opens[B any](backend B) Open[B] {
	return func(context.Context, Settings) (B, error) { return backend, nil }
}

// letterbox is a set of dead letters in memory.
type letterbox struct {
	letters []Letter
	filter  LetterFilter
	order   LetterOrder
	report  LetterReport
	err     error
}

func (b *letterbox) List(_ context.Context, filter LetterFilter, page Page) ([]Letter, string, error) {
	b.filter = filter
	return b.letters[:min(page.Size, len(b.letters))], "", nil
}

func (b *letterbox) Show(_ context.Context, ref LetterRef) (LetterDetail, error) {
	for _, letter := range b.letters {
		if letter.Number == ref.Number || letter.DeliveryID == ref.Delivery {
			return LetterDetail{
				Letter:  letter,
				Headers: map[string][]string{"Nats-Msg-Id": {letter.DeliveryID.String()}, "traceparent": {"00-1-2-01"}},
				Body:    []byte(`{"to":["kim@example.kr"],"subject":"안내","text":"a"}`),
				History: []delivery.Attempt{{
					Number: 1, Round: 1, Provider: "ses", Endpoint: "smtp", Outcome: "failed", Reason: fault.Timeout, Duration: time.Second, StartedAt: letter.FirstSeen,
				}},
			}, nil
		}
	}
	return LetterDetail{}, fault.New(fault.NotFound, "dead letters", "no letter is there for %v", ref)
}

func (b *letterbox) Settle(_ context.Context, order LetterOrder, progress func(LetterReport)) (LetterReport, error) {
	b.order = order
	progress(LetterReport{})
	progress(LetterReport{Matched: b.report.Matched, Replayed: 1})
	return b.report, b.err
}

func letterSample() *letterbox {
	nine := time.Date(2026, 3, 1, 9, 0, 0, 0, kst)
	return &letterbox{letters: []Letter{
		{
			Number: 4711, DeliveryID: id(1), Kind: command.EmailSend, Lane: command.Normal, Generation: 1, Reason: fault.Timeout,
			Error: "smtp: no answer in time", Provider: "ses", Recipient: "kim@example.kr", Attempts: 4, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
			FirstSeen: nine, CreatedAt: nine.Add(time.Minute),
		},
		{
			Number: 12, DeliveryID: id(2), Kind: command.SMSSend, Lane: command.Bulk, Reason: fault.Invalid, Error: "text: 글이 너무 깁니다",
			Recipient: "010-1234-5678", FirstSeen: nine, CreatedAt: nine,
		},
	}}
}

func TestDeadLettersGolden(t *testing.T) {
	for name, args := range map[string][]string{
		"letters.txt":  {"deadletters", "list"},
		"letters.json": {"dlq", "list", "-o", "json"},
		"letter.txt":   {"deadletters", "show", "4711"},
		"letter.json":  {"deadletters", "show", id(1).String(), "-o", "json"},
	} {
		t.Run(name, func(t *testing.T) {
			got := publisher(t, Backends{DeadLetters: opens[DeadLetters](letterSample())}, "", args...)
			if got.code != ExitDone || got.err != "" {
				t.Errorf("exit %d: %s", got.code, got.err)
			}
			golden(t, name, got.out)
		})
	}
	got := publisher(t, Backends{DeadLetters: opens[DeadLetters](letterSample())}, "", "deadletters", "show", "1")
	if got.code != ExitFailed || !strings.HasPrefix(got.err, `publisher: "1": no letter is there for`) {
		t.Errorf("an unknown number: %+v", got)
	}
}

func TestReplay(t *testing.T) {
	done := LetterReport{Matched: 10, Replayed: 7, Skipped: 3}
	for _, tt := range []struct {
		args   string
		report LetterReport
		err    error
		want   LetterOrder
		code   int
		out    string
		said   string
	}{
		{
			"replay --kind email.send --reason timeout,unavailable --provider ses --since 2026-03-01 --until 2026-03-02 --contains kim --rate 90/m --limit 10 --by op --note why",
			done, nil,
			LetterOrder{
				Filter: LetterFilter{
					Kinds: []command.Kind{command.EmailSend}, Reasons: []fault.Reason{fault.Timeout, fault.Unavailable}, Providers: []string{"ses"},
					Since: time.Date(2026, 3, 1, 0, 0, 0, 0, kst), Until: time.Date(2026, 3, 2, 0, 0, 0, 0, kst), Contains: "kim",
				},
				Limit: 10, Rate: 1.5, By: "op", Note: "why",
			},
			ExitDone, "10 matched, 7 replayed, 3 skipped, 0 failed\n", "",
		},
		{
			"replay 4711 order-42 --by op -o json", done, nil,
			LetterOrder{Filter: LetterFilter{Refs: []LetterRef{{Number: 4711}, {Delivery: command.ParseID("order-42")}}}, By: "op"},
			ExitDone, `{"matched":10,"replayed":7,"skipped":3,"failed":0}` + "\n", "",
		},
		{"replay --all --by op --rate 50/s", done, nil, LetterOrder{By: "op", Rate: 50}, ExitDone, "10 matched, 7 replayed, 3 skipped, 0 failed\n", ""},
		{"replay --dry-run --by op", LetterReport{Matched: 10}, nil, LetterOrder{By: "op", DryRun: true}, ExitDone, "10 match; nothing was done\n", ""},
		{
			"replay --dry-run --by op -o json", LetterReport{Matched: 10}, nil, LetterOrder{By: "op", DryRun: true}, ExitDone,
			`{"matched":10,"replayed":0,"skipped":0,"failed":0}` + "\n", "",
		},
		{
			"replay --all --by op", LetterReport{Matched: 10, Replayed: 9, Failed: 1}, nil, LetterOrder{By: "op"}, ExitFailed,
			"10 matched, 9 replayed, 0 skipped, 1 failed\n",
			"publisher: 1 of 10 could not be settled and stay dead letters: run it again, or see publisher deadletters list\n",
		},
		{
			"replay --all --by op", LetterReport{Matched: 10, Replayed: 4}, errors.New("nats: connection closed"), LetterOrder{By: "op"}, ExitFailed,
			"10 matched, 4 replayed, 0 skipped, 0 failed\n",
			"publisher: nats: connection closed; what is reported is done: run it again to go on with the rest\n",
		},
		{
			"discard --reason invalid --by op -o json", LetterReport{Matched: 2, Discarded: 2}, nil,
			LetterOrder{Discard: true, Filter: LetterFilter{Reasons: []fault.Reason{fault.Invalid}}, By: "op"}, ExitDone,
			`{"matched":2,"discarded":2,"skipped":0,"failed":0}` + "\n", "",
		},
	} {
		t.Run(tt.args, func(t *testing.T) {
			box := letterSample()
			box.report, box.err = tt.report, tt.err
			got := publisher(t, Backends{DeadLetters: opens[DeadLetters](box)}, "", append([]string{"deadletters"}, strings.Fields(tt.args)...)...)
			if got.code != tt.code || got.out != tt.out || got.err != tt.said {
				t.Errorf("got %+v", got)
			}
			if diff := cmp.Diff(tt.want, box.order); diff != "" {
				t.Errorf("the order differs (-want +got):\n%s", diff)
			}
		})
	}
	box := letterSample()
	publisher(t, Backends{DeadLetters: opens[DeadLetters](box)}, "", "deadletters", "replay", "1")
	if !strings.Contains(box.order.By, "@") {
		t.Errorf("the audit log would name %q", box.order.By)
	}
}

type judge struct{ verdict Verdict }

func (j *judge) Settle(_ context.Context, v Verdict) (delivery.View, error) {
	if v.ID != id(1) {
		return delivery.View{}, fault.New(fault.NotFound, "settle", "no delivery has the id %s", v.ID)
	}
	j.verdict = v
	if v.Sent {
		return delivery.View{ID: v.ID, Status: delivery.Sent}, nil
	}
	return delivery.View{ID: v.ID, Status: delivery.Queued}, nil
}

func TestUnknowns(t *testing.T) {
	j := &judge{}
	l := newLedger(delivery.View{ID: id(1), Kind: command.EmailSend, Status: delivery.Unknown, Provider: "ses"}, delivery.View{ID: id(2), Status: delivery.Sent})
	b := Backends{Unknowns: opens[Unknowns](j), Deliveries: l.open}
	if got := publisher(t, b, "", "unknown", "list", "-o", "json"); got.code != ExitDone || len(got.lines()) != 1 || !strings.Contains(got.out, id(1).String()) {
		t.Errorf("list: %+v", got)
	}
	if got := publisher(t, b, "", "status", id(1).String()); !strings.Contains(got.out, "\nnext      find out, then publisher unknown settle "+id(1).String()+" --sent or --not-sent\n") {
		t.Errorf("status says nothing of what to do: %+v", got)
	}
	if got := publisher(t, b, "", "unknown", "settle", id(1).String(), "--sent", "--by", "op", "--note", "seen"); got.out != id(1).String()+" sent\n" || got.code != ExitDone {
		t.Errorf("sent: %+v", got)
	}
	if want := (Verdict{ID: id(1), Sent: true, By: "op", Note: "seen"}); j.verdict != want {
		t.Errorf("verdict is %+v", j.verdict)
	}
	if got := publisher(t, b, "", "unknown", "settle", id(1).String(), "--not-sent", "-o", "json"); got.out != `{"id":"`+id(1).String()+`","status":"queued"}`+"\n" || j.verdict.Sent {
		t.Errorf("not sent: %+v", got)
	}
	nobody := command.ParseID("order-42").String()
	if got := publisher(t, b, "", "unknown", "settle", "order-42", "--sent"); got.code != ExitFailed || got.err != "publisher: \"order-42\": no delivery has the id "+nobody+"\n" {
		t.Errorf("of nobody: %+v", got)
	}
}

// TestLettersThatAreNamedWrongly: a name of no letter is told, one of a letter that
// was settled before is not.
func TestLettersThatAreNamedWrongly(t *testing.T) {
	b := letterSample()
	backends := Backends{DeadLetters: opens[DeadLetters](b)}
	for _, what := range []string{"show", "replay", "discard"} {
		got := publisher(t, backends, "", "deadletters", what, "order-42")
		if got.code != ExitFailed || !strings.HasPrefix(got.err, `publisher: "order-42": no letter is there for `) {
			t.Errorf("%s of no letter: %+v", what, got)
		}
		if what == "show" {
			continue
		}
		if got := publisher(t, backends, "", "deadletters", what, "4711"); got.code != ExitDone || !strings.HasPrefix(got.out, "0 matched, 0 ") {
			t.Errorf("%s of a letter that is settled: %+v", what, got)
		}
	}
}

type blocklist struct {
	list  []Suppression
	added []Suppression
	by    string
}

func (b *blocklist) List(context.Context, string, Page) ([]Suppression, string, error) {
	return b.list, "", nil
}

func (b *blocklist) Add(_ context.Context, s Suppression, by string) error {
	b.added, b.by = append(b.added, s), by
	return nil
}

func (b *blocklist) Remove(_ context.Context, recipient, _, _ string) (bool, error) {
	return recipient == "kim@example.kr", nil
}

func TestSuppressions(t *testing.T) {
	nine := time.Date(2026, 3, 1, 9, 0, 0, 0, kst)
	list := &blocklist{list: []Suppression{{Recipient: "kim@example.kr", List: "all", Reason: "complained", Provider: "ses", CreatedAt: nine}}}
	b := Backends{Suppressions: opens[Suppressions](list)}
	got := publisher(t, b, "", "suppressions", "list")
	if want := "RECIPIENT       LIST  REASON      PROVIDER  SINCE                UNTIL  NOTE\nkim@example.kr  all   complained  ses       2026-03-01 09:00:00\n"; got.out != want {
		t.Errorf("list is\n%s want\n%s", got.out, want)
	}
	got = publisher(t, b, "", "suppressions", "add", "lee@example.kr", "010-1234-5678", "--expires", "+30d", "--note", "n", "--by", "op")
	if got.out != "lee@example.kr suppressed\n010-1234-5678 suppressed\n" || len(list.added) != 2 || list.by != "op" ||
		list.added[1].Recipient != "010-1234-5678" || list.added[1].ExpiresAt.Sub(list.added[1].CreatedAt).Round(time.Hour) != 30*24*time.Hour {
		t.Errorf("add: %+v, %+v", got, list)
	}
	got = publisher(t, b, "", "suppressions", "add", "park@example.kr", "--list", "marketing", "--reason", "unsubscribed")
	if last := list.added[len(list.added)-1]; got.code != ExitDone || last.List != "marketing" || last.Reason != "unsubscribed" {
		t.Errorf("add to a list: %+v, %+v", got, last)
	}
	if got = publisher(t, b, "", "suppressions", "add", "park@example.kr", "--list", "adverts"); got.code != ExitUsage {
		t.Errorf("add to an unknown list: %+v", got)
	}
	got = publisher(t, b, "", "suppressions", "remove", "kim@example.kr", "nobody@example.kr")
	if got.code != ExitFailed || got.out != "kim@example.kr removed\n" || got.err != "publisher: nobody@example.kr is not suppressed: see publisher suppressions list\n" {
		t.Errorf("remove: %+v", got)
	}
}

type fakeTemplates struct{ variables map[string]jsontext.Value }

func (f *fakeTemplates) List(context.Context) ([]Template, error) {
	return []Template{{Name: "welcome", Locales: []string{"ko", "en"}, Parts: []string{"subject", "text"}, Variables: []string{"name"}}}, nil
}

func (f *fakeTemplates) Render(_ context.Context, name, locale string, variables map[string]jsontext.Value) (Rendered, error) {
	if name != "welcome" {
		return Rendered{}, fault.New(fault.Invalid, "templates", "%q is not a template", name)
	}
	f.variables = variables
	return Rendered{Subject: "환영", Text: locale + "\n안녕\n"}, nil
}

func TestTemplates(t *testing.T) {
	f := &fakeTemplates{}
	b := Backends{Templates: opens[Templates](f)}
	if got := publisher(t, b, "", "templates", "list"); got.out != "NAME     LOCALES  PARTS         VARIABLES\nwelcome  ko,en    subject,text  name\n" {
		t.Errorf("list: %+v", got)
	}
	if got := publisher(t, b, "", "templates", "render", "welcome", "--locale", "ko", "--var", "name=김"); got.out != "SUBJECT\n환영\n\nTEXT\nko\n안녕\n" || string(f.variables["name"]) != `"김"` {
		t.Errorf("render: %+v", got)
	}
	if got := publisher(t, b, "", "templates", "render", "welcome", "--part", "text"); got.out != "\n안녕\n" {
		t.Errorf("one part: %+v", got)
	}
	if got := publisher(t, b, "", "templates", "render", "welcome", "--part", "html"); got.code != ExitFailed {
		t.Errorf("a part that is not there: %+v", got)
	}
	if got := publisher(t, b, "", "templates", "render", "nothing"); got.code != ExitFailed || got.err != "publisher: \"nothing\" is not a template\n" {
		t.Errorf("an unknown one: %+v", got)
	}
}
