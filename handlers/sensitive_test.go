package handlers_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/templates"
)

func TestSensitive(t *testing.T) {
	d := newDesk(t)
	for body, want := range map[string][]string{
		`{"template":"password-reset","variables":{"reset_link":"https://x/","name":"Kim"}}`:                      {"reset_link"},
		`{"template":"password-reset","sensitive":["name"],"variables":{"reset_link":"https://x/","name":"Kim"}}`: {"name", "reset_link"},
		`{"template":"application-received","sensitive":["reset_link"],"variables":{"name":"x"}}`:                 nil,
		`{"template":"unheard-of","sensitive":["code"],"variables":{"code":1},"unknown":true}`:                    {"code"},
		`{"text":"no template"}`: nil,
		`garbage`:                nil,
	} {
		if got := d.email().Sensitive(&command.Command{Body: []byte(body)}); !slices.Equal(got, want) {
			t.Errorf("Sensitive(%s) = %q, want %q", body, got, want)
		}
	}
}

func TestSensitiveValuesStayOutOfSubjects(t *testing.T) {
	d := newDesk(t)
	plan, _ := d.send(d.email(), command.EmailSend,
		`{"to":["kim@example.kr"],"template":"application-received","sensitive":["number"],"variables":{"name":"김민수","number":"2026-0042"}}`)
	d.invalid(plan, "variables.number")
	_, result := d.send(d.email(), command.EmailSend,
		`{"to":["kim@example.kr"],"template":"application-received","sensitive":["name"],"variables":{"name":"김민수","number":"2026-0042"}}`)
	if result.Status != delivery.Sent {
		t.Errorf("a value that is not in the subject: %+v", result)
	}
}

func TestWipedValuesAreNotSent(t *testing.T) {
	d := newDesk(t)
	var err error
	d.set, err = templates.Load(templates.Options{Base: fstest.MapFS{
		"code/template.yaml": {Data: []byte("variables:\n  code: {sensitive: true, example: \"123456\"}\n")},
		"code/ko.sms":        {Data: []byte("인증번호 {{.code}}")},
	}})
	d.check(err)
	const body = `{"to":"010-1234-5678","template":"code","variables":{"code":"123456"}}`
	wiped := command.Redact([]byte(body), d.sms().Sensitive(&command.Command{Body: []byte(body)}))
	plan, _ := d.send(d.sms(), command.SMSSend, string(wiped))
	d.invalid(plan, "variables.code")
	if _, result := d.send(d.sms(), command.SMSSend, body); result.Status != delivery.Sent || d.only().Text != "인증번호 123456" {
		t.Errorf("the command itself: %+v", result)
	}
}
