package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers/smstext"
)

func TestSMS(t *testing.T) {
	for name, c := range map[string]struct {
		body     string
		to, text string
		kind     string
	}{
		"Korean number, first gateway":  {`{"to":"010-1234-5678","text":"신청이 접수되었습니다."}`, "01012345678", "신청이 접수되었습니다.", "SMS"},
		"what mobiles lack is replaced": {`{"to":"+82 10 1234 5678","text":"1월–3월 • 접수"}`, "01012345678", "1월-3월 · 접수", "SMS"},
		"a subject makes it long":       {`{"to":"01012345678","subject":"접수 안내","text":"접수되었습니다."}`, "01012345678", "접수되었습니다.", "LMS"},
		"template": {
			`{"to":"01012345678","template":"application-received","locale":"en","variables":{"name":"Kim","number":"2026-0042"}}`,
			"01012345678", "2026-0042", "",
		},
		"pinned to SNS, which takes any character": {`{"to":"010-1234-5678","text":"축하합니다 😀","provider":"sns"}`, "+821012345678", "축하합니다 😀", ""},
		"abroad": {`{"to":"+81 90-1234-5678","text":"hello"}`, "9012345678", "hello", "SMS"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			_, result := d.send(d.sms(), command.SMSSend, c.body)
			if result.Status != delivery.Sent || result.Err != nil || len(result.Attempts) != 1 {
				t.Fatalf("result: %+v", result)
			}
			got := d.only()
			if !strings.HasSuffix(got.To[0], c.to) || !strings.Contains(got.Text, c.text) || (c.kind != "" && got.Header["type"] != c.kind) {
				t.Errorf("received %+v", got)
			}
		})
	}
}

func TestSMSThatCannotBeSent(t *testing.T) {
	d := newDesk(t)
	for body, field := range map[string]string{
		`{"to":"033-249-2114","text":"x"}`:                                                               "to",
		`{"to":"010-123-4567","text":"x"}`:                                                               "to",
		`{"to":"0303-123-4567","text":"x"}`:                                                              "to",
		`{"to":"010-1234-5678","text":"축하합니다 😀"}`:                                                        "text",
		`{"to":"010-1234-5678","subject":"😀","text":"x"}`:                                                "subject",
		fmt.Sprintf(`{"to":"010-1234-5678","text":%q}`, strings.Repeat("가", 1001)):                       "text",
		fmt.Sprintf(`{"to":"010-1234-5678","text":"x","subject":%q}`, strings.Repeat("가", 21)):           "subject",
		fmt.Sprintf(`{"to":"+81 90-1234-5678","text":%q}`, strings.Repeat("a", 91)):                      "text",
		fmt.Sprintf(`{"to":"010-1234-5678","provider":"sns","text":%q}`, strings.Repeat("가", 534)):       "text",
		`{"to":"010-1234-5678","text":"x","provider":"sens"}`:                                            "provider",
		`{"to":"010-1234-5678","template":"welcome","variables":{"name":"Kim"}}`:                         "template",
		`{"to":"010-1234-5678","template":"application-received","variables":{"name":"Kim"}}`:            "variables.number",
		`{"to":"010-1234-5678","template":"application-received","variables":{"name":"😀","number":"1"}}`: "text",
	} {
		plan, _ := d.send(d.sms(), command.SMSSend, body)
		d.invalid(plan, field)
	}
	plan, _ := d.send(d.sms(), command.SMSSend, `{"to":"010-1234-5678","text":"축하합니다 😀"}`)
	if text := plan.End.Err.Error(); !strings.Contains(text, "😀") || !strings.Contains(text, "U+1F600") {
		t.Errorf("%q does not name the character", text)
	}
	d.rules.Numbers.Virtual = true
	if plan, result := d.send(d.sms(), command.SMSSend, `{"to":"0503-123-45678","text":"x"}`); plan.End != nil || result.Err != nil {
		t.Errorf("virtual numbers allowed: %+v, %+v", plan, result)
	}
}

func TestSMSOutcomes(t *testing.T) {
	d := newDesk(t)
	for to, want := range map[string]fault.Reason{
		"010-0000-0001": fault.None, // does not arrive, which is reported later
		"010-0000-0002": fault.Refused,
		"010-0000-0003": fault.RateLimited,
	} {
		_, result := d.send(d.sms(), command.SMSSend, fmt.Sprintf(`{"to":%q,"text":"x"}`, to))
		if got := fault.Of(result.Err); got != want || (want == fault.None) != (result.Status == delivery.Sent) {
			t.Errorf("%s: %s (%v), want %s", to, got, result.Err, want)
		}
	}
}

func TestSMSToSuppressed(t *testing.T) {
	d := newDesk(t)
	d.blocked = blocked{command.Marketing: {"+821012345678"}}
	body := `{"to":"010-1234-5678","text":"x","category":"%s"}`
	plan, _ := d.send(d.sms(), command.SMSSend, fmt.Sprintf(body, command.Marketing))
	if plan.End == nil || fault.Of(plan.End.Err) != fault.Suppressed {
		t.Errorf("advertising: %+v", plan)
	}
	if _, result := d.send(d.sms(), command.SMSSend, fmt.Sprintf(body, command.Transactional)); result.Status != delivery.Sent {
		t.Errorf("transactional: %+v", result)
	}
}

func TestSMSAdvertising(t *testing.T) {
	d := newDesk(t)
	const body = `{"to":"010-1234-5678","text":"참여 기업을 모집합니다.","category":"marketing"}`
	_, result := d.send(d.sms(), command.SMSSend, body)
	want := "(광고)[강원비즈니스포털 033-249-2114] 참여 기업을 모집합니다.\n무료수신거부 080-123-4567"
	if got := d.only(); result.Status != delivery.Sent || got.Text != want {
		t.Errorf("result %+v, received %q, want %q", result, got.Text, want)
	}
	d.rules.Advertiser = smstext.Advertiser{}
	plan, _ := d.send(d.sms(), command.SMSSend, body)
	if plan.End == nil || fault.Of(plan.End.Err) != fault.Internal {
		t.Errorf("without a sender: %+v", plan)
	}
}

func TestQuietHours(t *testing.T) {
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, 3, day, hour, minute, 0, 0, smstext.Seoul())
	}
	morning := at(3, 8, 0)
	for name, c := range map[string]struct {
		now               time.Time
		marketing, mail   bool
		quietSMS, quietEM bool
		due               time.Time
	}{
		"noon":                       {now: at(2, 12, 0), marketing: true, quietSMS: true},
		"a minute before":            {now: at(2, 20, 59), marketing: true, quietSMS: true},
		"evening":                    {now: at(2, 21, 0), marketing: true, quietSMS: true, due: morning},
		"night":                      {now: at(3, 3, 0), marketing: true, quietSMS: true, due: morning},
		"morning":                    {now: morning, marketing: true, quietSMS: true},
		"transactional at night":     {now: at(3, 3, 0), quietSMS: true},
		"switched off":               {now: at(3, 3, 0), marketing: true},
		"e-mail at night":            {now: at(3, 3, 0), marketing: true, mail: true, quietSMS: true},
		"e-mail at night, if so set": {now: at(3, 3, 0), marketing: true, mail: true, quietEM: true, due: morning},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.now, d.rules.QuietSMS, d.rules.QuietEmail = c.now, c.quietSMS, c.quietEM
			category := command.Transactional
			if c.marketing {
				category = command.Marketing
			}
			h, kind, body := handler(d.sms()), command.SMSSend, `{"to":"010-1234-5678","text":"x","category":"`+category+`"}`
			if c.mail {
				h, kind, body = d.email(), command.EmailSend, `{"to":["kim@example.kr"],"subject":"x","text":"y","category":"`+category+`"}`
			}
			plan := h.Plan(t.Context(), d.command(kind, body))
			if !plan.Due.Equal(c.due) || plan.End != nil {
				t.Fatalf("plan %+v, want due %v", plan, c.due)
			}
			if !c.due.IsZero() && (plan.Status != delivery.Scheduled || plan.Provider != "" || plan.Reason != fault.None) {
				t.Errorf("plan %+v", plan)
			}
		})
	}
}
