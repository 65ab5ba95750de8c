//go:build live

package sns

// The live smoke test calls the real vendor. It never runs by itself:
//
//	GANGWAY_LIVE_SNS_ACCESS_KEY_ID=… GANGWAY_LIVE_SNS_SECRET_ACCESS_KEY=… go test -tags live -run Live ./providers/sns
//
// It makes one harmless call. With GANGWAY_LIVE_SMS_TO=+8210… beside, it also
// sends one message to that number.

import (
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/providers"
)

func TestLive(t *testing.T) {
	env := func(name string) string {
		value := os.Getenv("GANGWAY_LIVE_SNS_" + name)
		if value == "" {
			t.Fatalf("GANGWAY_LIVE_SNS_%s is not set: this test calls the real vendor", name)
		}
		return value
	}
	d, err := New(Options{AccessKeyID: env("ACCESS_KEY_ID"), SecretAccessKey: env("SECRET_ACCESS_KEY")})
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
}
