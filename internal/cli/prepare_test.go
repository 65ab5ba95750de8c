package cli

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
)

const fixedID = "01920f5e-7c1b-7e2a-9d43-0a1b2c3d4e5f"

func fixed() (uuid.UUID, error) { return uuid.Parse(fixedID) }

func TestPrepare(t *testing.T) {
	sendAt := time.Date(2026, 3, 1, 9, 0, 0, 0, kst)
	for _, tt := range []struct {
		name, body string
		set        []member
		want       string
		id, msgID  string
	}{
		{
			"an id is made", `{"to":["a@b.kr"],"subject":"s","text":"t"}`, nil,
			`{"id":"` + fixedID + `","to":["a@b.kr"],"subject":"s","text":"t"}`, fixedID, fixedID,
		},
		{
			"an id that is empty is made", `{"to":["a@b.kr"],"id":"","subject":"s","text":"t"}`, nil,
			`{"id":"` + fixedID + `","to":["a@b.kr"],"subject":"s","text":"t"}`, fixedID, fixedID,
		},
		{
			"an id that is null is made", `{"id":null,"to":["a@b.kr"],"subject":"s","text":"t"}`, nil,
			`{"id":"` + fixedID + `","to":["a@b.kr"],"subject":"s","text":"t"}`, fixedID, fixedID,
		},
		{
			"an id of the body stays", `{"to":["a@b.kr"],"id":"order-42","subject":"s","text":"t"}`, nil,
			`{"to":["a@b.kr"],"id":"order-42","subject":"s","text":"t"}`, command.ParseID("order-42").String(), "order-42",
		},
		{
			"an id with an escaped name stays", `{"i\u0064":"order-42","to":["a@b.kr"],"subject":"s","text":"t"}`, nil,
			`{"i\u0064":"order-42","to":["a@b.kr"],"subject":"s","text":"t"}`, command.ParseID("order-42").String(), "order-42",
		},
		{
			"flags win", `{"id":"a","provider":"ses","to":["a@b.kr"],"subject":"s","text":"t"}`,
			[]member{textMember("provider", "smtp"), textMember("id", "b")},
			`{"id":"b","provider":"smtp","to":["a@b.kr"],"subject":"s","text":"t"}`, command.ParseID("b").String(), "b",
		},
		{
			"another time moves it under another message id", `{"id":"a","to":["a@b.kr"],"subject":"s","text":"t"}`,
			[]member{timeMember("send_at", sendAt)},
			`{"send_at":"2026-03-01T09:00:00+09:00","id":"a","to":["a@b.kr"],"subject":"s","text":"t"}`,
			command.ParseID("a").String(), "a@1772323200000",
		},
		{
			"a new id needs no other message id", `{"to":["a@b.kr"],"subject":"s","text":"t"}`, []member{timeMember("send_at", sendAt)},
			`{"id":"` + fixedID + `","send_at":"2026-03-01T09:00:00+09:00","to":["a@b.kr"],"subject":"s","text":"t"}`, fixedID, fixedID,
		},
		{
			"an id that is no header is named by its UUID", `{"id":"주문 42","to":["a@b.kr"],"subject":"s","text":"t"}`, nil,
			`{"id":"주문 42","to":["a@b.kr"],"subject":"s","text":"t"}`, command.ParseID("주문 42").String(), command.ParseID("주문 42").String(),
		},
		{
			"spaces go, spelling stays", "{\n \"to\" : [ \"a@b.kr\" ],\n \"template\": \"t\", \"variables\": {\"n\": 1.50, \"s\": \"\\u0041 b\"}\n}", nil,
			`{"id":"` + fixedID + `","to":["a@b.kr"],"template":"t","variables":{"n":1.50,"s":"\u0041 b"}}`, fixedID, fixedID,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &preparer{kind: command.EmailSend, lane: command.High, newID: fixed, set: tt.set}
			got, err := f.message([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Body) != tt.want {
				t.Errorf("body is\n %s, want\n %s", got.Body, tt.want)
			}
			if got.ID.String() != tt.id || got.MsgID != tt.msgID {
				t.Errorf("id %s under %q, want %s under %q", got.ID, got.MsgID, tt.id, tt.msgID)
			}
			if !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`).MatchString(got.TraceParent) {
				t.Errorf("traceparent is %q", got.TraceParent)
			}
			if got.Lane != command.High || got.Kind != command.EmailSend {
				t.Errorf("kind %s, lane %s", got.Kind, got.Lane)
			}
		})
	}
}

func TestPrepareRefuses(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"no JSON", "to: kim", "body is not JSON: invalid character"},
		{"half an object", `{"to":["a@b.kr"]`, "body is not JSON: "},
		{"two objects", `{"to":["a@b.kr"],"subject":"s","text":"t"} {}`, "body is not JSON: "},
		{"a list", `[{"to":["a@b.kr"]}]`, "body must be a JSON object, not a list"},
		{"a field twice", `{"to":["a@b.kr"],"to":["c@d.kr"],"subject":"s","text":"t"}`, "to: stands twice"},
		{"an id of the wrong type", `{"id":42,"to":["a@b.kr"],"subject":"s","text":"t"}`, "id: must be text, not a number"},
		{"an unknown field", `{"to":["a@b.kr"],"subjct":"s","text":"t"}`, `subjct: is not a field of email.send; did you mean "subject"?`},
		{"a newer body", `{"v":2,"to":["a@b.kr"],"subject":"s","text":"t"}`, "v: is newer than this publisher understands (1): use a newer one"},
		{"a body too large", `{"to":["a@b.kr"],"subject":"s","text":"` + strings.Repeat("x", command.MaxBody) + `"}`, "body has 10"},
		{"text that is not UTF-8", "{\"to\":[\"a@b.kr\"],\"subject\":\"\xff\",\"text\":\"t\"}", "body is not JSON: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := (&preparer{kind: command.EmailSend, lane: command.Normal, newID: fixed}).message([]byte(tt.body))
			if err == nil || !strings.HasPrefix(plain(err), tt.want) {
				t.Errorf("error is %v, want one that begins %q", err, tt.want)
			}
		})
	}
}
