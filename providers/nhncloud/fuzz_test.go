package nhncloud

import (
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		accepted, failure("-1000").Body, recipientFailure("-6001").Body, list(`[{"requestId":"R","msgStatus":3,"resultCode":"1000"}]`).Body,
		`{"header":null}`, `{"body":[]}`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if code, ok, err := parseHeader(body); err == nil && !ok && !fault.Of(codeFault("send", code)).Valid() {
			t.Fatalf("code %q has no reason", code)
		}
		if result, err := parseSent(body); err == nil {
			if answer, err := result.accepted(); (err == nil) != (answer.MessageID != "") {
				t.Fatalf("answer %+v with error %v", answer, err)
			}
		}
		found, err := parseList(body)
		if err != nil && found != nil {
			t.Fatal("messages beside an error")
		}
		for _, m := range found {
			if status, reason := State(string(m.Status), string(m.Code)); !status.Valid() || (status == delivery.Undelivered) != (reason != fault.None) {
				t.Fatalf("State = %q, %q", status, reason)
			}
		}
		_, _ = parseSenders(body)
	})
}

func FuzzHTTPFault(f *testing.F) {
	f.Add(400, []byte(failure("-1000").Body), true)
	f.Add(504, []byte(`<html>`), false)
	f.Fuzz(func(t *testing.T, status int, body []byte, sends bool) {
		reason := fault.Of(httpFault("send", providers.HTTPAnswer{Status: status, Body: body}, time.Unix(0, 0), sends))
		if !reason.Valid() || reason == fault.UnknownOutcome && !sends {
			t.Fatalf("reason %q", reason)
		}
	})
}
