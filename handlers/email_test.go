package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

const received = `{"to":["kim@example.kr"],"template":"application-received","variables":{"name":"김민수","number":"2026-0042"}%s}`

func TestEmailFromTemplate(t *testing.T) {
	for locale, want := range map[string]string{"": "김민수", `,"locale":"en"`: "Dear", `,"locale":"ja"`: "김민수"} {
		t.Run("locale "+locale, func(t *testing.T) {
			d := newDesk(t)
			_, result := d.send(d.email(), command.EmailSend, fmt.Sprintf(received, locale))
			if result.Status != delivery.Sent || result.Err != nil || result.Subject == "" || len(result.Attempts) != 1 {
				t.Fatalf("result: %+v", result)
			}
			mail := d.only()
			if mail.Subject != result.Subject || !strings.Contains(mail.HTML, "2026-0042") || !strings.Contains(mail.Text, want) {
				t.Errorf("received: %+v", mail)
			}
		})
	}
}

func TestEmailWhoseTemplateDoesNotFit(t *testing.T) {
	d := newDesk(t)
	for field, body := range map[string]string{
		"template":             `{"to":["kim@example.kr"],"template":"nothing-like-it"}`,
		"variables.number":     `{"to":["kim@example.kr"],"template":"application-received","variables":{"name":"김민수"}}`,
		"variables.nmae":       `{"to":["kim@example.kr"],"template":"application-received","variables":{"nmae":"김민수","number":"1"}}`,
		"variables.reset_link": `{"to":["kim@example.kr"],"template":"password-reset","variables":{"reset_link":"javascript:alert(1)"}}`,
		"provider":             `{"to":["kim@example.kr"],"subject":"x","text":"y","provider":"gmail"}`,
	} {
		plan, _ := d.send(d.email(), command.EmailSend, body)
		d.invalid(plan, field)
	}
	if n := d.sim.Inbox().Total(); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

func TestEmailToSuppressed(t *testing.T) {
	d := newDesk(t)
	d.blocked = blocked{command.Transactional: {"kim@example.kr"}, command.Marketing: {"kim@example.kr", "lee@example.kr"}}
	plan, result := d.send(d.email(), command.EmailSend, `{"to":["Kim@Example.kr"],"subject":"x","text":"y"}`)
	if plan.Provider != "" || fault.Of(result.Err) != fault.Suppressed || result.Recipients != nil {
		t.Errorf("one recipient: plan %+v, result %+v", plan, result)
	}
	_, result = d.send(d.email(), command.EmailSend, `{"to":["kim@example.kr","lee@example.kr"],"cc":["LEE@example.kr"],"subject":"x","text":"y"}`)
	want := `{"recipients":[{"address":"kim@example.kr","status":"suppressed","reason":"suppressed"},{"address":"lee@example.kr","status":"sent"}]}`
	if result.Status != delivery.Sent || string(result.Result) != want {
		t.Errorf("two recipients: %+v, result %s, want %s", result, result.Result, want)
	}
	if to := d.only().To; len(to) != 1 || to[0] != "lee@example.kr" {
		t.Errorf("sent to %v", to)
	}
	plan, _ = d.send(d.email(), command.EmailSend, `{"to":["kim@example.kr","lee@example.kr"],"subject":"x","text":"y","category":"marketing"}`)
	if plan.End == nil || fault.Of(plan.End.Err) != fault.Suppressed || len(plan.End.Recipients) != 2 {
		t.Errorf("advertising: %+v", plan)
	}
}

func TestEmailToSeveralIsRetriedForTheRest(t *testing.T) {
	d := newDesk(t)
	const body = `{"to":["kim@example.kr","throttle@example.kr"],"bcc":["reject@example.kr"],"subject":"x","text":"y"}`
	_, first := d.send(d.email(), command.EmailSend, body)
	if first.Status != "" || fault.Of(first.Err) != fault.RateLimited || !fault.Of(first.Err).Rule().Retry {
		t.Fatalf("first round: %+v", first)
	}
	want := []delivery.Recipient{
		{Address: "kim@example.kr", Status: delivery.Sent, MessageID: first.ProviderMessageID},
		{Address: "throttle@example.kr", Status: delivery.Retrying, Reason: fault.RateLimited},
		{Address: "reject@example.kr", Status: delivery.Failed, Reason: fault.Refused},
	}
	for i, r := range first.Recipients {
		if r != want[i] {
			t.Errorf("first round: %+v, want %+v", r, want[i])
		}
	}
	_, second := d.send(d.email(), command.EmailSend, body, first.Recipients...)
	if second.Status != delivery.Sent || second.Err != nil {
		t.Fatalf("second round: %+v", second)
	}
	got := map[string]int{}
	for _, mail := range d.sim.Inbox().List() {
		for _, to := range mail.To {
			got[to]++
		}
	}
	if got["kim@example.kr"] != 1 || got["throttle@example.kr"] != 1 || len(got) != 2 {
		t.Errorf("received: %v", got)
	}
	wantResult := `{"recipients":[{"address":"kim@example.kr","status":"sent"},{"address":"throttle@example.kr","status":"sent"},` +
		`{"address":"reject@example.kr","status":"failed","reason":"refused"}]}`
	if string(second.Result) != wantResult {
		t.Errorf("result %s, want %s", second.Result, wantResult)
	}
}

func TestEmailAdvertising(t *testing.T) {
	const imprint = "강원비즈니스포털 · portal@gangwon.example"
	t.Run("own words", func(t *testing.T) {
		d := newDesk(t)
		_, result := d.send(d.email(), command.EmailSend,
			`{"to":["kim@example.kr"],"subject":"수출 바우처","text":"모집합니다.","html":"<html><body><p>모집합니다.</p></body></html>","category":"marketing"}`)
		mail := d.only()
		link := "https://portal.gangwon.example/unsubscribe?id=" + mail.CommandID
		if result.Subject != "(광고) 수출 바우처" || mail.Subject != result.Subject {
			t.Errorf("subject %q, received %q", result.Subject, mail.Subject)
		}
		for part, text := range map[string]string{"text": mail.Text, "html": mail.HTML} {
			if !strings.Contains(text, imprint) || strings.Count(text, "Unsubscribe") != 1 || !strings.Contains(text, "수신거부") || !strings.Contains(text, link) {
				t.Errorf("%s lacks what the law demands: %q", part, text)
			}
		}
		if !strings.HasSuffix(strings.TrimSpace(mail.HTML), "</body></html>") {
			t.Errorf("html ends with %q", mail.HTML)
		}
		if got := mail.Header["List-Unsubscribe"]; got != "<"+link+">" {
			t.Errorf("List-Unsubscribe: %q", got)
		}
	})
	t.Run("a template has it", func(t *testing.T) {
		d := newDesk(t)
		const link = "https://portal.gangwon.kr/unsubscribe?id=7c41e0&x=1"
		_, _ = d.send(d.email(), command.EmailSend,
			`{"to":["kim@example.kr"],"template":"announcement","variables":{"title":"수출 바우처","body":"모집합니다.","unsubscribe_url":"`+link+`"}}`)
		mail := d.only()
		if !strings.HasPrefix(mail.Subject, "(광고)") || !strings.Contains(mail.Text, link) || strings.Contains(mail.Text, "free of charge") || mail.Header["List-Unsubscribe"] != "<"+link+">" {
			t.Errorf("received %+v", mail)
		}
	})
	t.Run("marked already", func(t *testing.T) {
		d := newDesk(t)
		_, result := d.send(d.email(), command.EmailSend, `{"to":["kim@example.kr"],"subject":"(광고) 수출 바우처","text":"x","category":"marketing"}`)
		if result.Subject != "(광고) 수출 바우처" {
			t.Errorf("subject %q", result.Subject)
		}
	})
	t.Run("switched off", func(t *testing.T) {
		d := newDesk(t)
		d.rules.Mark = false
		_, result := d.send(d.email(), command.EmailSend, `{"to":["kim@example.kr"],"subject":"수출 바우처","text":"x","category":"marketing"}`)
		if mail := d.only(); result.Subject != "수출 바우처" || strings.TrimSpace(mail.Text) != "x" || mail.Header["List-Unsubscribe"] == "" {
			t.Errorf("result %+v, received %+v", result, mail)
		}
	})
	t.Run("no page to opt out", func(t *testing.T) {
		d := newDesk(t)
		d.rules.UnsubscribeURL = ""
		plan, _ := d.send(d.email(), command.EmailSend, `{"to":["kim@example.kr"],"subject":"x","text":"y","category":"marketing"}`)
		if plan.End == nil || fault.Of(plan.End.Err) != fault.Internal || !strings.Contains(plan.End.Err.Error(), "email.unsubscribe_url") {
			t.Errorf("plan %+v", plan.End)
		}
	})
	t.Run("transactional is left alone", func(t *testing.T) {
		d := newDesk(t)
		_, result := d.send(d.email(), command.EmailSend, `{"to":["kim@example.kr"],"subject":"접수","text":"x"}`)
		if mail := d.only(); result.Subject != "접수" || strings.TrimSpace(mail.Text) != "x" || mail.Header["List-Unsubscribe"] != "" {
			t.Errorf("result %+v, received %+v", result, mail)
		}
	})
}
