package solapi

import (
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

func FuzzParseSent(f *testing.F) {
	for _, seed := range []string{accepted, failed("1062").Body, `{"groupInfo":{"groupId":"G"}}`, `{"messageList":{}}`, `null`, `[]`, `{"failedMessageList":[{}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		result, err := parseSent(body)
		if err != nil {
			return
		}
		answer, err := result.accepted()
		if err != nil && (!fault.Of(err).Valid() || answer.MessageID != "") {
			t.Fatalf("answer %+v with error %v", answer, err)
		}
		if len(result.Failed) > 0 && err == nil {
			t.Fatal("a failed message was taken for an accepted one")
		}
	})
}

// TestListOfOthers: messages of others who use the account do not hide ours.
func TestListOfOthers(t *testing.T) {
	for _, other := range []string{`{"n":1}`, `{"command_id":7}`, `[]`, `null`, `"x"`, `{"x":{}}`, "{\"x\":\"\xff\"}"} {
		messages, _, err := parseList([]byte(`{"messageList":{"M1":{"messageId":"M1","customFields":` + other + `},"M2":{"messageId":"M2","customFields":{"command_id":"ours"}}}}`))
		found := 0
		for _, m := range messages {
			if m.Fields.commandID() == "ours" {
				found++
			}
		}
		if err != nil || len(messages) != 2 || found != 1 {
			t.Errorf("%s: %+v, %v", other, messages, err)
		}
	}
}

func FuzzParseList(f *testing.F) {
	for _, seed := range []string{
		`{"messageList":{"M1":{"messageId":"M1","statusCode":"4000","customFields":{"command_id":"x"}}},"nextKey":"k"}`,
		`{"messageList":[]}`, `{"messageList":{"M1":null}}`, `{}`, `{"messageList":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		messages, _, err := parseList(body)
		if err != nil && messages != nil {
			t.Fatal("messages beside an error")
		}
		for _, m := range messages {
			if status, reason := State(m.StatusCode); !status.Valid() || (status == delivery.Undelivered) != (reason != fault.None) {
				t.Fatalf("State(%q) = %q, %q", m.StatusCode, status, reason)
			}
		}
	})
}

func FuzzHTTPFault(f *testing.F) {
	f.Add(403, []byte(`{"errorCode":"InvalidAPIKey"}`), true)
	f.Add(500, []byte(`{"errorCode":7}`), false)
	f.Fuzz(func(t *testing.T, status int, body []byte, sends bool) {
		reason := fault.Of(httpFault("send", providers.HTTPAnswer{Status: status, Body: body}, time.Unix(0, 0), sends))
		if !reason.Valid() || reason == fault.UnknownOutcome && !sends {
			t.Fatalf("reason %q", reason)
		}
	})
}
