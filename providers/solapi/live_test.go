//go:build live

package solapi

// The live smoke test calls the real vendor. It never runs by itself:
//
//	GANGWAY_LIVE_SOLAPI_API_KEY=… GANGWAY_LIVE_SOLAPI_API_SECRET=… GANGWAY_LIVE_SOLAPI_FROM=… go test -tags live -run Live ./providers/solapi
//
// It makes one harmless call. With GANGWAY_LIVE_SMS_TO=+8210… beside, it also
// sends one message to that number, looks it up, and says how long that took.

import (
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

func TestLive(t *testing.T) {
	env := func(name string) string {
		value := os.Getenv("GANGWAY_LIVE_SOLAPI_" + name)
		if value == "" {
			t.Fatalf("GANGWAY_LIVE_SOLAPI_%s is not set: this test calls the real vendor", name)
		}
		return value
	}
	d, err := New(Options{APIKey: env("API_KEY"), APISecret: env("API_SECRET"), From: env("FROM")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Check(t.Context()); err != nil {
		t.Fatalf("Check: %v", err)
	}
	to := os.Getenv("GANGWAY_LIVE_SMS_TO")
	if to == "" {
		return
	}
	call := providers.Call[providers.SMS]{ID: uuid.Must(uuid.NewV7()), Attempt: 1, Request: providers.SMS{
		To: to, Text: "강원 시험 메시지 " + time.Now().Format(time.TimeOnly),
	}}
	sent, err := d.Do(t.Context(), call)
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	t.Logf("the vendor's id: %s", sent.MessageID)
	// How soon a message can be found is what the documents do not say.
	for began := time.Now(); ; <-time.After(time.Second) {
		found, err := d.Confirm(t.Context(), call)
		if err == nil {
			t.Logf("found after %s: %s", time.Since(began).Round(time.Second), found.MessageID)
			break
		}
		if fault.Of(err) != fault.NotFound || time.Since(began) > time.Minute {
			t.Fatalf("Confirm: %v", err)
		}
	}
	state, err := d.Track(t.Context(), sent.MessageID)
	t.Logf("Track: %+v, %v", state, err)
}
