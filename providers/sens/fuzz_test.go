package sens

import (
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		accepted.Body, list(`"hasMore":true,"nextToken":"t",`, `[`+listedAs("010", "033", "가")+`]`).Body,
		`{"statusName":"fail"}`, `{"messages":null}`, `{"messages":{}}`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if result, err := parseSent(body); err == nil && result.Name != "fail" && result.RequestID == "" {
			t.Fatal("accepted without an id")
		}
		found, err := parsePage(body)
		if err != nil && found.Messages != nil {
			t.Fatal("messages beside an error")
		}
		for _, m := range found.Messages {
			if status, reason := State(m.Status, m.Code); !status.Valid() || (status == delivery.Undelivered) != (reason != fault.None) {
				t.Fatalf("State = %q, %q", status, reason)
			}
		}
	})
}

func FuzzHTTPFault(f *testing.F) {
	f.Add(401, []byte(gateway(401, `"200"`).Body), true)
	f.Add(504, []byte(`<html>`), false)
	f.Fuzz(func(t *testing.T, status int, body []byte, sends bool) {
		reason := fault.Of(httpFault("send", providers.HTTPAnswer{Status: status, Body: body}, time.Unix(0, 0), sends))
		if !reason.Valid() || reason == fault.UnknownOutcome && !sends {
			t.Fatalf("reason %q", reason)
		}
	})
}
