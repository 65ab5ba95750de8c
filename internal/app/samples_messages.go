package app

import (
	"fmt"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// messageSamples shows templates, several recipients, and SMS with each outcome
// that a number asks for.
func messageSamples() []sample {
	mail := func(shows, body string, ends ...delivery.Status) sample {
		return sample{shows: shows, subject: "email.send", body: body, ends: ends}
	}
	text := func(shows, to string, ends ...delivery.Status) sample {
		return sample{
			shows: shows, subject: "sms.send", ends: ends,
			body: fmt.Sprintf(`{"to":%q,"text":"[강원 비즈니스 포털] 신청이 접수되었습니다. 접수번호 2026-0042"}`, to),
		}
	}
	return []sample{
		mail("a template", `{"to":["kim@example.kr"],"template":"application-received","locale":"ko","variables":{"name":"김민수","number":"2026-0042"}}`,
			delivery.Delivered),
		mail("a template in English", `{"to":["smith@example.com"],"template":"application-received","locale":"en","variables":{"name":"John Smith","number":"2026-0043"}}`,
			delivery.Delivered),
		mail("a reset link, which is kept nowhere", `{"to":["kim@example.kr"],"template":"password-reset","variables":{"reset_link":"https://portal.gangwon.kr/password/reset?token=3f9c1b7e"}}`,
			delivery.Delivered),
		mail("advertising", `{"to":["lee@example.kr"],"template":"announcement","variables":{"title":"2026년 수출 바우처","body":"참여 기업을 모집합니다.","unsubscribe_url":"https://portal.gangwon.kr/unsubscribe?id=7c41e0"}}`,
			delivery.Delivered),
		mail("three recipients, one refused", `{"to":["kim@example.kr","reject@example.kr"],"cc":["lee@example.kr"],"subject":"회의 안내","text":"내일 열립니다."}`,
			delivery.Delivered),
		mail("a variable is missing", `{"to":["kim@example.kr"],"template":"application-received","variables":{"name":"김민수"}}`, delivery.Rejected),
		text("an SMS", "010-1234-5678", delivery.Delivered),
		{
			shows: "a long SMS from a template", subject: "sms.send", ends: []delivery.Status{delivery.Delivered},
			body: `{"to":"+82 10-2345-6789","template":"supplement-requested","variables":{"name":"김민수","number":"2026-0042","due":"2026-02-14","items":[{"title":"사업자등록증 사본"},{"title":"2025년 재무제표"}]}}`,
		},
		text("an SMS that does not arrive", "010-0000-0001", delivery.Undelivered),
		text("an SMS refused by the gateway", "010-0000-0002", delivery.Failed),
		text("an SMS throttled once", "010-0000-0003", delivery.Delivered),
		{
			// Between 21:00 and 08:00 in Korea it waits.
			shows: "advertising by SMS", subject: "sms.send", ends: []delivery.Status{delivery.Delivered, delivery.Scheduled},
			body: `{"to":"010-3456-7890","text":"2026년 수출 바우처 참여 기업을 모집합니다.","category":"marketing"}`,
		},
		text("a fixed line", "033-249-2114", delivery.Rejected),
		{shows: "a character that mobiles lack", subject: "sms.send", body: `{"to":"010-1234-5678","text":"축하합니다 😀"}`, ends: []delivery.Status{delivery.Rejected}},
	}
}
