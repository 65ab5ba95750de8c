//go:build live

package smtp

// The live smoke test calls the real server. It never runs by itself:
//
//	GANGWAY_LIVE_SMTP_PRESET=gmail GANGWAY_LIVE_SMTP_USERNAME=… GANGWAY_LIVE_SMTP_PASSWORD=… go test -tags live -run Live ./providers/smtp
//
// It logs in and says NOOP. With GANGWAY_LIVE_SMTP_FROM and GANGWAY_LIVE_SMTP_TO
// beside, it also sends one message. GANGWAY_LIVE_SMTP_HOST names a server without
// a preset; for ses, GANGWAY_LIVE_SMTP_AWS_SECRET_KEY takes the place of the
// password, with GANGWAY_LIVE_SMTP_REGION.

import (
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/providers"
)

func TestLive(t *testing.T) {
	env := func(name string) string { return os.Getenv("GANGWAY_LIVE_SMTP_" + name) }
	o := Options{Preset: env("PRESET"), Host: env("HOST"), Username: env("USERNAME"), Region: env("REGION"), From: env("FROM")}
	if o.Preset == "" && o.Host == "" {
		t.Fatal("GANGWAY_LIVE_SMTP_PRESET or GANGWAY_LIVE_SMTP_HOST is not set: this test calls the real server")
	}
	if secret := env("PASSWORD"); secret != "" {
		o.Password = Plain(secret)
	}
	if secret := env("AWS_SECRET_KEY"); secret != "" {
		o.AWSSecretKey = Plain(secret)
	}
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := d.Check(t.Context()); err != nil {
		t.Fatalf("Check: %v", err)
	}
	if env("TO") == "" {
		return
	}
	answer, err := d.Do(t.Context(), providers.Call[providers.Email]{ID: uuid.Must(uuid.NewV7()), Attempt: 1, Request: providers.Email{
		To: []string{env("TO")}, Subject: "강원 시험 메일 " + time.Now().Format(time.TimeOnly), Text: "시험 메일입니다.", HTML: "<p>시험 메일입니다.</p>",
	}})
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	t.Logf("the server's id: %s", answer.MessageID)
}
